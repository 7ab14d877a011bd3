"""The lines of a script, and those of what was heard and read, ready to be compared.

The text published with the video is none of them: a script that repeats it, as ours do, has not written it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from valex_local.comparison.words import ComparedWord, plain_text, words
from valex_local.files.text import one_line
from valex_local.records import Script, Segment, Track
from valex_local.rendering.lines import shown_lines


class LineKind(StrEnum):
    """What a line is."""

    PLACE = "place"
    SPEECH = "speech"
    TEXT = "text"
    ACTION = "action"


@dataclass(frozen=True)
class ComparedLine:
    """A line: what it says on one line, by whom if it is speech, and when it begins if that is known (seconds)."""

    kind: LineKind
    text: str
    speaker: str | None = None
    start: float | None = None

    @cached_property
    def words(self) -> tuple[ComparedWord, ...]:
        """Its words."""
        return words(self.text)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What its words are compared by."""
        return tuple(word.key for word in self.words)

    @cached_property
    def plain(self) -> str:
        """What it is compared by, letter by letter."""
        return plain_text(self.keys)


_KINDS = {
    "heading": LineKind.PLACE,
    "dialogue": LineKind.SPEECH,
    "text": LineKind.TEXT,
    "action": LineKind.ACTION,
}


def script_lines(script: Script) -> tuple[ComparedLine, ...]:
    """Return the lines of a script in order; screen text that repeats speech stands once, as the speech."""
    return tuple(
        ComparedLine(_KINDS[line.kind], line.text, line.speaker, line.start)
        for line in shown_lines(script)
        if line.kind in _KINDS
    )


def heard_lines(segments: Sequence[Segment]) -> tuple[ComparedLine, ...]:
    """Return what was heard, by time; what holds no word is left out."""
    lines = (
        ComparedLine(LineKind.SPEECH, one_line(s.text), start=s.start) for s in sorted(segments, key=lambda s: s.start)
    )
    return tuple(line for line in lines if line.words)


def read_lines(tracks: Sequence[Track]) -> tuple[ComparedLine, ...]:
    """Return what was read, by time; what holds no word is left out."""
    lines = (
        ComparedLine(LineKind.TEXT, one_line(t.text), start=t.start) for t in sorted(tracks, key=lambda t: t.start)
    )
    return tuple(line for line in lines if line.words)


def of_kind(lines: Sequence[ComparedLine], *kinds: LineKind) -> tuple[ComparedLine, ...]:
    """Return the lines of some kinds that hold a word."""
    return tuple(line for line in lines if line.kind in kinds and line.words)


def all_keys(lines: Sequence[ComparedLine]) -> list[str]:
    """Return the words of lines, one line after the other."""
    return [key for line in lines for key in line.keys]
