"""The watermarks that programs and picture agencies put on a video."""

from __future__ import annotations

from rapidfuzz import fuzz

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


def is_watermark(text: str) -> bool:
    """Return whether a text is nothing but a watermark of `WATERMARKS`, give or take a letter."""
    shown = "".join(c for c in plain(text) if c.isalnum())
    return any(fuzz.ratio(shown, name) >= ALIKE for name in WATERMARKS)
