"""What lines name of all that detectors know, in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.stages.grounding.posts import SAID, action, scene, script
from valex_local.records import Grounding, NamedThing
from valex_local.rendering.detections import LookedFor, looked_for
from valex_local.rendering.views import viewed

WRITTEN = script(scene(SAID, action("Two women and a dog."), action("A couch\nand a dog.")), scene(action("A dog.")))


def named(at: tuple[int, int], word: str, score: float | None = None, **more: int) -> NamedThing:
    keyframe = None if score is None else "K1"
    return NamedThing(scene=at[0], element=at[1], name="x", word=word, score=score, keyframe=keyframe, **more)


def test_each_line_has_its_own():
    things = (
        named((1, 2), "women", 0.9, number=2, counted=1),
        named((1, 2), "dog"),
        named((1, 3), "couch", 0.8),
        named((2, 1), "dog", 0.7),
    )
    seen = looked_for(WRITTEN, Grounding(script="local", things=things))
    assert {line: str(of) for line, of in seen.items()} == {
        "L2": "found: women; not found: 2 people (1 counted), dog",
        "L3": "found: couch",
        "L4": "found: dog",
    }
    assert seen.keys() == looked_for(viewed(WRITTEN, "local~speech"), Grounding(script="local", things=things)).keys()


def test_a_line_that_has_changed_since_is_left_out():
    things = (named((1, 3), "cat"), named((1, 1), "dog"), named((7, 1), "dog"), named((2, 1), "dog"))
    assert looked_for(WRITTEN, Grounding(script="local", things=things)) == {"L4": LookedFor((), ("dog",))}


def test_of_the_template_s_lines_only_what_differs_is_told():
    scenes = (scene(action("A dog."), by="template"), scene(action("A dog and a cat."), by="template"))
    things = (named((1, 1), "dog", 0.9), named((2, 1), "dog", 0.9), named((2, 1), "cat"))
    seen = looked_for(script(*scenes), Grounding(script="local", things=things))
    assert seen == {"L2": LookedFor(("dog",), ("cat",))}


def test_a_number_that_was_counted_is_found():
    assert str(LookedFor.of([named((1, 1), "man", 0.9, number=1, counted=1)])) == "found: man, 1 person"
    assert not LookedFor.of([])


@given(st.lists(st.builds(named, st.just((1, 1)), st.text(min_size=1), st.none() | st.floats(0, 1))))
def test_any_words_stand_on_one_line(things: list[NamedThing]):
    seen = LookedFor.of(things)
    assert len(str(seen).splitlines()) <= 1
    assert len(seen.found) + len(seen.not_found) <= len(things)
