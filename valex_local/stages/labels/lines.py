"""A script as numbered lines: what a language model is shown, and what its answer can rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.records import Action, Dialogue, OnScreenText, PostLine, Script
from valex_local.rendering.render import one_line

if TYPE_CHECKING:
    from valex_local.corpus import Text


@dataclass(frozen=True)
class EvidenceLine:
    """A line of evidence.

    Attributes
    ----------
    id : str
        What labels name it by: the number of the evidence where it has one (P1, S3, T1), else L and its place among
        the elements of the script, or the lines of a text, counted from 1; of a heading H and the scene's number.
    kind : str
        ``post``, ``speech``, ``on screen``, ``action``, ``place``, or ``text`` in a bare text.
    text : str
        What it says, on one line.
    speaker : str or None
        Who says it, where that is known.
    """

    id: str
    kind: str
    text: str
    speaker: str | None = None


def script_lines(script: Script) -> tuple[EvidenceLine, ...]:
    """Return the lines of a script in order; screen text that repeats speech stands once, as the speech."""
    return tuple(line for line in _of_script(script) if line.text)


def _of_script(script: Script) -> Iterator[EvidenceLine]:
    number = 0
    for scene_number, scene in enumerate(script.scenes, 1):
        if scene.heading:
            yield EvidenceLine(f"H{scene_number}", "place", one_line(scene.heading))
        for element in scene.elements:
            number += 1
            match element:
                case PostLine():
                    yield EvidenceLine(element.ref, "post", one_line(element.text))
                case Dialogue():
                    yield EvidenceLine(
                        element.ref or f"L{number}", "speech", one_line(element.text), one_line(element.speaker)
                    )
                case OnScreenText():
                    if element.repeats is None:
                        yield EvidenceLine(element.ref or f"L{number}", "on screen", one_line(element.text))
                case Action():
                    yield EvidenceLine(f"L{number}", "action", one_line(element.text))


def lines_of(text: Text) -> tuple[EvidenceLine, ...]:
    """Return the lines of a text: those of the script it was rendered from, where there is one."""
    return text_lines(text.text) if text.script is None else script_lines(text.script)


def text_lines(text: str) -> tuple[EvidenceLine, ...]:
    """Return the lines of a bare text that hold anything."""
    lines = ((n, one_line(line)) for n, line in enumerate(text.splitlines(), 1))
    return tuple(EvidenceLine(f"L{n}", "text", line) for n, line in lines if line)
