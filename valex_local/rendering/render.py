"""Scripts as files: the paper's loose text, Fountain, JSON. One small class a format.

Every text of a post stands on one line of its own kind, so no text can pass for another kind of line. Screen text that
repeats speech is shown once, as the speech. An element without any words is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from valex_local.errors import ConfigError
from valex_local.records import Action, Dialogue, Element, OnScreenText, PostLine, Scene, Script, Sound


class Renderer(Protocol):
    """Turns a script into the text of a file that ends in a newline; `suffix` is the file's."""

    suffix: str

    def __call__(self, script: Script) -> str:
        """Return the text."""


def get_renderer(format: str, *, times: bool = False) -> Renderer:
    """Return the renderer of a format: ``text``, ``fountain`` or ``json``.

    Parameters
    ----------
    format : str
        Name of the format.
    times : bool
        Show when each element begins, where the format leaves a choice; JSON always holds them.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if format == "json":
        return Json()
    if format not in _LOOSE:
        raise ConfigError(f"there is no script format {format!r}; there are: {', '.join([*_LOOSE, 'json'])}")
    return _LOOSE[format](times=times)


def render(script: Script, format: str, *, times: bool = False) -> str:
    """Return a script in a format; see `get_renderer`."""
    return get_renderer(format, times=times)(script)


class Json:
    """The record itself."""

    suffix = ".json"

    def __call__(self, script: Script) -> str:
        """Return the record as indented JSON."""
        return script.to_json()


class PaperText:
    """The loose text of the paper, which the classifiers read.

    ``SPEAKER: "speech"``, ``[ON-SCREEN TEXT]``, prose for actions, a heading in capitals, an empty line between scenes;
    first ``Post:`` and the published text, last ``Genre:`` (where known) and ``Sound:``.
    """

    suffix = ".txt"

    def __init__(self, *, times: bool = False) -> None:
        self._times = times

    def __call__(self, script: Script) -> str:
        """Return the script, one element a line."""
        blocks = [block for scene in script.scenes if (block := "\n".join(self._scene(scene)))]
        return "\n\n".join([*blocks, "\n".join(_facts(script))]) + "\n"

    def _scene(self, scene: Scene) -> Iterator[str]:
        shown = list(_shown(scene))
        yield from (f"Post: {one_line(e.text)}" for e in shown if isinstance(e, PostLine))
        if scene.heading:
            yield one_line(scene.heading).upper()
        for element in shown:
            if not isinstance(element, PostLine):
                yield f"{self._time(element.start)}{_paper_line(element)}"

    def _time(self, start: float | None) -> str:
        return f"({clock(start)}) " if self._times and start is not None else ""


def _paper_line(element: Dialogue | OnScreenText | Action) -> str:
    match element:
        case Dialogue():
            manner = " (mumbled)" if element.mumbled else ""
            return f'{one_line(element.speaker)}{manner}: "{one_line(element.text)}"'
        case OnScreenText():
            return f"[{one_line(element.text)}]"
        case Action():
            return one_line(element.text)


class Fountain:
    """Fountain 1.1, the plain-text format of screenplays (https://fountain.io/syntax).

    Every kind of line is forced by its mark and what would be a mark inside a text is escaped, so what a line is never
    hangs on what it says. Screen text is action, led in by SUPER as screenplays have it; times are notes.
    """

    suffix = ".fountain"

    def __init__(self, *, times: bool = False) -> None:
        self._times = times

    def __call__(self, script: Script) -> str:
        """Return title page and scenes."""
        title = "\n".join([f"Title: Script ({_escaped(script.name)})", *map(_escaped, _facts(script))])
        scenes = [block for number, scene in enumerate(script.scenes, 1) for block in self._scene(scene, number)]
        return "\n\n".join([title, *scenes]) + "\n"

    def _scene(self, scene: Scene, number: int) -> Iterator[str]:
        # A forced heading must begin with a letter or digit, and the place may be unknown.
        where = f" - {_fountain_heading(scene.heading)}" if scene.heading else ""
        yield f".SCENE {number}{where}{self._time(scene.start)}"
        for element in _shown(scene):
            yield _fountain_block(element) + ("" if isinstance(element, PostLine) else self._time(element.start))

    def _time(self, start: float | None) -> str:
        return f" [[{clock(start)}]]" if self._times and start is not None else ""


def _fountain_block(element: Element) -> str:
    match element:
        case Dialogue():
            manner = "\n(mumbled)" if element.mumbled else ""
            return f"@{_fountain_cue(element.speaker)}{manner}\n{_fountain_speech(element.text)}"
        case OnScreenText():
            return f'!SUPER: "{_escaped(element.text)}"'
        case PostLine():
            return f'!POST: "{_escaped(element.text)}"'
        case Action():
            return f"!{_escaped(element.text)}"


def _fountain_heading(place: str) -> str:
    """Return a place without the marks of a scene number."""
    return _escaped(place.replace("#", "")).upper()


def _fountain_cue(speaker: str) -> str:
    """Return a name without the mark of dual dialogue, which no escape hides from every reader."""
    return _escaped(speaker).rstrip("^ ") or "SPEAKER"


def _fountain_speech(text: str) -> str:
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


_LOOSE: dict[str, type[PaperText] | type[Fountain]] = {"text": PaperText, "fountain": Fountain}


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    joined = " ".join(text.split())
    return " ".join("".join(c for c in joined if c >= " " and not "\x7f" <= c <= "\x9f").split())


def clock(seconds: float) -> str:
    """Return a time as minutes, seconds and tenths: ``1:05.2``."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def _shown(scene: Scene) -> Iterator[Element]:
    for element in scene.elements:
        repeated = isinstance(element, OnScreenText) and element.repeats is not None
        if not repeated and one_line(element.text):
            yield element


def _facts(script: Script) -> Iterator[str]:
    """Yield genre, where known, and sound."""
    if script.genre and one_line(script.genre):
        yield f"Genre: {one_line(script.genre)}"
    yield f"Sound: {_sound(script.sound)}"


def _sound(sound: Sound | None) -> str:
    if sound is None:
        return "unknown"
    if not sound.has_sound:
        return "no"
    if sound.has_speech:
        return "yes, speech"
    return "yes, words that are not spoken" if sound.has_verbal_sound else "yes, no words"
