"""Render scripts as Fountain, the plain-text format of screenplays."""

from __future__ import annotations

import re
from collections.abc import Iterator

from valex_local.files.text import one_line
from valex_local.records import SPEAKER, Script
from valex_local.rendering.lines import ScriptLine, ShownScene, script_facts, shown_scenes
from valex_local.rendering.timing import clock


class Fountain:
    """Renderer of Fountain 1.1 (https://fountain.io/syntax).

    Every line starts with the mark that forces its kind, and marks within text are escaped, so the kind of a line never
    depends on its content. Screen text is action preceded by SUPER, as is usual in screenplays; times are notes.

    Parameters
    ----------
    times : bool
        Whether to show when each line starts.
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
        # A forced heading must start with a letter or digit, and the place may be unknown.
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
    """Return the text of a heading without ``#``, which marks scene numbers."""
    return _escaped(place.replace("#", "")).upper()


def _cue(speaker: str) -> str:
    """Return a name without ``^``, the mark of dual dialogue, which not all readers can escape."""
    return _escaped(speaker).rstrip("^ ") or SPEAKER


def _speech(text: str) -> str:
    """Return a line of speech that cannot be read as another kind: heading, cue, lyric, section, parenthetical."""
    line = _escaped(text)
    aside = line.startswith("(") and line.endswith(")")
    return f"\\{line}" if aside or _FORCING.match(line) else line


_FORCING = re.compile(r"[!@=~>#]|\.(?!\.)")

# Emphasis, boneyard (its asterisk) and notes (their second bracket).
_MARKS = re.compile(r"[\\*_]|(?<=\[)\[")


def _escaped(text: str) -> str:
    """Return a text on one line, with Fountain markup escaped."""
    return _MARKS.sub(lambda mark: f"\\{mark.group()}", one_line(text))
