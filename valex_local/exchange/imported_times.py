"""Compare the times of an imported script with each other and with the length of the video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from valex_local.files.text import counted
from valex_local.records import Element, Notice, PostLine, Scene, Script

TOLERANCE = 1.0
"""Seconds by which a time may exceed the length of the video, because scripts round their times."""

Times = tuple[float | None, float | None]


def with_checked_times(script: Script, duration: float | None) -> Script:
    """Return a script without times beyond the end of the video; notices say what was dropped and what is out of order.

    Parameters
    ----------
    script : Script
        An imported script.
    duration : float or None
        Length of the video in seconds; None if unknown.

    Returns
    -------
    Script
        The script, in the same order.
    """
    notices = list(script.notices)
    starts = [start for start, _ in _times(script) if start is not None]
    if back := sum(later < earlier for earlier, later in pairwise(starts)):
        said = f"{back} of {len(starts)} times are earlier than the one before"
        notices.append(Notice(code="times-backwards", text=said))
    if duration is not None:
        limit = duration + TOLERANCE
        late = [time for times in _times(script) for time in times if time is not None and time > limit]
        if late:
            said = f"times reach {max(late):g} s, the video has {duration:g} s; {counted(len(late), 'time')} dropped"
            notices.append(Notice(code="times-beyond", text=said))
            script = script.model_copy(update={"scenes": tuple(_within(scene, limit) for scene in script.scenes)})
    return script.model_copy(update={"notices": tuple(notices)})


def _times(script: Script) -> Iterator[Times]:
    for scene in script.scenes:
        yield scene.start, scene.end
        for element in scene.elements:
            if not isinstance(element, PostLine):
                yield element.start, element.end


def _within(scene: Scene, limit: float) -> Scene:
    elements: list[Element] = []
    for element in scene.elements:
        if isinstance(element, PostLine):
            elements.append(element)
        else:
            elements.append(element.model_copy(update=_cut(element.start, element.end, limit)))
    return scene.model_copy(update={"elements": tuple(elements), **_cut(scene.start, scene.end, limit)})


def _cut(start: float | None, end: float | None, limit: float) -> dict[str, float | None]:
    if start is not None and start > limit:
        return {"start": None, "end": None}
    return {"start": start, "end": None if end is not None and end > limit else end}
