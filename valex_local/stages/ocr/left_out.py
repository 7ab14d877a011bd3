"""Texts that are no text of the author's: kept in the record, marked with a reason, and left out of scripts.

They are the watermarks of programs and picture agencies, parts of a longer text that was read in full as well, and
scraps that the recogniser reads into logos and edges.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from rapidfuzz import fuzz

from valex_local.records import Notice, Track
from valex_local.stages.ocr.similarity import plain, same_place
from valex_local.stages.ocr.watermarks import is_watermark

WATERMARK = "a watermark"
PART = "part of a longer text in the same place"
SCRAP = "a scrap of a logo or an edge"

BRIEF = 0.5
"""Seconds. A scrap, or a part of a text just before or after it, is left out only if it stands for less."""

LASTING = 1.0
"""Seconds for which a text stands at least if parts of it just before or after it are left out."""

SCRAP_LETTERS = 3
"""Scraps have at most this many letters."""

MISREAD_FROM = 5
"""Parts with at least this many letters may have misread ones; in shorter ones every letter must be right."""

ALIKE = 88.0
"""Similarity (0 to 100) of a part to the letters of the whole text."""


def mark(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """Return the tracks, with a reason in `left_out` for those that are no text of the author's."""
    watermarks = [track for track in tracks if is_watermark(track.text)]
    others = [track for track in tracks if track not in watermarks]
    return tuple(
        track if (why := _reason(track, watermarks, others)) is None else track.model_copy(update={"left_out": why})
        for track in tracks
    )


def left_out_notices(tracks: Sequence[Track]) -> tuple[Notice, ...]:
    """Return a notice that counts the texts left out of scripts, with the reasons, if there are any."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for track in tracks:
        if track.left_out is not None:
            by_reason[track.left_out].append(track.id)
    if not by_reason:
        return ()
    reasons = "; ".join(f"{len(ids)} as {why} ({', '.join(ids)})" for why, ids in by_reason.items())
    return (Notice(code="text-left-out", text=f"on-screen texts left out of scripts: {reasons}"),)


def _reason(track: Track, watermarks: Sequence[Track], others: Sequence[Track]) -> str | None:
    if track in watermarks or any(_is_part_of_watermark(track, watermark) for watermark in watermarks):
        return WATERMARK
    beside = [other for other in others if other is not track and _beside(track, other)]
    if any(_is_part_of(track, other, beside) for other in beside):
        return PART
    return SCRAP if _is_scrap(track, beside) else None


def _beside(track: Track, other: Track) -> bool:
    """Return whether another text stands at the same height, less than `BRIEF` before or after a track if not with it.

    Captions shown a word at a time stand beside each other; they are neither parts nor scraps.
    """
    shared = min(track.box.top + track.box.height, other.box.top + other.box.height) - max(track.box.top, other.box.top)
    return shared > 0 and _together(track, other) > -BRIEF


def _together(track: Track, other: Track) -> float:
    """Return for how many seconds two tracks stand at once; the gap between them is negative."""
    return min(track.end, other.end) - max(track.start, other.start)


def _is_part_of_watermark(track: Track, watermark: Track) -> bool:
    long_enough = len(_letters(track.text)) >= SCRAP_LETTERS
    return long_enough and same_place(track.box, watermark.box) and _is_part(track.text, watermark.text)


def _is_part_of(track: Track, whole: Track, beside: Sequence[Track]) -> bool:
    """Return whether a track shows part of a longer text at the same time, or briefly just before or after it."""
    if not same_place(track.box, whole.box) or not _is_part(track.text, whole.text):
        return False
    seconds, in_full = track.end - track.start, whole.end - whole.start
    at_once = _together(track, whole) > seconds / 2  # in one place, so one of the two was misread
    just_before_or_after = seconds < BRIEF and in_full >= LASTING and len(beside) == 1
    return seconds < in_full and (at_once or just_before_or_after)


def _is_part(text: str, whole: str) -> bool:
    """Return whether a text is a part of a longer one, give or take a letter, but never a figure."""
    part, letters = _letters(text), _letters(whole)
    if not 0 < len(part) < len(letters) or not set(re.findall(r"\d+", text)) <= set(re.findall(r"\d+", whole)):
        return False
    return part in letters or (len(part) >= MISREAD_FROM and fuzz.partial_ratio(part, letters) >= ALIKE)


def _is_scrap(track: Track, beside: Sequence[Track]) -> bool:
    """Return whether a track is a few letters that flash up with no text beside them."""
    few = re.fullmatch(rf"[a-z]{{1,{SCRAP_LETTERS}}}", _letters(track.text))  # Numbers and prices are never scraps.
    return few is not None and track.end - track.start < BRIEF and not beside


def _letters(text: str) -> str:
    return "".join(c for c in plain(text) if c.isalnum())
