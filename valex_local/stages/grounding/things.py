"""Things that action lines name, compared with what detectors find in the keyframes.

Where a line names a thing of a known class and the class is found in its keyframes, the line is right about it. Where
it is not found, that is a hint at best: detectors miss more than half of the things in real pictures. Words for what no
detector knows are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import GroundedKeyframe, NamedThing
from valex_local.stages.grounding.evidence import LineToScore
from valex_local.stages.vision.detection import PERSON, Classes, Found

WORDS = Path(__file__).with_name("things.toml")

_DENIED = re.compile(r"\b(?:no|not|without|never|neither|nor|like an?|empty of)(?: [a-z]+)?$")
"""The end of what precedes a word for a thing that is not there, or is only compared with: "no other people"."""

_BEFORE = 24
"""Characters before a word in which it may be denied."""


class Words(BaseModel):
    """The words in `things.toml`: `words` by class, `unsure` the classes whose own words are not enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsure: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Named:
    """A thing that a line names: its class, and the word of the line."""

    name: str
    word: str


class ThingWords:
    """Finds words for the classes of a detector in English action lines.

    Parameters
    ----------
    classes : Classes
        The classes.
    path : Path
        More words for them.

    Raises
    ------
    ConfigError
        The file is wrong.
    """

    def __init__(self, classes: Classes, path: Path = WORDS) -> None:
        self._class_of = dict(_spelled(classes, _read(path)))
        longest_first = sorted(self._class_of, key=len, reverse=True)
        self._pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, longest_first))})(?![\w-])", re.IGNORECASE)

    def __call__(self, text: str) -> list[Named]:
        """Return what a line names, each class once; what it says is not there does not count."""
        found: dict[str, Named] = {}
        for match in self._pattern.finditer(text):
            if not _DENIED.search(text[max(0, match.start() - _BEFORE) : match.start()].rstrip().casefold()):
                name = self._class_of[match[0].casefold()]
                found.setdefault(name, Named(name, match[0]))
        return list(found.values())


def _read(path: Path) -> Words:
    data = read_toml(path)
    try:
        return Words.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(Words, error, data=data), path=path) from error


def _spelled(classes: Classes, words: Words) -> Iterator[tuple[str, str]]:
    """Yield each word, in lower case, with its class."""
    for name, own in classes.classes.items():
        if name not in words.unsure:
            yield from ((re.sub(r"^an? ", "", word).casefold(), name) for word in own)
        for word in words.words.get(name, ()):
            yield from ((spelling, name) for spelling in (word, f"{word}s"))


# --- comparing ------------------------------------------------------------------------------------------------------


def named_things(
    lines: Sequence[LineToScore], ids: Sequence[str], found: Sequence[Found], words: ThingWords, classes: Classes
) -> list[NamedThing]:
    """Return what the action lines of a script name, and whether their keyframes show it.

    Parameters
    ----------
    lines : sequence of LineToScore
        The action lines.
    ids : sequence of str
        Ids of the K keyframes of the video.
    found : sequence of Found
        What detectors found in each of them.
    words : ThingWords
        Finds the words.
    classes : Classes
        The thresholds.

    Returns
    -------
    list of NamedThing
        A row for each line and class, in the order of the lines.
    """
    shown = [shown_classes(one, classes) for one in found]
    return [
        _row(line, thing, {ids[at]: shown[at].get(thing.name) for at in line.keyframes})
        for line in lines
        for thing in words(line.text)
    ]


def _row(line: LineToScore, thing: Named, scores: Mapping[str, float | None]) -> NamedThing:
    best = max((score, keyframe) for keyframe, score in ((k, s or 0.0) for k, s in scores.items()))
    seen = best[0] > 0
    return NamedThing(
        scene=line.scene,
        element=line.element,
        name=thing.name,
        word=thing.word,
        keyframe=best[1] if seen else None,
        score=best[0] if seen else None,
    )


def shown_classes(found: Found, classes: Classes) -> dict[str, float]:
    """Return the classes that a picture shows, by the detector's thresholds, with their best scores.

    Parameters
    ----------
    found : Found
        What detectors found.
    classes : Classes
        The thresholds.
    """
    best: dict[str, float] = {}
    for thing in found.objects:
        # Of people, those that are counted are shown.
        if thing.score >= (classes.counted if thing.name == PERSON else classes.least(thing.name)):
            best[thing.name] = max(thing.score, best.get(thing.name, 0.0))
    return best


def mentioned_keyframes(
    lines: Sequence[LineToScore], ids: Sequence[str], found: Sequence[Found], words: ThingWords, classes: Classes
) -> tuple[GroundedKeyframe, ...]:
    """Return for each keyframe that shows a known class whether a line compared with it names one of them.

    Parameters
    ----------
    lines, ids, found, words, classes
        As for `named_things`.

    Returns
    -------
    tuple of GroundedKeyframe
        Keyframes in which nothing was found are left out: no line could mention them.
    """
    named = [{thing.name for thing in words(line.text)} for line in lines]
    described = []
    for at, (keyframe, one) in enumerate(zip(ids, found, strict=True)):
        shown = shown_classes(one, classes)
        compared = [names for names, line in zip(named, lines, strict=True) if at in line.keyframes]
        if shown:
            spoken_of = any(not names.isdisjoint(shown) for names in compared)
            described.append(GroundedKeyframe(keyframe=keyframe, lines=len(compared), spoken_of=spoken_of))
    return tuple(described)


def thing_counts(things: Sequence[NamedThing]) -> dict[str, int]:
    """Return how many things were named, and how many of them were not found, as in `GroundingFigures`."""
    return {"things": len(things), "things_not_found": sum(thing.score is None for thing in things)}
