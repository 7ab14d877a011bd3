"""Fountain, the plain-text format of screenplays."""

from __future__ import annotations

import re
from collections.abc import Iterator

from valex_local.files.text import one_line
from valex_local.records import SPEAKER, Script
from valex_local.rendering.lines import ScriptLine, ShownScene, script_facts, shown_scenes
from valex_local.rendering.timing import clock


class Fountain:
    """Fountain 1.1, the plain-text format of screenplays (https://fountain.io/syntax).

    Every kind of line is forced by its mark and what would be a mark inside a text is escaped, so what a line is never
    depends on what it says. Screen text is action, led in by SUPER as screenplays have it; times are notes.

    Parameters
    ----------
    times : bool
        Show when each line begins.
    """

    suffix = ".fountain"

    def __init__(self, *, times: bool = False) -> None:
        self._times = times

    def __call__(self, script: Script) -> str:
        """Return title page and scenes."""
        title = "\n".join([f"Title: Script ({_escaped(script.name)})", *map(_escaped, script_facts(script))])
        scenes = [block for scene in shown_scenes(script) for block in self._scene(scene)]
        return "\n\n".join([title, *scenes]) + "\n"

    def _scene(self, scene: ShownScene) -> Iterator[str]:
        # A forced heading must begin with a letter or digit, and the place may be unknown.
        place = next((f" - {_heading(line.text)}" for line in scene.lines if line.kind == "heading"), "")
        yield f".SCENE {scene.number}{place}{self._time(scene.start)}"
        for line in scene.lines:
            if line.kind != "heading":
                yield f"{_block(line)}{self._time(line.start)}"

    def _time(self, start: float | None) -> str:
        return f" [[{clock(start)}]]" if self._times and start is not None else ""


def _block(line: ScriptLine) -> str:
    match line.kind:
        case "dialogue":
            manner = "\n(mumbled)" if line.mumbled else ""
            return f"@{_cue(line.speaker or '')}{manner}\n{_speech(line.text)}"
        case "text":
            return f'!SUPER: "{_escaped(line.text)}"'
        case "post":
            return f'!POST: "{_escaped(line.text)}"'
        case _:
            return f"!{_escaped(line.text)}"


def _heading(place: str) -> str:
    """Return a place without the marks of a scene number."""
    return _escaped(place.replace("#", "")).upper()


def _cue(speaker: str) -> str:
    """Return a name without the mark of dual dialogue, which no escape hides from every reader."""
    return _escaped(speaker).rstrip("^ ") or SPEAKER


def _speech(text: str) -> str:
    """Return a line of speech that begins no other kind of line: heading, cue, lyric, section, parenthetical."""
    line = _escaped(text)
    aside = line.startswith("(") and line.endswith(")")
    return f"\\{line}" if aside or _FORCING.match(line) else line


_FORCING = re.compile(r"[!@=~>#]|\.(?!\.)")

# Emphasis, boneyard (its star) and notes (their second bracket).
_MARKS = re.compile(r"[\\*_]|(?<=\[)\[")


def _escaped(text: str) -> str:
    """Return a text on one line in which nothing is markup to Fountain."""
    return _MARKS.sub(lambda mark: f"\\{mark.group()}", one_line(text))
