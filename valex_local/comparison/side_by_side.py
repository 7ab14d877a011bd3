"""Align two scripts side by side, mark what only one of them has, and show how much of the evidence each has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.lines import ComparedLine, LineKind, all_keys, of_kind
from valex_local.comparison.matching import Match, contains, in_order, joined, match_lines
from valex_local.comparison.words import common


@dataclass(frozen=True)
class TextSpan:
    """A piece of a line; `own` if the other script does not have it."""

    text: str
    own: bool


@dataclass(frozen=True)
class Cell:
    """A line in pieces; `moved` if the other script has it in another place."""

    line: ComparedLine
    pieces: tuple[TextSpan, ...]
    moved: bool


@dataclass(frozen=True)
class SideRow:
    """The lines in one row; None where a script has no line."""

    first: Cell | None
    second: Cell | None


@dataclass(frozen=True)
class EvidenceRow:
    """A line of recognised speech or screen text, and how much of it each script has."""

    line: ComparedLine
    subtitle: bool
    first: str
    second: str


# --- rows -----------------------------------------------------------------------------------------------------------


def side_by_side(one: Sequence[ComparedLine], other: Sequence[ComparedLine]) -> list[SideRow]:
    """Return two scripts aligned in rows.

    Lines of speech and screen text that are in both scripts in the same order share a row. Between them, actions are
    aligned with actions and headings with headings, whatever they say.
    """
    matches = match_lines(one, other)
    kept = in_order(matches)
    moved = [match for match in matches if match not in kept]
    words, other_words = _words_of_both(one, other)
    cells = [
        _cell(line, words.get(i, ()), i in {m.line for m in matches}, i in {m.line for m in moved})
        for i, line in enumerate(one)
    ]
    other_cells = [
        _cell(line, other_words.get(j, ()), j in {m.other_line for m in matches}, j in {m.other_line for m in moved})
        for j, line in enumerate(other)
    ]
    return [
        SideRow(None if i is None else cells[i], None if j is None else other_cells[j])
        for i, j in _places(one, other, kept)
    ]


Places = tuple[int | None, int | None]


def _places(one: Sequence[ComparedLine], other: Sequence[ComparedLine], kept: Sequence[Match]) -> Iterator[Places]:
    """Yield the lines that share a row, as positions in both scripts."""
    i = j = 0
    for match in kept:
        if match.line >= i and match.other_line >= j:  # a line may match several of the other script: take the first
            yield from _between(one, other, (i, match.line), (j, match.other_line))
            yield match.line, match.other_line
            i, j = match.line + 1, match.other_line + 1
    yield from _between(one, other, (i, len(one)), (j, len(other)))


def _between(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine], span: tuple[int, int], other_span: tuple[int, int]
) -> Iterator[Places]:
    """Yield the lines that share a row between two matches: actions and headings, in their order."""
    (i, end), (j, other_end) = span, other_span
    kinds = [_pairable(one[at], at) for at in range(i, end)]
    other_kinds = [_pairable(other[at], -1 - at) for at in range(j, other_end)]
    for step, other_step in common(kinds, other_kinds):
        line, other_line = span[0] + step, other_span[0] + other_step
        yield from ((at, None) for at in range(i, line))
        yield from ((None, at) for at in range(j, other_line))
        yield line, other_line
        i, j = line + 1, other_line + 1
    yield from ((at, None) for at in range(i, end))
    yield from ((None, at) for at in range(j, other_end))


def _pairable(line: ComparedLine, own: int) -> str | int:
    """Return a key that is equal for lines that may share a row: the kind or, for a line without words, its text."""
    if line.kind in (LineKind.ACTION, LineKind.PLACE):
        return line.kind.value
    return own if line.words else f"{line.kind} {line.text}"


# --- words ----------------------------------------------------------------------------------------------------------


def _words_of_both(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine]
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return the words of speech that are in both scripts in the same order, as positions in each line."""
    places, other_places = ([*_speech_words(lines)] for lines in (one, other))
    shared: dict[int, set[int]] = {}
    other_shared: dict[int, set[int]] = {}
    for at, other_at in common([key for *_, key in places], [key for *_, key in other_places]):
        shared.setdefault(places[at][0], set()).add(places[at][1])
        other_shared.setdefault(other_places[other_at][0], set()).add(other_places[other_at][1])
    return shared, other_shared


def _speech_words(lines: Sequence[ComparedLine]) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(lines):
        if line.kind is LineKind.SPEECH:
            yield from ((number, place, key) for place, key in enumerate(line.keys))


def _cell(line: ComparedLine, shared: Collection[int], matched: bool, moved: bool) -> Cell:
    if line.kind is LineKind.SPEECH:
        return Cell(line, tuple(_pieces(line, shared)), moved)
    own = line.kind is LineKind.TEXT and bool(line.words) and not matched
    return Cell(line, (TextSpan(line.text, own),), moved)


def _pieces(line: ComparedLine, shared: Collection[int]) -> Iterator[TextSpan]:
    """Yield a line in pieces: runs of words that the other script does not have, and the text between them."""
    done = 0
    numbered = enumerate(line.words)
    for own, run in groupby(numbered, key=lambda each: each[0] not in shared):
        if own:
            of_run = [word for _, word in run]
            start, end = of_run[0].start, of_run[-1].end
            yield from (piece for piece in (TextSpan(line.text[done:start], False),) if piece.text)
            yield TextSpan(line.text[start:end], True)
            done = end
    yield from (piece for piece in (TextSpan(line.text[done:], False),) if piece.text)


# --- evidence -------------------------------------------------------------------------------------------------------


def evidence_rows(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine], evidence: PostEvidence
) -> list[EvidenceRow]:
    """Return recognised speech and screen text by time, and how much of it each script has.

    Parameters
    ----------
    one, other : sequence of ComparedLine
        The scripts.
    evidence : PostEvidence
        Recognised speech and screen text of the post.

    Returns
    -------
    list of EvidenceRow
        One row for each recognised line, by its start.
    """
    heard, scripts = evidence.heard or (), (one, other)
    words = zip(heard, *(_words_kept(heard, lines) for lines in scripts), strict=True)
    shown = [joined(of_kind(lines, LineKind.TEXT)) for lines in scripts]
    rows = [EvidenceRow(line, False, kept, other_kept) for line, kept, other_kept in words]
    for subtitle, lines in ((False, evidence.read or ()), (True, evidence.subtitles)):
        rows += [EvidenceRow(x, subtitle, *("yes" if contains(text, x) else "no" for text in shown)) for x in lines]
    return sorted(rows, key=lambda row: row.line.start or 0.0)


def _words_kept(heard: Sequence[ComparedLine], lines: Sequence[ComparedLine]) -> list[str]:
    """Return how many words of each recognised line a script's speech has, as text."""
    kept = {at for at, _ in common(all_keys(heard), all_keys(of_kind(lines, LineKind.SPEECH)))}
    counts, begin = [], 0
    for line in heard:
        end = begin + len(line.keys)
        count = sum(begin <= at < end for at in kept)
        counts.append("all" if count == len(line.keys) else f"{count} of {len(line.keys)} words" if count else "no")
        begin = end
    return counts
