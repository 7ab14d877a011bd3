"""The lines of a script, and those of recognised speech and screen text, ready to be compared.

The text published with the video is left out: scripts may repeat it, but did not write it.
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
    """The kind of a line."""

    PLACE = "place"
    SPEECH = "speech"
    TEXT = "text"
    ACTION = "action"


@dataclass(frozen=True)
class ComparedLine:
    """A line of text, with the speaker if it is speech, and the start in seconds if that is known."""

    kind: LineKind
    text: str
    speaker: str | None = None
    start: float | None = None

    @cached_property
    def words(self) -> tuple[ComparedWord, ...]:
        """Return its words."""
        return words(self.text)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of its words, by which words are compared."""
        return tuple(word.key for word in self.words)

    @cached_property
    def plain(self) -> str:
        """Return the text by which it is compared letter by letter."""
        return plain_text(self.keys)


_KINDS = {
    "heading": LineKind.PLACE,
    "dialogue": LineKind.SPEECH,
    "text": LineKind.TEXT,
    "action": LineKind.ACTION,
}


def script_lines(script: Script) -> tuple[ComparedLine, ...]:
    """Return the lines of a script in order; screen text that repeats speech appears once, as the speech."""
    return tuple(
        ComparedLine(_KINDS[line.kind], line.text, line.speaker, line.start)
        for line in shown_lines(script)
        if line.kind in _KINDS
    )


def heard_lines(segments: Sequence[Segment]) -> tuple[ComparedLine, ...]:
    """Return recognised speech by time, without segments that contain no word."""
    lines = (
        ComparedLine(LineKind.SPEECH, one_line(s.text), start=s.start) for s in sorted(segments, key=lambda s: s.start)
    )
    return tuple(line for line in lines if line.words)


def read_lines(tracks: Sequence[Track]) -> tuple[ComparedLine, ...]:
    """Return recognised screen text by time, without tracks that contain no word."""
    lines = (
        ComparedLine(LineKind.TEXT, one_line(t.text), start=t.start) for t in sorted(tracks, key=lambda t: t.start)
    )
    return tuple(line for line in lines if line.words)


def of_kind(lines: Sequence[ComparedLine], *kinds: LineKind) -> tuple[ComparedLine, ...]:
    """Return the lines of some kinds that contain a word."""
    return tuple(line for line in lines if line.kind in kinds and line.words)


def all_keys(lines: Sequence[ComparedLine]) -> list[str]:
    """Return the keys of the words in all lines, in order."""
    return [key for line in lines for key in line.keys]
