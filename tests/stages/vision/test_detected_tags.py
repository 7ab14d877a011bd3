"""From detections to tags: generated detections, no model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Box, Detection, Face, Tag
from valex_local.stages.vision.detected_tags import ACTIVITY, EXPRESSION, OBJECTS, PEOPLE, PLACE, detected_tags, merged
from valex_local.stages.vision.detection import Classes, Found

CLASSES = Classes(
    threshold=0.5,
    sure=0.7,
    counted=0.4,
    thresholds={"cat": 0.65},
    classes={"person": ("a person", "people"), "cat": ("a cat", "cats"), "cup": ("a cup", "cups")},
)
BOX = Box(left=0, top=0, width=1, height=1)


def found(*things: tuple[str, float], faces: tuple[str | None, ...] = ()) -> Found:
    objects = tuple(Detection(name=name, score=score, box=BOX) for name, score in things)
    people = max(sum(name == "person" for name, _ in things), len(faces))
    return Found(objects, tuple(Face(score=0.9, box=BOX, expression=e) for e in faces), people)


def labels(*pictures: Found) -> list[str]:
    (first, *others) = detected_tags(pictures, [0] * len(pictures), CLASSES)
    assert all(own == first for own in others), "the keyframes of a shot share one result"
    return [tag.label for tag in first]


def test_people_are_counted_and_things_named():
    assert labels(found(("person", 0.9), ("cup", 0.6), faces=("smiling",))) == ["one person, smiling", "a cup"]
    assert labels(found(("person", 0.9), ("person", 0.4), ("cup", 0.6), ("cup", 0.5))) == ["two people", "cups"]
    assert labels(found(*[("person", 0.6)] * 7)) == ["a group of people"]
    assert labels(found(("person", 0.45), ("person", 0.45))) == [], "too unsure to be said, though counted"


def test_a_thing_is_said_where_half_of_the_keyframes_show_it_or_one_surely():
    assert labels(found(("cup", 0.6)), found()) == ["a cup"]
    assert labels(found(("cup", 0.6)), found(), found()) == []
    assert labels(found(("cup", 0.7)), found(), found()) == ["a cup"]
    assert labels(found(("cat", 0.6))) == [], "a class has its own threshold"


def test_an_expression_is_said_where_half_of_the_faces_have_it():
    assert labels(found(("person", 0.9), faces=("sad",)), found(("person", 0.9), faces=(None,))) == ["one person, sad"]
    assert labels(found(("person", 0.9), ("person", 0.9), ("person", 0.9), faces=("sad", None, None))) == [
        "three people"
    ]


def test_a_face_that_looks_neutral_is_not_said():
    assert labels(found(("person", 0.9), faces=("neutral",))) == ["one person"]


def test_shots_are_apart():
    tags = detected_tags([found(("cup", 0.9)), found(("cat", 0.9))], [0, 1], CLASSES)
    assert [[tag.label for tag in own] for own in tags] == [["a cup"], ["a cat"]]


def tag(category: str, label: str) -> Tag:
    return Tag(category=category, label=label, probability=0.5)


def test_a_count_takes_the_place_of_tags_of_people_and_a_thing_is_named_once():
    of_clip = [
        tag(PLACE, "a kitchen"), tag(PEOPLE, "a crowd"), tag(EXPRESSION, "a laughing face"), tag(ACTIVITY, "cooking"),
        tag(OBJECTS, "a coffee cup"), tag(OBJECTS, "a stove"),
    ]  # fmt: skip
    detected = [tag(PEOPLE, "one person"), tag(OBJECTS, "a cup")]
    assert [t.label for t in merged(of_clip, detected)] == [
        "a kitchen", "one person", "a laughing face", "cooking", "a cup", "a stove",
    ]  # fmt: skip
    smiling = [tag(PEOPLE, "one person, smiling")]
    assert "a laughing face" not in [t.label for t in merged(of_clip, smiling)]


@given(st.lists(st.sampled_from([PLACE, PEOPLE, EXPRESSION, ACTIVITY, OBJECTS, "mood"]).map(lambda c: tag(c, c))))
def test_without_detections_only_the_order_changes(tags):
    assert sorted(merged(tags, []), key=str) == sorted(tags, key=str)


@pytest.mark.parametrize("pictures", [1, 5])
@given(data=st.data())
def test_what_is_said_was_found(pictures, data):
    things = st.lists(st.tuples(st.sampled_from(list(CLASSES.classes)), st.floats(0.35, 1)), max_size=5)
    seen = [found(*data.draw(things)) for _ in range(pictures)]
    words = {word: name for name, both in CLASSES.classes.items() for word in both}
    for one in detected_tags(seen, [0] * pictures, CLASSES)[0]:
        name = "person" if one.category == PEOPLE else words[one.label]
        scores = [thing.score for picture in seen for thing in picture.objects if thing.name == name]
        assert max(scores) == one.probability >= CLASSES.least(name)
