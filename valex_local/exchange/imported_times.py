"""Compare the times of an imported script with each other and with the length of the video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from valex_local.files.text import counted
from valex_local.records import Notice, PostLine, Script

TOLERANCE = 1.0
"""Seconds by which a time may exceed the length of the video, because scripts round their times."""

Times = tuple[float | None, float | None]


def with_checked_times(script: Script, duration: float | None) -> Script:
    """Return a script with notices on times that are out of order or beyond the end of the video; they stay as written.

    Parameters
    ----------
    script : Script
        An imported script.
    duration : float or None
        Length of the video in seconds; None if unknown.

    Returns
    -------
    Script
        The script with the notices.
    """
    notices = list(script.notices)
    starts = [start for start, _ in _times(script) if start is not None]
    if back := sum(later < earlier for earlier, later in pairwise(starts)):
        said = f"{back} of {len(starts)} times are earlier than the one before"
        notices.append(Notice(code="times-backwards", text=said))
    if duration is not None:
        late = [time for times in _times(script) for time in times if time is not None and time > duration + TOLERANCE]
        if late:
            said = f"{counted(len(late), 'time')} beyond the end of the video: up to {max(late):g} s of {duration:g} s"
            notices.append(Notice(code="times-beyond", text=said))
    return script.model_copy(update={"notices": tuple(notices)})


def _times(script: Script) -> Iterator[Times]:
    for scene in script.scenes:
        yield scene.start, scene.end
        for element in scene.elements:
            if not isinstance(element, PostLine):
                yield element.start, element.end
