"""From what detectors found in keyframes to tags, and how these join the tags of a CLIP model.

The keyframes of a shot share one result. A class is said where at least half of them show it, or one does so surely.
People are counted, which CLIP cannot do, so a count takes the place of its tags of people. The expression of a face
takes the place of its expressions. Objects of both stand together, each named once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median_high, median_low

from valex_local.records import Tag
from valex_local.stages.vision.detection import PERSON, Classes, Found

PLACE, PEOPLE, EXPRESSION, ACTIVITY, OBJECTS = "place", "people", "expression", "activity", "objects"
"""Categories of the default vocabulary, in the order in which scripts name them."""

_ORDER = (PLACE, PEOPLE, EXPRESSION, ACTIVITY, OBJECTS)

NUMBERS = {1: "one person", 2: "two people", 3: "three people", 4: "four people"}
"""Words for numbers of people; more are a group."""

GROUP = "a group of people"

UNSAID = "neutral"
"""An expression that tells nothing: the record keeps it, scripts do not say it."""


def detected_tags(found: Sequence[Found], shots: Sequence[int], classes: Classes) -> list[tuple[Tag, ...]]:
    """Return the tags of each keyframe of a video.

    Parameters
    ----------
    found : sequence of Found
        What detectors found in each keyframe.
    shots : sequence of int
        The shot of each keyframe.
    classes : Classes
        Thresholds and words.

    Returns
    -------
    list of tuple of Tag
        People first, with their expression, then objects, surer ones first.
    """
    of_shot = {
        shot: tuple(_tags([one for one, own in zip(found, shots, strict=True) if own == shot], classes))
        for shot in dict.fromkeys(shots)
    }
    return [of_shot[shot] for shot in shots]


def _tags(found: Sequence[Found], classes: Classes) -> Iterator[Tag]:
    """Yield the tags of a shot, given its keyframes."""
    best = [_best(one) for one in found]
    said = {}
    for name in dict.fromkeys(name for scores in best for name in scores):
        scores = [one[name] for one in best if one.get(name, 0.0) >= classes.least(name)]
        if scores and (2 * len(scores) >= len(found) or max(scores) >= classes.sure):
            said[name] = max(scores)
    if PERSON in said:
        people = [one.people for one in found if one.people]
        label = NUMBERS.get(median_low(people), GROUP)
        expression = _common_expression(found)
        label += f", {expression}" if expression else ""
        yield Tag(category=PEOPLE, label=label, probability=said.pop(PERSON))
    for name, score in sorted(said.items(), key=lambda pair: -pair[1]):
        counts = [sum(thing.name == name for thing in one.objects) for one in found]
        one, several = classes.classes[name]
        shown = median_high([count for count in counts if count])
        yield Tag(category=OBJECTS, label=one if shown == 1 else several, probability=score)


def _best(found: Found) -> dict[str, float]:
    """Return the classes in a picture with their best scores."""
    best: dict[str, float] = {}
    for thing in found.objects:
        best[thing.name] = max(thing.score, best.get(thing.name, 0.0))
    return best


def _common_expression(found: Sequence[Found]) -> str | None:
    """Return the expression that was read from at least half of all faces, if any."""
    faces = [face for one in found for face in one.faces]
    expressions = Counter(face.expression for face in faces if face.expression is not None)
    name, count = next(iter(expressions.most_common(1)), (UNSAID, 0))
    return name if name != UNSAID and 2 * count >= len(faces) else None


def merged(of_clip: Sequence[Tag], detected: Sequence[Tag]) -> tuple[Tag, ...]:
    """Return the tags of both models as one list; see the head of the module for the rule.

    Parameters
    ----------
    of_clip : sequence of Tag
        The tags of a CLIP model.
    detected : sequence of Tag
        Those of detectors.
    """
    counted = [tag for tag in detected if tag.category == PEOPLE]
    replaced = {PEOPLE} if counted else set()
    replaced |= {EXPRESSION} if any(", " in tag.label for tag in counted) else set()
    named = {word for tag in detected if tag.category == OBJECTS for word in _words(tag)}
    kept = [
        tag for tag in of_clip if tag.category not in replaced and not (tag.category == OBJECTS and named & _words(tag))
    ]
    rank = {category: at for at, category in enumerate(_ORDER)}
    return tuple(sorted([*detected, *kept], key=lambda tag: rank.get(tag.category, len(rank))))


def _words(tag: Tag) -> set[str]:
    return set(tag.label.casefold().split()) - {"a", "an", "the", "of"}
