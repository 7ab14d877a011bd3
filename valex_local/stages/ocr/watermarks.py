"""Texts that programs and picture agencies put on a video: kept in the record, marked, and left out of scripts."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz import fuzz

from valex_local.records import Track
from valex_local.stages.ocr.similarity import plain

WATERMARKS = (
    "shutterstock",
    "gettyimages",
    "istockphoto",
    "adobestock",
    "depositphotos",
    "dreamstime",
    "pond5",
    "videoblocks",
    "storyblocks",
    "clideocom",
    "kapwingcom",
    "invideoio",
    "veedio",
    "madewithkinemaster",
    "madewithcapcut",
)
"""Watermarks, as letters and digits without spaces."""

ALIKE = 88.0
"""Similarity (0 to 100) from which a text is a watermark: a letter of a name is often hidden by the picture."""


def mark(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the tracks, with a reason in `left_out` for those whose whole text is a watermark."""
    return tuple(
        track.model_copy(update={"left_out": "a watermark"}) if is_watermark(track.text) else track for track in tracks
    )


def is_watermark(text: str) -> bool:
    """Return whether a text is nothing but a watermark of `WATERMARKS`, give or take a letter."""
    shown = "".join(c for c in plain(text) if c.isalnum())
    return any(fuzz.ratio(shown, name) >= ALIKE for name in WATERMARKS)
