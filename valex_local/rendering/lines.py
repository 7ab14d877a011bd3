"""Turn a script into numbered lines, which renderers, pages, comparisons and labels share.

Every text is put on one line of its own kind, so that no text can be mistaken for another kind of line. Empty lines are
left out. Screen text that repeats speech is shown once, as the speech.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from valex_local.files.text import one_line
from valex_local.records import Action, Dialogue, Element, OnScreenText, PostLine, Scene, Script, Sound


@dataclass(frozen=True)
class ScriptLine:
    """A line of a script.

    Attributes
    ----------
    id : str
        The id by which labels cite it: the number of its evidence if it has one (P1, S3, T1), and for a part of a line
        that several speakers say also that of the part (S3.1, S3.2); else L and its position among the elements of the
        script, counted from 1; for a heading, H and the number of the scene.
    kind : {"post", "dialogue", "text", "action", "heading"}
        Its kind.
    text : str
        Its text, on one line.
    scene, element : int
        The number of the scene, and of the element in it, both counted from 1; the element of a heading is 0.
    speaker : str or None
        The speaker of dialogue.
    start, end : float or None
        Seconds from the start of the video; for a heading, the start of its scene.
    mumbled : bool
        Whether speech recognition was unsure of the words.
    repeats : str or None
        The segment that screen text repeats.
    also : tuple of str
        Numbers of the screen texts that repeat this speech.
    keyframes : tuple of str
        The keyframes on which an action is based.
    """

    id: str
    kind: Literal["post", "dialogue", "text", "action", "heading"]
    text: str
    scene: int
    element: int
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    mumbled: bool = False
    repeats: str | None = None
    also: tuple[str, ...] = ()
    keyframes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownScene:
    """A scene with its lines; `fallen_back` if the language model failed and the template wrote it instead."""

    number: int
    start: float | None
    fallen_back: bool
    lines: tuple[ScriptLine, ...] = ()


def script_lines(script: Script) -> tuple[ScriptLine, ...]:
    """Return all lines of a script in order."""
    return tuple(line for lines in _by_scene(script) for line in lines)


def shown_lines(script: Script) -> tuple[ScriptLine, ...]:
    """Return the lines of a script in order, without screen text that repeats speech."""
    return tuple(line for line in script_lines(script) if line.repeats is None)


def shown_scenes(script: Script) -> tuple[ShownScene, ...]:
    """Return the scenes of a script, including empty ones, with the lines of `shown_lines`."""
    by_model = any(scene.written_by == "llm" for scene in script.scenes) or script.figures.scenes_fallen_back > 0
    return tuple(
        ShownScene(
            number,
            scene.start,
            by_model and scene.written_by == "template",
            tuple(line for line in lines if line.repeats is None),
        )
        for number, (scene, lines) in enumerate(zip(script.scenes, _by_scene(script), strict=True), 1)
    )


def _by_scene(script: Script) -> Iterator[list[ScriptLine]]:
    repeats, parts = _repeats(script), _parts(script)
    before = 0
    for number, scene in enumerate(script.scenes, 1):
        lines = _lines(scene, number, before, repeats)
        yield [replace(line, id=parts.get((number, line.element), line.id)) for line in lines if line.text]
        before += len(scene.elements)


def _repeats(script: Script) -> dict[str, tuple[str, ...]]:
    """Return the screen texts that repeat each segment."""
    found: dict[str, tuple[str, ...]] = {}
    for element in (e for scene in script.scenes for e in scene.elements):
        if isinstance(element, OnScreenText) and element.repeats is not None and element.ref is not None:
            found[element.repeats] = (*found.get(element.repeats, ()), element.ref)
    return found


def _parts(script: Script) -> dict[tuple[int, int], str]:
    """Return the ids of parts of divided lines, S3.1 and S3.2, by scene and element."""
    places: dict[str, list[tuple[int, int]]] = {}
    for number, scene in enumerate(script.scenes, 1):
        for place, element in enumerate(scene.elements, 1):
            if isinstance(element, Dialogue) and element.ref is not None:
                places.setdefault(element.ref, []).append((number, place))
    divided = {ref: found for ref, found in places.items() if len(found) > 1}
    return {at: f"{ref}.{part}" for ref, found in divided.items() for part, at in enumerate(found, 1)}


def _lines(scene: Scene, number: int, before: int, repeats: dict[str, tuple[str, ...]]) -> Iterator[ScriptLine]:
    if scene.heading:
        yield ScriptLine(f"H{number}", "heading", one_line(scene.heading), number, 0, start=scene.start)
    for place, element in enumerate(scene.elements, 1):
        yield _line(element, f"L{before + place}", (number, place), repeats)


def _line(element: Element, number: str, at: tuple[int, int], repeats: dict[str, tuple[str, ...]]) -> ScriptLine:
    text = one_line(element.text)
    match element:
        case PostLine():
            return ScriptLine(element.ref, "post", text, *at)
        case Dialogue():
            return ScriptLine(
                element.ref or number,
                "dialogue",
                text,
                *at,
                speaker=one_line(element.speaker),
                start=element.start,
                end=element.end,
                mumbled=element.mumbled,
                also=repeats.get(element.ref or "", ()),
            )
        case OnScreenText():
            ref = element.ref or number
            return ScriptLine(ref, "text", text, *at, start=element.start, end=element.end, repeats=element.repeats)
        case Action():
            keyframes = element.keyframes
            return ScriptLine(number, "action", text, *at, start=element.start, end=element.end, keyframes=keyframes)


def script_facts(script: Script) -> Iterator[str]:
    """Yield the lines of a rendering about the whole script: its genre, if known, and its sound."""
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
