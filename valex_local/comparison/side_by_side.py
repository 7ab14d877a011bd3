"""Two scripts beside each other: which lines share a row, which words only one has, what each has of the evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from valex_local.comparison.evidence import PostEvidence
from valex_local.comparison.lines import ComparedLine, LineKind, all_keys, of_kind
from valex_local.comparison.matching import Match, holds, in_order, joined, match_lines
from valex_local.comparison.words import common


@dataclass(frozen=True)
class TextSpan:
    """A piece of a line; `own` where the other script does not have it."""

    text: str
    own: bool


@dataclass(frozen=True)
class Cell:
    """A line as it is shown; `moved` where the other script has it at another place."""

    line: ComparedLine
    pieces: tuple[TextSpan, ...]
    moved: bool


@dataclass(frozen=True)
class SideRow:
    """Lines that stand beside each other; None where a side has none."""

    first: Cell | None
    second: Cell | None


@dataclass(frozen=True)
class EvidenceRow:
    """A line that was heard or read, and what each script has of it."""

    line: ComparedLine
    subtitle: bool
    first: str
    second: str


# --- rows -----------------------------------------------------------------------------------------------------------


def side_by_side(one: Sequence[ComparedLine], other: Sequence[ComparedLine]) -> list[SideRow]:
    """Lay two scripts beside each other.

    Lines of speech and screen text that stand in both in one order share a row. Between them an action faces an action
    and a heading a heading, whatever they say.
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
    """Yield which lines share a row."""
    i = j = 0
    for match in kept:
        if match.line >= i and match.other_line >= j:  # of a line that is several of the other side, the first
            yield from _between(one, other, (i, match.line), (j, match.other_line))
            yield match.line, match.other_line
            i, j = match.line + 1, match.other_line + 1
    yield from _between(one, other, (i, len(one)), (j, len(other)))


def _between(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine], span: tuple[int, int], other_span: tuple[int, int]
) -> Iterator[Places]:
    """Yield which lines between two that match share a row: actions and headings, in their order."""
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
    """Return what a line must share with one that it may face: its kind, or where it has no words its signs."""
    if line.kind in (LineKind.ACTION, LineKind.PLACE):
        return line.kind.value
    return own if line.words else f"{line.kind} {line.text}"


# --- words ----------------------------------------------------------------------------------------------------------


def _words_of_both(
    one: Sequence[ComparedLine], other: Sequence[ComparedLine]
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Return which words of which line of speech stand in both scripts in one order, by line."""
    places, other_places = ([*_speech_words(lines)] for lines in (one, other))
    held: dict[int, set[int]] = {}
    other_held: dict[int, set[int]] = {}
    for at, other_at in common([key for *_, key in places], [key for *_, key in other_places]):
        held.setdefault(places[at][0], set()).add(places[at][1])
        other_held.setdefault(other_places[other_at][0], set()).add(other_places[other_at][1])
    return held, other_held


def _speech_words(lines: Sequence[ComparedLine]) -> Iterator[tuple[int, int, str]]:
    for number, line in enumerate(lines):
        if line.kind is LineKind.SPEECH:
            yield from ((number, place, key) for place, key in enumerate(line.keys))


def _cell(line: ComparedLine, held: Collection[int], matched: bool, moved: bool) -> Cell:
    if line.kind is LineKind.SPEECH:
        return Cell(line, tuple(_pieces(line, held)), moved)
    own = line.kind is LineKind.TEXT and bool(line.words) and not matched
    return Cell(line, (TextSpan(line.text, own),), moved)


def _pieces(line: ComparedLine, held: Collection[int]) -> Iterator[TextSpan]:
    """Yield a line in pieces: runs of words that the other script does not have, and what lies between them."""
    done = 0
    numbered = enumerate(line.words)
    for own, run in groupby(numbered, key=lambda each: each[0] not in held):
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
    """Return what was heard and read, by time, and what each script has of it."""
    heard, sides = evidence.heard or (), (one, other)
    words = zip(heard, *(_words_held(heard, lines) for lines in sides), strict=True)
    shown = [joined(of_kind(lines, LineKind.TEXT)) for lines in sides]
    rows = [EvidenceRow(line, False, has, has_too) for line, has, has_too in words]
    for subtitle, lines in ((False, evidence.read or ()), (True, evidence.subtitles)):
        rows += [EvidenceRow(x, subtitle, *("yes" if holds(text, x) else "no" for text in shown)) for x in lines]
    return sorted(rows, key=lambda row: row.line.start or 0.0)


def _words_held(heard: Sequence[ComparedLine], lines: Sequence[ComparedLine]) -> list[str]:
    """Say how many words of each line that was heard a script's speech has, in one order."""
    held = {at for at, _ in common(all_keys(heard), all_keys(of_kind(lines, LineKind.SPEECH)))}
    said, begin = [], 0
    for line in heard:
        end = begin + len(line.keys)
        count = sum(begin <= at < end for at in held)
        said.append("all" if count == len(line.keys) else f"{count} of {len(line.keys)} words" if count else "no")
        begin = end
    return said
