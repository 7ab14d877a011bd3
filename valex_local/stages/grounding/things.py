"""What action lines name, compared with what detectors find in the keyframes.

Where a line names a thing of a known class and the class is found in its keyframes, the line is right about it. Where
it is not found, that is a hint at best: detectors miss more than half of the things in real pictures. How many people a
line says there are is compared with their count, and an expression with those of faces, where any was read. Words for
what no detector knows are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from valex_local.errors import ConfigError
from valex_local.files.toml import read_toml
from valex_local.files.validation import explain
from valex_local.records import GroundedKeyframe, NamedThing
from valex_local.stages.grounding.evidence import LineToScore
from valex_local.stages.vision.detection import PERSON, Classes, Found

WORDS = Path(__file__).with_name("things.toml")

_DENIED = re.compile(r"\b(?:no|nobody|not|without|never|neither|nor|like an?|empty of)(?: [a-z]+)?$")
"""The end of what precedes a word for a thing that is not there, or is only compared with: "no other people"."""

_BEFORE = 40
"""Characters before a word in which it may be denied, or in which a number may stand."""

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}

_NUMBER = re.compile(rf"\b({'|'.join(_NUMBERS)}|[2-9])(?: (?!(?:and|or|of|with|years?)\b)[a-z'-]+){{0,2}}$")
"""The end of what precedes a word for people, where it is a number: "two young"."""

_COLLECTIVE = {"audience", "couple", "crowd"}

_PLURAL = re.compile(r"(?:s|men|people|children)$")


class Words(BaseModel):
    """The words in `things.toml`.

    Attributes
    ----------
    unsure : tuple of str
        Classes whose own words are not enough.
    words : dict of str to tuple of str
        More words by class.
    expressions : dict of str to tuple of str
        Words by expression.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unsure: tuple[str, ...] = ()
    words: dict[str, tuple[str, ...]] = {}
    expressions: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class Named:
    """What a line names: a class or an expression, the word of the line, and how many people it says there are."""

    name: str
    word: str
    number: int | None = None


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
        words = _read(path)
        self._things = _Finder(dict(_spelled(classes, words)))
        self._expressions = _Finder({word.casefold(): name for name, own in words.expressions.items() for word in own})

    def __call__(self, text: str) -> list[Named]:
        """Return what a line names, each class once; what it says is not there does not count."""
        found: dict[str, Named] = {}
        for name, word, before in self._things(text):
            # A number counts where people are named once: "two men and a woman" are three.
            number = _number(before, word) if name == PERSON and name not in found else None
            found[name] = replace(found.get(name, Named(name, word)), number=number)
        return list(found.values())

    def expressions(self, text: str) -> list[Named]:
        """Return the expressions of faces that a line names, each once."""
        found = {name: Named(name, word) for name, word, _ in self._expressions(text)}
        return list(found.values())


class _Finder:
    """Finds words in texts, given the name for each of them in lower case."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        longest_first = sorted(names, key=len, reverse=True)
        any_word = "|".join(map(re.escape, longest_first)) or r"\b\B"  # without words nothing matches
        self._pattern = re.compile(rf"(?<![\w-])({any_word})(?![\w-])", re.IGNORECASE)

    def __call__(self, text: str) -> Iterator[tuple[str, str, str]]:
        """Yield the name for each word, the word, and what precedes it, in lower case; not for denied words."""
        for match in self._pattern.finditer(text):
            before = text[max(0, match.start() - _BEFORE) : match.start()].rstrip().casefold()
            if not _DENIED.search(before):
                yield self._names[match[0].casefold()], match[0], before


def _number(before: str, word: str) -> int | None:
    """Return how many people a line says there are, from what precedes the word for them."""
    match = _NUMBER.search(before)
    if match is None or word.casefold() in _COLLECTIVE:
        return None
    number = _NUMBERS.get(match[1]) or int(match[1])
    return number if (number > 1) == bool(_PLURAL.search(word.casefold())) else None


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
        A row for each line and class, in the order of the lines, and one for each expression that can be compared.
    """
    rows = []
    for line in lines:
        of_line = {ids[at]: found[at] for at in line.keyframes}
        scores = {keyframe: shown_classes(one, classes) for keyframe, one in of_line.items()}
        rows += [_row(line, thing, scores, of_line) for thing in words(line.text)]
        faces = {keyframe: _expressions(one) for keyframe, one in of_line.items()}
        if any(faces.values()):
            rows += [_row(line, one, faces, kind="expression") for one in words.expressions(line.text)]
    return rows


def _row(
    line: LineToScore,
    named: Named,
    shown: Mapping[str, Mapping[str, float]],
    found: Mapping[str, Found] | None = None,
    kind: Literal["thing", "expression"] = "thing",
) -> NamedThing:
    scores = {keyframe: scores[named.name] for keyframe, scores in shown.items() if named.name in scores}
    surest = max(scores, key=lambda keyframe: scores[keyframe], default=None)
    number, counts = named.number, [one.people for one in (found or {}).values()]
    return NamedThing(
        scene=line.scene,
        element=line.element,
        kind=kind,
        name=named.name,
        word=named.word,
        keyframe=surest,
        score=None if surest is None else scores[surest],
        number=number,
        counted=None if number is None else min(counts, key=lambda count: abs(count - number)),
    )


def _expressions(found: Found) -> dict[str, float]:
    """Return the expressions of the faces in a picture, each with the best score of a face that has it."""
    faces = sorted(found.faces, key=lambda face: face.score)
    return {face.expression: face.score for face in faces if face.expression is not None}


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


def thing_counts(named: Sequence[NamedThing]) -> dict[str, int]:
    """Return how much was named, and how much of it differs from what was found, as in `GroundingFigures`."""
    things = [one for one in named if one.kind == "thing"]
    expressions = [one for one in named if one.kind == "expression"]
    numbers = [one for one in things if one.number is not None]
    return {
        "things": len(things),
        "things_not_found": sum(one.score is None for one in things),
        "numbers": len(numbers),
        "numbers_differ": sum(one.number != one.counted for one in numbers),
        "expressions": len(expressions),
        "expressions_differ": sum(one.score is None for one in expressions),
    }
