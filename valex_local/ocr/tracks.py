"""From readings of single frames to tracks: one text in one place, from when to when.

A reading tells what stood in a box at one moment. How long it stood there follows from the strokes of the frames around
it: the text was there while most strokes of its box were. Readings of one text in one place then become one track, and
lines that stand together over each other become one text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from valex_local.ocr.engines import Reading
from valex_local.records import Box, Track

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from valex_local.ocr.gate import Strokes

LASTING = 0.5
"""Share of the strokes of a text that must be seen for it to be there still."""

SAME_TEXT = 80.0
"""Similarity, of 100, above which two readings in one place are one text."""

SAME_PLACE = 0.5
"""Share of the smaller box that two boxes must share to be one place."""

LINE_GAP = 0.9
"""Lines less than this many line heights apart stand together."""


@dataclass(frozen=True)
class Span:
    """A reading with the time in which its text stood there, seconds."""

    text: str
    box: Box
    confidence: float
    start: float
    end: float
    readings: int = 1


def find_span(reading: Reading, at: int, times: Sequence[float], maps: Sequence[Strokes], end: float) -> Span:
    """Say since when and until when a text stood there.

    Parameters
    ----------
    reading : Reading
        What was read in the frame `at`.
    at : int
        Index of the frame.
    times : sequence of float
        Time of each frame, seconds.
    maps : sequence of ndarray of bool, shape (2, height, width)
        Strokes of each frame.
    end : float
        End of the video, seconds.
    """
    strokes = _crop(maps[at], reading.box)
    count = max(1, int(strokes.sum()))

    def lasts(index: int) -> bool:
        there = _crop(maps[index], reading.box)
        return there.shape == strokes.shape and int((there & strokes).sum()) >= LASTING * count

    first = last = at
    while first > 0 and lasts(first - 1):
        first -= 1
    while last + 1 < len(maps) and lasts(last + 1):
        last += 1
    # A text comes and goes between two frames: half-way is the best guess.
    start = times[first] if first == 0 else (times[first - 1] + times[first]) / 2
    stop = end if last + 1 == len(maps) else (times[last] + times[last + 1]) / 2
    return Span(reading.text, reading.box, reading.confidence, start, max(start, stop))


def merge(spans: Sequence[Span], step: float) -> tuple[Track, ...]:
    """Make tracks of spans.

    Parameters
    ----------
    spans : sequence of Span
        In any order.
    step : float
        Seconds between two frames looked at: gaps shorter than two of them do not part a text.
    """
    merged = _merge_repeated(spans, 2 * step)
    blocks = _join_lines(merged, step)
    ordered = sorted(_merge_repeated(blocks, 2 * step), key=_order)
    return tuple(
        Track(
            id=f"T{i}",
            text=span.text,
            start=span.start,
            end=span.end,
            box=span.box,
            confidence=span.confidence,
            readings=span.readings,
        )
        for i, span in enumerate(ordered, 1)
    )


def _merge_repeated(spans: Sequence[Span], gap: float) -> list[Span]:
    """Merge spans of one text in one place that follow each other; of differing readings the surest one stands."""
    out: list[Span] = []
    for span in sorted(spans, key=_order):
        for i in reversed(range(len(out))):
            if _same(out[i], span, gap):
                out[i] = _united(out[i], span)
                break
        else:
            out.append(span)
    return out


def _same(one: Span, other: Span, gap: float) -> bool:
    from rapidfuzz import fuzz

    near = one.start - gap <= other.end and other.start - gap <= one.end
    if not near or _shared(one.box, other.box) < SAME_PLACE:
        return False
    a, b = _plain(one.text), _plain(other.text)
    # Karaoke captions grow: the shorter is the beginning of the longer.
    shorter, longer = sorted((a, b), key=len)
    return bool(fuzz.ratio(a, b) >= SAME_TEXT or fuzz.ratio(shorter, longer[: len(shorter)]) >= SAME_TEXT)


def _united(one: Span, other: Span) -> Span:
    """Unite two spans; a much longer reading is the grown caption, else the surer one is right."""
    best = max((one, other), key=lambda s: (s.confidence, len(s.text)))
    longer = max((one, other), key=lambda s: (len(s.text), s.confidence))
    if len(_plain(longer.text)) > 1.2 * len(_plain(best.text)):
        best = longer
    return replace(
        best,
        box=_hull(one.box, other.box),
        start=min(one.start, other.start),
        end=max(one.end, other.end),
        readings=one.readings + other.readings,
    )


def _join_lines(spans: Sequence[Span], step: float) -> list[Span]:
    """Join lines that stand over each other for the same time into one text, from top to bottom."""
    blocks: list[list[Span]] = []
    for span in sorted(spans, key=lambda s: (s.box.top, s.box.left, s.start, s.text)):
        for block in blocks:
            if _next_line(block[-1], span, step):
                block.append(span)
                break
        else:
            blocks.append([span])
    return [_block(block) for block in blocks]


def _next_line(upper: Span, lower: Span, step: float) -> bool:
    # They go together; they need not come together, since captions grow line by line.
    together = abs(upper.end - lower.end) <= 2 * step and lower.start < upper.end and upper.start < lower.end
    height = min(upper.box.height, lower.box.height)
    alike = max(upper.box.height, lower.box.height) <= 1.6 * height
    gap = lower.box.top - (upper.box.top + upper.box.height)
    left = max(upper.box.left, lower.box.left)
    right = min(upper.box.left + upper.box.width, lower.box.left + lower.box.width)
    return together and alike and -0.5 * height <= gap <= LINE_GAP * height and right > left


def _block(lines: Sequence[Span]) -> Span:
    box = lines[0].box
    for line in lines[1:]:
        box = _hull(box, line.box)
    weight = sum(len(line.text) for line in lines)
    return Span(
        text="\n".join(line.text for line in lines),
        box=box,
        confidence=sum(line.confidence * len(line.text) for line in lines) / max(1, weight),
        start=min(line.start for line in lines),
        end=max(line.end for line in lines),
        readings=max(line.readings for line in lines),
    )


def _order(span: Span) -> tuple[float, float, float, str]:
    return round(span.start, 3), span.box.top, span.box.left, span.text


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _crop(strokes: Strokes, box: Box) -> NDArray[np.bool_]:
    _, height, width = strokes.shape
    top, left = int(box.top * height), int(box.left * width)
    bottom, right = int(np.ceil((box.top + box.height) * height)), int(np.ceil((box.left + box.width) * width))
    return strokes[:, top : max(bottom, top + 1), left : max(right, left + 1)]


def _hull(one: Box, other: Box) -> Box:
    left, top = min(one.left, other.left), min(one.top, other.top)
    right = max(one.left + one.width, other.left + other.width)
    bottom = max(one.top + one.height, other.top + other.height)
    return Box(left=left, top=top, width=min(1.0, right - left), height=min(1.0, bottom - top))


def _shared(one: Box, other: Box) -> float:
    """Return the share of the smaller box that lies in the other."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    smaller = min(one.width * one.height, other.width * other.height)
    return max(0.0, width) * max(0.0, height) / smaller if smaller > 0 else 0.0
