"""Which keyframes an action line is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from valex_local.records import Keyframe, Scene, Script
from valex_local.rendering.lines import ScriptLine, script_lines

RestsOn = Literal["named", "time", "video"]


@dataclass(frozen=True)
class LineToScore:
    """An action line and its keyframes.

    Attributes
    ----------
    scene, element : int
        Number of the scene, and of the element in it, both counted from 1.
    text : str
        The line, without line breaks.
    written_by : str
        Which writer wrote the scene.
    rests_on : {"named", "time", "video"}
        The rule by which its keyframes were chosen; as in `GroundedLine`.
    keyframes : tuple of int
        Indices of its keyframes among those of the video, at least one.
    """

    scene: int
    element: int
    text: str
    written_by: str
    rests_on: RestsOn
    keyframes: tuple[int, ...]


def action_lines(script: Script, keyframes: Sequence[Keyframe]) -> list[LineToScore]:
    """Return the action lines of a script, each with its keyframes; blank lines are left out, as by the renderers.

    Parameters
    ----------
    script : Script
        The script.
    keyframes : sequence of Keyframe
        All keyframes of the video, at least one.
    """
    return [
        LineToScore(
            line.scene,
            line.element,
            line.text,
            script.scenes[line.scene - 1].written_by,
            *_rests_on(line, script.scenes[line.scene - 1], keyframes),
        )
        for line in script_lines(script)
        if line.kind == "action"
    ]


def _rests_on(line: ScriptLine, scene: Scene, keyframes: Sequence[Keyframe]) -> tuple[RestsOn, tuple[int, ...]]:
    named = tuple(i for i, keyframe in enumerate(keyframes) if keyframe.id in line.keyframes)
    if named:
        return "named", named
    for start, end in ((line.start, line.end), (scene.start, scene.end)):
        if start is not None and end is not None:
            inside = tuple(i for i, keyframe in enumerate(keyframes) if start <= keyframe.time < end)
            # A line may be shorter than the distance between two keyframes; then the nearest one is used.
            return "time", inside or (_nearest(start, end, keyframes),)
    return "video", tuple(range(len(keyframes)))


def _nearest(start: float, end: float, keyframes: Sequence[Keyframe]) -> int:
    return min(range(len(keyframes)), key=lambda i: max(start - keyframes[i].time, keyframes[i].time - end))
