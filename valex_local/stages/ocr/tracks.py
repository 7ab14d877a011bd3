"""Tracks from readings: one text in one place, with its start and end.

Consecutive spans of one text in one place become one track, in which the readings vote; a caption that grows word by
word is one text; lines that belong together become one text in reading order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from statistics import fmean

from valex_local.records import Track
from valex_local.stages.ocr.similarity import begins, hull, plain, same_place, same_text, same_words, similarity
from valex_local.stages.ocr.spans import ReadingSpan

GAP_STEPS = 2
"""A gap of up to this many sampling intervals does not split a text."""

AT_ONCE = 0.6
"""Similarity from which two readings in the same place at the same time are one text."""

FULL_LENGTH = 0.9
"""Readings shorter than this fraction of the longest show a caption that was still growing, and have no vote."""

ALIKE = 1.6
"""Maximum ratio of the heights of two lines of one text."""

LINE_GAP = 0.9
"""Lines less than this many line heights apart belong together."""

WORD_GAP = 1.0
"""Parts of a line less than this many line heights apart belong together."""


def merge(spans: Sequence[ReadingSpan], step: float) -> tuple[Track, ...]:
    """Return the tracks that spans of readings make up.

    Parameters
    ----------
    spans : sequence of ReadingSpan
        In any order.
    step : float
        Sampling interval, seconds.
    """
    gap = GAP_STEPS * step
    texts = [_vote(group) for group in _group_repeated(spans, gap)]
    rows = _join(texts, lambda one, other: _right_of(one, other, gap), " ", lambda s: (s.box.left, s.box.top))
    blocks = _join(rows, lambda one, other: _below(one, other, gap, rows), "\n", lambda s: (s.box.top, s.box.left))
    # A caption whose line breaks moved as it grew can be grouped only now.
    ordered = sorted((_vote(group) for group in _group_repeated(blocks, gap)), key=_order)
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


def _order(span: ReadingSpan) -> tuple[float, float, float, float, str, float]:
    return round(span.start, 3), span.box.top, span.box.left, span.end, span.text, span.confidence


# --- one text in one place ------------------------------------------------------------------------------------------


def _group_repeated(spans: Sequence[ReadingSpan], gap: float) -> list[list[ReadingSpan]]:
    """Return groups of spans of one text in one place that are consecutive or overlap."""
    closed: list[list[ReadingSpan]] = []
    current: list[list[ReadingSpan]] = []
    for span in sorted(spans, key=_order):
        closed += [group for group in current if max(s.end for s in group) < span.start - gap]
        current = [group for group in current if max(s.end for s in group) >= span.start - gap]
        group = next((g for g in reversed(current) if any(_same(s, span, gap) for s in g)), None)
        if group is None:
            current.append([span])
        else:
            group.append(span)
    return closed + current


def _same(earlier: ReadingSpan, later: ReadingSpan, gap: float) -> bool:
    if later.start > earlier.end + gap or not same_place(earlier.box, later.box):
        return False
    if same_words(earlier.text, later.text) or begins(earlier.text, later.text):
        return True
    together = min(earlier.end, later.end) - later.start
    if together <= 0:
        # Their strokes were told apart: not one text misread, but two that differ in a figure or a word.
        return False
    # Two texts cannot be in the same place at the same time: one of them was misread.
    shorter = min(earlier.end - earlier.start, later.end - later.start)
    claimed = shorter <= 2 * together and similarity(earlier.text, later.text) >= AT_ONCE
    return claimed or same_text(earlier.text, later.text)


def _vote(group: Sequence[ReadingSpan]) -> ReadingSpan:
    """Return the spans of one text merged; of differing full-length readings, the one with the most confidence wins."""
    longest = max(len(plain(span.text)) for span in group)
    votes: dict[str, list[ReadingSpan]] = defaultdict(list)
    for span in group:
        if len(plain(span.text)) >= FULL_LENGTH * longest:
            votes[span.text].append(span)
    chosen = max(votes, key=lambda text: (round(sum(s.confidence * s.readings for s in votes[text]), 6), text))
    return ReadingSpan(
        text=chosen,
        box=reduce(hull, (span.box for span in votes[chosen])),
        confidence=fmean(sorted(span.confidence for span in votes[chosen])),
        start=min(span.start for span in group),
        end=max(span.end for span in group),
        readings=sum(span.readings for span in group),
    )


# --- lines that belong together -------------------------------------------------------------------------------------


def _join(
    spans: Sequence[ReadingSpan],
    follows: Callable[[ReadingSpan, ReadingSpan], bool],
    between: str,
    order: Callable[[ReadingSpan], tuple[float, float]],
) -> list[ReadingSpan]:
    """Return spans joined into texts: in the given order, each span is added to a chain whose last one it follows."""
    chains: list[list[ReadingSpan]] = []
    for span in sorted(spans, key=lambda s: (*order(s), *_order(s))):
        chain = next((c for c in chains if follows(c[-1], span)), None)
        if chain is None:
            chains.append([span])
        else:
            chain.append(span)
    return [chain[0] if len(chain) == 1 else _joined(chain, between) for chain in chains]


def _joined(spans: Sequence[ReadingSpan], between: str) -> ReadingSpan:
    letters = sum(len(span.text) for span in spans)
    return ReadingSpan(
        text=between.join(span.text for span in spans),
        box=reduce(hull, (span.box for span in spans)),
        confidence=sum(span.confidence * len(span.text) for span in spans) / letters,
        start=min(span.start for span in spans),
        end=max(span.end for span in spans),
        readings=max(span.readings for span in spans),
    )


def _right_of(left: ReadingSpan, right: ReadingSpan, gap: float) -> bool:
    """Return whether a span continues the line of another one."""
    height = min(left.box.height, right.box.height)
    apart = right.box.left - (left.box.left + left.box.width)
    shared = _shared(left.box.top, left.box.height, right.box.top, right.box.height)
    # Fractions of width and height differ by the aspect ratio of the frame; the height of a letter is close enough.
    return _together(left, right, gap) and shared >= 0.6 * height and -0.5 * height <= apart <= WORD_GAP * height


def _below(upper: ReadingSpan, lower: ReadingSpan, gap: float, lines: Sequence[ReadingSpan]) -> bool:
    """Return whether a span is the next line of another one."""
    height = min(upper.box.height, lower.box.height)
    apart = lower.box.top - (upper.box.top + upper.box.height)
    shared = _shared(upper.box.left, upper.box.width, lower.box.left, lower.box.width)
    if not _together(upper, lower, gap) or shared <= 0 or not -0.5 * height <= apart <= LINE_GAP * height:
        return False
    # A second line may appear later than the first, never earlier. Captions changing under a title are not its lines.
    changed = any(
        upper.start + gap < line.end <= lower.start + gap and same_place(line.box, lower.box)
        for line in lines
        if line is not lower
    )
    return lower.start >= upper.start - gap and not changed


def _together(one: ReadingSpan, other: ReadingSpan, gap: float) -> bool:
    """Return whether two spans of similar height overlap in time and end together."""
    alike = max(one.box.height, other.box.height) <= ALIKE * min(one.box.height, other.box.height)
    at_once = min(one.end, other.end) > max(one.start, other.start)
    return alike and at_once and abs(one.end - other.end) <= gap


def _shared(start: float, length: float, other_start: float, other_length: float) -> float:
    return min(start + length, other_start + other_length) - max(start, other_start)
