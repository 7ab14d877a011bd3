"""The lines of a script, and those of what was heard and read, ready to be compared.

The text published with the video is none of them: a script that repeats it, as ours do, has not written it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from valex_local.comparison.words import ComparedWord, plain_text, words
from valex_local.records import Action, Dialogue, OnScreenText, Script, Segment, Track
from valex_local.rendering.render import one_line


class LineKind(StrEnum):
    """What a line is."""

    PLACE = "place"
    SPEECH = "speech"
    TEXT = "text"
    ACTION = "action"


@dataclass(frozen=True)
class ScriptLine:
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


def script_lines(script: Script) -> tuple[ScriptLine, ...]:
    """Return the lines of a script in order; screen text that repeats speech stands once, as the speech."""
    return tuple(line for line in _of_script(script) if line.text)


def _of_script(script: Script) -> Iterator[ScriptLine]:
    for scene in script.scenes:
        if scene.heading:
            yield ScriptLine(LineKind.PLACE, one_line(scene.heading), start=scene.start)
        for element in scene.elements:
            match element:
                case Dialogue():
                    yield ScriptLine(LineKind.SPEECH, one_line(element.text), one_line(element.speaker), element.start)
                case OnScreenText() if element.repeats is None:
                    yield ScriptLine(LineKind.TEXT, one_line(element.text), start=element.start)
                case Action():
                    yield ScriptLine(LineKind.ACTION, one_line(element.text), start=element.start)


def heard_lines(segments: Sequence[Segment]) -> tuple[ScriptLine, ...]:
    """Return what was heard, by time; what holds no word is left out."""
    lines = (
        ScriptLine(LineKind.SPEECH, one_line(s.text), start=s.start) for s in sorted(segments, key=lambda s: s.start)
    )
    return tuple(line for line in lines if line.words)


def read_lines(tracks: Sequence[Track]) -> tuple[ScriptLine, ...]:
    """Return what was read, by time; what holds no word is left out."""
    lines = (ScriptLine(LineKind.TEXT, one_line(t.text), start=t.start) for t in sorted(tracks, key=lambda t: t.start))
    return tuple(line for line in lines if line.words)


def of_kind(lines: Sequence[ScriptLine], *kinds: LineKind) -> tuple[ScriptLine, ...]:
    """Return the lines of some kinds that hold a word."""
    return tuple(line for line in lines if line.kind in kinds and line.words)


def all_keys(lines: Sequence[ScriptLine]) -> list[str]:
    """Return the words of lines, one line after the other."""
    return [key for line in lines for key in line.keys]
