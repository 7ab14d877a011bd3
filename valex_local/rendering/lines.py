"""A script as the lines that a page shows, numbered as the labels of language models name them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from valex_local.records import Action, Dialogue, Element, OnScreenText, PostLine, Scene, Script
from valex_local.rendering.render import one_line


@dataclass(frozen=True)
class ShownLine:
    """A line of a script.

    Attributes
    ----------
    id : str
        As `valex_local.stages.labels.lines.EvidenceLine.id`: what the evidence of labels names it by.
    kind : str
        ``post``, ``dialogue``, ``text``, ``action`` or ``heading``.
    text : str
        What it says, on one line.
    speaker : str or None
        Who says it.
    start, end : float or None
        Seconds from the start of the video.
    mumbled : bool
        Whether the words were heard unsurely.
    also : tuple of str
        Screen text that repeats this speech, by number: it is shown once, as the speech.
    keyframes : tuple of str
        The pictures an action rests on.
    """

    id: str
    kind: str
    text: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None
    mumbled: bool = False
    also: tuple[str, ...] = ()
    keyframes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownScene:
    """A scene: its lines, and whether it was written without the language model that was to write it."""

    number: int
    start: float | None
    fallen_back: bool
    lines: tuple[ShownLine, ...] = field(default=())


def shown_scenes(script: Script) -> tuple[ShownScene, ...]:
    """Return the scenes of a script with the lines that hold words."""
    by_model = any(scene.written_by == "llm" for scene in script.scenes) or script.figures.scenes_fallen_back > 0
    repeats = _repeats(script)
    scenes, before = [], 0
    for number, scene in enumerate(script.scenes, 1):
        lines = tuple(line for line in _lines(scene, number, before, repeats) if line.text)
        fallen_back = by_model and scene.written_by == "template"
        scenes.append(ShownScene(number, scene.start, fallen_back, lines))
        before += len(scene.elements)
    return tuple(scenes)


def _repeats(script: Script) -> dict[str, tuple[str, ...]]:
    """Return the screen texts that repeat each segment."""
    found: dict[str, tuple[str, ...]] = {}
    for element in (e for scene in script.scenes for e in scene.elements):
        if isinstance(element, OnScreenText) and element.repeats is not None and element.ref is not None:
            found[element.repeats] = (*found.get(element.repeats, ()), element.ref)
    return found


def _lines(scene: Scene, number: int, before: int, repeats: dict[str, tuple[str, ...]]) -> Iterator[ShownLine]:
    if scene.heading:
        yield ShownLine(f"H{number}", "heading", one_line(scene.heading), start=scene.start)
    for at, element in enumerate(scene.elements, before + 1):
        if not (isinstance(element, OnScreenText) and element.repeats is not None):
            yield _line(element, f"L{at}", repeats)


def _line(element: Element, number: str, repeats: dict[str, tuple[str, ...]]) -> ShownLine:
    text = one_line(element.text)
    match element:
        case PostLine():
            return ShownLine(element.ref, "post", text)
        case Dialogue():
            return ShownLine(
                element.ref or number,
                "dialogue",
                text,
                speaker=one_line(element.speaker),
                start=element.start,
                end=element.end,
                mumbled=element.mumbled,
                also=repeats.get(element.ref or "", ()),
            )
        case OnScreenText():
            return ShownLine(element.ref or number, "text", text, start=element.start, end=element.end)
        case Action():
            return ShownLine(number, "action", text, start=element.start, end=element.end, keyframes=element.keyframes)
