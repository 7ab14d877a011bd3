"""Speakers in a finished script: lines divided where the speaker changes, and one name for each person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from valex_local.records import SPEAKER, Dialogue, Element, PostLine, Scene
from valex_local.stages.speakers.words import SpokenPart


def with_speakers(scenes: Sequence[Scene], spoken: Mapping[str, tuple[SpokenPart, ...]]) -> tuple[Scene, ...]:
    """Return the scenes of a script with the speakers that were told apart.

    Parameters
    ----------
    scenes : sequence of Scene
        The scenes as a writer left them, with whole lines.
    spoken : mapping of str to tuple of SpokenPart
        Who says what of each line; see `spoken_parts`. Nothing changes where it is empty.

    Returns
    -------
    tuple of Scene
        The scenes. Parts of a line keep its reference and follow in order of time.
    """
    if not spoken:
        return tuple(scenes)
    names = _names(scenes, spoken)
    return tuple(_scene(scene, spoken, names) for scene in scenes)


def _names(scenes: Sequence[Scene], spoken: Mapping[str, tuple[SpokenPart, ...]]) -> dict[str, str]:
    """Return the name that a writer gave to most of the words of each speaker; no name is given to two of them."""
    given: Counter[tuple[str, str]] = Counter()
    for line in (element for scene in scenes for element in scene.elements):
        if isinstance(line, Dialogue) and line.speaker != SPEAKER and len(spoken.get(line.ref or "", ())) == 1:
            given[spoken[line.ref or ""][0].speaker, line.speaker] += len(line.text)
    names: dict[str, str] = {}
    for (speaker, name), _ in given.most_common():
        if speaker not in names and name not in names.values():
            names[speaker] = name
    return names


def _scene(scene: Scene, spoken: Mapping[str, tuple[SpokenPart, ...]], names: Mapping[str, str]) -> Scene:
    elements = [part for element in scene.elements for part in _divided(element, spoken, names)]
    return scene.model_copy(update={"elements": tuple(sorted(elements, key=_start))})


def _divided(
    element: Element, spoken: Mapping[str, tuple[SpokenPart, ...]], names: Mapping[str, str]
) -> Iterator[Element]:
    parts = spoken.get(element.ref or "", ()) if isinstance(element, Dialogue) else ()
    for part in parts:
        given = {"speaker": names.get(part.speaker, part.speaker), "text": part.text}
        yield element.model_copy(update=given | {"start": part.start, "end": part.end})
    if not parts:
        yield element


def _start(element: Element) -> float:
    return -1.0 if isinstance(element, PostLine) or element.start is None else element.start
