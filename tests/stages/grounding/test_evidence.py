"""Which keyframes an action line is compared with."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.stages.grounding.posts import SAID, action, media, scene, script
from valex_local.stages.grounding.evidence import action_lines

STILLS = media(0.5, 6.0, 12.0, 18.0).keyframes


def found(*scenes):
    return [(line.rests_on, [STILLS[i].id for i in line.keyframes]) for line in action_lines(script(*scenes), STILLS)]


def test_a_line_rests_on_the_keyframes_it_names():
    assert found(scene(action("A dog.", "K3", "K2"), start=0, end=1)) == [("named", ["K2", "K3"])]


def test_a_line_that_names_none_rests_on_those_of_its_scene():
    assert found(scene(action("A dog."), start=6.0, end=18.0)) == [("time", ["K2", "K3"])]


def test_its_own_time_goes_before_that_of_its_scene():
    assert found(scene(action("A dog.", start=5.0, end=7.0), start=0.0, end=30.0)) == [("time", ["K2"])]
    assert found(scene(action("A dog.", start=5.0), start=12.0, end=30.0)) == [("time", ["K3", "K4"])]


def test_a_short_scene_shows_what_the_nearest_keyframe_shows():
    assert found(scene(action("A dog."), start=7.0, end=8.0)) == [("time", ["K2"])]
    assert found(scene(action("A dog."), start=25.0, end=26.0)) == [("time", ["K4"])]


def test_without_times_it_rests_on_all_of_the_video():
    assert found(scene(action("A dog."))) == [("video", ["K1", "K2", "K3", "K4"])]
    assert found(scene(action("A dog."), start=3.0)) == [("video", ["K1", "K2", "K3", "K4"])]


def test_keyframes_that_are_not_there_count_as_none():
    assert found(scene(action("A dog.", "K9"))) == [("video", ["K1", "K2", "K3", "K4"])]
    assert found(scene(action("A dog.", "K9", "K1"))) == [("named", ["K1"])]


def test_places_count_from_one_and_only_actions_with_words_count():
    lines = action_lines(
        script(scene(SAID, action("A dog\n barks.")), scene(action(" \n"), SAID, action("A cat.", "K1"), by="import")),
        STILLS,
    )
    assert [(line.scene, line.element, line.text, line.written_by) for line in lines] == [
        (1, 2, "A dog barks.", "llm"),
        (2, 3, "A cat.", "import"),
    ]


times = st.none() | st.floats(0, 40)


@given(times, times, times, times, st.lists(st.sampled_from(["K1", "K3", "K9", "x"])))
def test_every_line_rests_on_something(start, end, begins, ends, named):
    (line,) = action_lines(
        script(scene(action("A dog.", *named, start=begins, end=ends), start=start, end=end)), STILLS
    )
    assert line.keyframes
    assert list(line.keyframes) == sorted(set(line.keyframes))
    assert line.keyframes[-1] < len(STILLS)
