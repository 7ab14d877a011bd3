"""Match the lines of two scripts, wherever they stand, and compare their order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz, process

from valex_local.comparison.lines import ComparedLine, LineKind
from valex_local.comparison.words import common
from valex_local.stages.script.evidence import REPEAT_SCORE

SAME_TEXT = REPEAT_SCORE
"""Similarity (0 to 100) from which two screen texts are the same; all numerals must be in both, too."""

SAME_SPEECH = 70.0
"""Similarity from which two lines of speech are the same: speech may be transcribed a little differently."""

PART_WORDS = 3
"""A line of fewer words is not looked for inside a longer one, where it could occur by chance."""

SHORT_LETTERS = 5
"""A text of fewer letters must match exactly: with one letter changed it would be another word."""

_LEAST = {LineKind.SPEECH: SAME_SPEECH, LineKind.TEXT: SAME_TEXT}


@dataclass(frozen=True)
class Found:
    """Where a text is found in another, ``[start, end)``, and how similar they are there, from 0 to 100."""

    score: float
    start: int
    end: int


@dataclass(frozen=True)
class Match:
    """A line of each script with the same content, or of which one contains the other.

    `place` and `other_place` are positions in reading order: the line, and where the matching part of its text starts.
    """

    kind: LineKind
    line: int
    start: int
    other_line: int
    other_start: int

    @property
    def place(self) -> tuple[int, int]:
        """Return its position in the first script."""
        return self.line, self.start

    @property
    def other_place(self) -> tuple[int, int]:
        """Return its position in the second script."""
        return self.other_line, self.other_start


def find(needle: str, text: str, kind: LineKind, *, whole: bool = False) -> Found | None:
    """Return where a text is found in another; one that is longer must be similar to the whole.

    Parameters
    ----------
    needle, text : str
        The text to find and the one to search, as `ComparedLine.plain`.
    kind : LineKind
        Speech or screen text, which decides how similar they must be.
    whole : bool
        Whether the needle must be similar to the whole text even if it is shorter.

    Returns
    -------
    Found or None
        The best place; None if the texts are not similar enough.
    """
    least = _LEAST[kind]
    if len(needle.strip()) < SHORT_LETTERS:
        start = text.find(needle) if not whole or needle == text else -1
        return None if start < 0 else Found(100.0, start, start + len(needle))
    if whole or len(needle) > len(text):
        found = Found(fuzz.ratio(needle, text), 0, len(text))
    else:
        at = fuzz.partial_ratio_alignment(needle, text, score_cutoff=least)
        found = Found(0.0, 0, 0) if at is None else Found(at.score, at.dest_start, at.dest_end)
    if found.score < least or (kind is LineKind.TEXT and not _numerals(needle) <= _numerals_around(text, found)):
        return None
    return found


def _numerals(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


def _numerals_around(text: str, found: Found) -> set[str]:
    """Return the numerals in the place found, in full even if its ends cut them."""
    spans = (m for m in re.finditer(r"\d+", text) if m.end() > found.start and m.start() < found.end)
    return {m.group() for m in spans}


def contains(text: str, line: ComparedLine) -> bool:
    """Whether a text, as `ComparedLine.plain`, contains a line."""
    return find(line.plain, text, line.kind) is not None


def joined(lines: Sequence[ComparedLine]) -> str:
    """Return lines as one text, in which others can be looked for."""
    return "".join(line.plain[:-1] for line in lines) + " "


# --- lines of both --------------------------------------------------------------------------------------------------


def match_lines(one: Sequence[ComparedLine], other: Sequence[ComparedLine]) -> list[Match]:
    """Return matches of speech with speech and of screen text with screen text, regardless of their order.

    A line can match several lines of the other script if it contains them in different places; nothing is matched
    twice. The most similar lines are matched first, among equals those at about the same position.

    Returns
    -------
    list of Match
        The matches, in the order of the first script.
    """
    pairs = sorted(pair for kind in _LEAST for pair in _candidates(one, other, kind))
    taken = _Taken(), _Taken()
    matches = []
    for pair in pairs:
        if taken[0].is_free(pair.i, *pair.span) and taken[1].is_free(pair.j, *pair.other_span):
            taken[0].take(pair.i, *pair.span)
            taken[1].take(pair.j, *pair.other_span)
            kind = one[pair.i].kind
            matches.append(Match(kind, pair.i, pair.span[0], pair.j, pair.other_span[0]))
    return sorted(matches, key=lambda match: match.place)


_Spans = tuple[float, tuple[int, int], tuple[int, int]]


class _Pair(NamedTuple):
    """Two lines that may match; a tuple because there may be millions, sorted by dissimilarity, then distance."""

    dissimilarity: float  # 100 minus similarity
    distance: float
    i: int
    j: int
    span: tuple[int, int]
    other_span: tuple[int, int]


def _candidates(one: Sequence[ComparedLine], other: Sequence[ComparedLine], kind: LineKind) -> Iterator[_Pair]:
    """Yield the pairs of lines of a kind that may match; a text that is repeated is compared only once."""
    ours, theirs = _places(one, kind), _places(other, kind)
    if not ours or not theirs:
        return
    rows, columns = list(ours.values()), list(theirs.values())
    alike = process.cdist(list(ours), list(theirs), scorer=fuzz.partial_ratio, score_cutoff=_LEAST[kind])
    for row, column in np.argwhere(alike):
        spans = _spans(one[rows[row][0]], other[columns[column][0]])
        if spans is None:
            continue
        for i, j in product(rows[row], columns[column]):
            yield _Pair(100 - spans[0], abs(i / len(one) - j / len(other)), i, j, spans[1], spans[2])


def _places(lines: Sequence[ComparedLine], kind: LineKind) -> dict[str, list[int]]:
    """Return the lines at which each text of a kind occurs."""
    places: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if line.kind is kind and line.words:
            places.setdefault(line.plain, []).append(at)
    return places


def _spans(one: ComparedLine, other: ComparedLine) -> _Spans | None:
    """Return how similar two lines are and the matching part of each; None if they do not match."""
    if one.plain == other.plain:
        return 100.0, (0, len(one.plain)), (0, len(other.plain))
    swap = len(one.plain) > len(other.plain)
    short, long = (other, one) if swap else (one, other)
    found = find(short.plain, long.plain, one.kind, whole=len(short.words) < PART_WORDS)
    if found is None:
        return None
    outer, inner = (0, len(short.plain)), (found.start, found.end)
    return (found.score, inner, outer) if swap else (found.score, outer, inner)


class _Taken:
    """The parts of lines that are already matched."""

    def __init__(self) -> None:
        self._spans: dict[int, list[tuple[int, int]]] = {}

    def is_free(self, line: int, start: int, end: int) -> bool:
        """Whether at least half of a part is not matched yet; the ends of parts are not exact."""
        return all(2 * (min(end, e) - max(start, s)) <= end - start for s, e in self._spans.get(line, ()))

    def take(self, line: int, start: int, end: int) -> None:
        self._spans.setdefault(line, []).append((start, end))


# --- their order ----------------------------------------------------------------------------------------------------


def in_order(matches: Sequence[Match]) -> list[Match]:
    """Return the matches that are in the same order in both scripts; the others have moved.

    These are as many matches of speech as possible, then as many of screen text as fit between them: speech carries a
    script, while screen text may come before or after it at the writer's discretion.

    Parameters
    ----------
    matches : sequence of Match
        The matches, in the order of the first script.
    """
    speech = _longest_chain([match for match in matches if match.kind is LineKind.SPEECH])
    texts = [m for m in matches if m.kind is LineKind.TEXT and all(_in_one_order(m, spoken) for spoken in speech)]
    return sorted([*speech, *_longest_chain(texts)], key=lambda match: match.place)


def _longest_chain(matches: Sequence[Match]) -> list[Match]:
    other = sorted(matches, key=lambda match: match.other_place)
    return [matches[i] for i, _ in common(matches, other)]


def _in_one_order(one: Match, other: Match) -> bool:
    return (one.place < other.place) == (one.other_place < other.other_place)


def kendall(one: Sequence[float], other: Sequence[float], *, slack: float = 0.0) -> float | None:
    """Return Kendall's tau of two orders: 1 for the same order, -1 for the reverse.

    Tied pairs have no order and are left out (Kendall 1938, Biometrika 30(1/2); without ties this is the gamma of
    Goodman and Kruskal 1954, JASA 49(268)).

    Parameters
    ----------
    one, other : sequence of float, (N,)
        Positions of the same things in both orders.
    slack : float
        Positions in `one` that differ by no more than this are tied.

    Returns
    -------
    float or None
        (pairs in the same order - pairs in the reverse order) / pairs; None if there is no pair.
    """
    places, other_places = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    steps, other_steps = (np.subtract.outer(each, each) for each in (places, other_places))
    counted = np.triu((np.abs(steps) > slack) & (other_steps != 0), k=1)
    if not counted.any():
        return None
    return float((np.sign(steps) * np.sign(other_steps))[counted].mean())
