"""Words that repeat themselves: a refrain that is said, or a loop that Whisper fell into.

Whisper's compression ratio covers a whole decoding window. So where it is high, the words are looked at one run of
repetitions at a time. A loop gives itself away in two ways. Its first round is improbable, and each round makes the
next more probable. And its words have no place in the sound, so that most of their times shrink to nothing. A refrain
is probable from its first round on, and its words last; Whisper may still count it wrong, and then the rounds too many
are those without length. Even spacing says nothing: synthetic and looped voices repeat evenly too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from valex_local.stages.speech.engine import RawSegment, RecognisedWord

SHORTEST_WORD = 0.03
"""Seconds. A word without length, up to Whisper's step of 0.02 seconds, has no place in the sound."""
FEWEST_ROUNDS = 3
"""From how many times in a row on words count as repeated."""
LONGEST_UNIT = 40
"""Words in the unit that is repeated."""
MOST_MISPLACED = 1 / 3
"""Fraction of words without length above which repeated words are a loop. Refrains had up to 0.2, loops 0.37 to 0.9."""
LEAST_PROBABLE = 0.6
"""Mean probability of words below which they are not believed beside repetition. Refrains had 0.84 and 0.92 in their
first round, loops over noise, music, slowed and foreign voices 0.1 to 0.58."""


@dataclass(frozen=True)
class Run:
    """Words [start, end) that repeat a unit of `length` words; the last round may be incomplete."""

    start: int
    end: int
    length: int


def mark_refrains(lines: Sequence[RawSegment], *, max_compression: float) -> list[RawSegment]:
    """Return the lines of a piece, with `said_again` set where repeated words were really said.

    Lines are split where believed words meet others; no word is lost, added or moved. Lines without words
    (translations) stay as they are.

    Parameters
    ----------
    lines : sequence of RawSegment
        The lines of one piece, in order of time.
    max_compression : float
        The compression ratio above which a window is looked at.

    Returns
    -------
    list of RawSegment
        The lines.
    """
    found: list[RawSegment] = []
    for (_, _, ratio), window in groupby(lines, key=_window):
        group = list(window)
        if ratio <= max_compression or not all(line.words for line in group):
            found += group
            continue
        believed = iter(_believed([word for line in group for word in line.words]))
        for line in group:
            found += _split(line, [next(believed) for _ in line.words])
    return found


def find_runs(words: Sequence[str]) -> list[Run]:
    """Return the runs of repeated words, in order and without overlap.

    Of several readings at one place, such as "no no no no", the one that covers the most words counts, and of these the
    one with the shortest unit.
    """
    runs: list[Run] = []
    at = 0
    while at < len(words):
        best = max(_runs_at(words, at), key=lambda run: (run.end, -run.length), default=None)
        if best is not None:
            runs.append(best)
        at = at + 1 if best is None else best.end
    return runs


def _runs_at(words: Sequence[str], start: int) -> Iterator[Run]:
    for length in range(1, min(LONGEST_UNIT, (len(words) - start) // FEWEST_ROUNDS) + 1):
        unit, end = words[start : start + length], start + length
        while words[end : end + length] == unit:
            end += length
        if end - start >= FEWEST_ROUNDS * length:
            # A round that was begun belongs to the run: a loop often ends in one.
            while end < len(words) and words[end] == words[end - length]:
                end += 1
            yield Run(start, end, length)


def _believed(words: Sequence[RecognisedWord]) -> list[bool]:
    """Return for each word of a window that repeats itself whether it is taken as said."""
    believed = [False] * len(words)
    runs = find_runs([_plain(word.text) for word in words])
    for run in runs:
        rounds = [words[at : min(at + run.length, run.end)] for at in range(run.start, run.end, run.length)]
        if _probability(rounds[0]) >= LEAST_PROBABLE and _misplaced(words[run.start : run.end]) <= MOST_MISPLACED:
            for i, said in enumerate(rounds):
                at = run.start + i * run.length
                believed[at : at + len(said)] = [_misplaced(said) <= MOST_MISPLACED] * len(said)
    edges = [0, *(edge for run in runs for edge in (run.start, run.end)), len(words)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        between = words[start:end]
        if between and _probability(between) >= LEAST_PROBABLE and _misplaced(between) <= MOST_MISPLACED:
            believed[start:end] = [True] * len(between)
    return believed


def _split(line: RawSegment, believed: Sequence[bool]) -> Iterator[RawSegment]:
    for said, group in groupby(zip(line.words, believed, strict=True), key=lambda pair: pair[1]):
        words = tuple(word for word, _ in group)
        text = "".join(word.text for word in words)
        yield replace(line, start=words[0].start, end=words[-1].end, text=text, words=words, said_again=said)


def _window(line: RawSegment) -> tuple[float, float | None, float]:
    return line.avg_logprob, line.no_speech_probability, line.compression_ratio


def _plain(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _probability(words: Sequence[RecognisedWord]) -> float:
    return sum(word.probability for word in words) / len(words)


def _misplaced(words: Sequence[RecognisedWord]) -> float:
    return sum(word.end - word.start < SHORTEST_WORD for word in words) / len(words)
