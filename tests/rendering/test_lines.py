"""A script as lines: the same lines, with the same numbers, that language models see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Action, Dialogue, Element, OnScreenText, PostLine, Scene, Script, ScriptFigures
from valex_local.rendering.lines import script_lines, shown_lines, shown_scenes
from valex_local.rendering.render import render
from valex_local.stages.labels import lines as labels_lines

_texts = st.text(max_size=20)
_refs = st.sampled_from([None, "S1", "S2", "T1", "T2"])
_times = st.none() | st.floats(0, 90)
_elements: st.SearchStrategy[Element] = st.one_of(
    st.builds(PostLine, text=_texts),
    st.builds(Dialogue, ref=_refs, speaker=_texts, text=_texts, start=_times, end=_times, mumbled=st.booleans()),
    st.builds(OnScreenText, ref=_refs, text=_texts, start=_times, end=_times, repeats=st.sampled_from([None, "S1"])),
    st.builds(Action, text=_texts, start=_times, end=_times),
)
_scenes = st.builds(
    Scene, heading=st.none() | _texts, start=_times, end=_times, elements=st.lists(_elements, max_size=5).map(tuple),
    written_by=st.sampled_from(["template", "llm", "import"]),
)  # fmt: skip
_KINDS = {"post": "post", "dialogue": "speech", "text": "on screen", "action": "action", "heading": "place"}


@given(st.lists(_scenes, max_size=4))
def test_lines_are_those_that_labels_name(scenes: list[Scene]) -> None:
    script = Script(name="x", scenes=tuple(scenes))
    shown = [(line.id, _KINDS[line.kind], line.text) for scene in shown_scenes(script) for line in scene.lines]
    assert shown == [(line.id, line.kind, line.text) for line in labels_lines.script_lines(script)]


def test_screen_text_that_repeats_speech_is_named_at_the_speech() -> None:
    said = Dialogue(ref="S1", speaker="MAN", text="Hello there", start=1, end=2, mumbled=True)
    read = OnScreenText(ref="T4", text="HELLO THERE", start=1, end=2, repeats="S1")
    scenes = (
        Scene(start=0, end=2, elements=(said,), written_by="template"),
        Scene(start=2, end=3, elements=(read,), written_by="template"),
    )
    first, second = shown_scenes(Script(name="x", scenes=scenes))
    (line,) = first.lines
    assert line.also == ("T4",) and line.mumbled and (line.start, line.end) == (1, 2)
    assert second.lines == ()


def test_a_line_knows_its_place_and_blank_ones_are_none() -> None:
    repeated = OnScreenText(ref="T1", text="hello", start=0, end=1, repeats="S1")
    elements = (Action(text=" \x1b", start=0, end=1), repeated, Action(text="A\ndog.", start=0, end=1))
    scenes = (
        Scene(heading="\x7f ", start=0, end=1, elements=elements, written_by="llm"),
        Scene(heading="A yard", start=1, end=2, elements=elements[2:], written_by="llm"),
    )
    script = Script(name="x", scenes=scenes)
    assert [(line.id, line.scene, line.element, line.text) for line in script_lines(script)] == [
        ("T1", 1, 2, "hello"),
        ("L3", 1, 3, "A dog."),
        ("H2", 2, 0, "A yard"),
        ("L4", 2, 1, "A dog."),
    ]
    assert [line.id for line in shown_lines(script)] == ["L3", "H2", "L4"]
    assert render(script, "text") == "A dog.\n\nA YARD\nA dog.\n\nSound: unknown\n"
    assert render(script, "fountain").startswith(
        "Title: Script (x)\nSound: unknown\n\n.SCENE 1\n\n!A dog.\n\n.SCENE 2 - A YARD\n"
    )


@pytest.mark.parametrize(
    ("writers", "fallen"), [(("llm", "template"), [False, True]), (("template", "template"), [False, False])]
)
def test_a_scene_that_the_model_was_to_write_is_marked(writers: tuple[str, ...], fallen: list[bool]) -> None:
    scenes = tuple(Scene(start=0, end=1, written_by=w) for w in writers)  # type: ignore[arg-type]
    assert [scene.fallen_back for scene in shown_scenes(Script(name="local", scenes=scenes))] == fallen


def test_a_script_all_of_which_fell_back_says_so() -> None:
    scenes = (Scene(start=0, end=1, written_by="template"),)
    script = Script(name="local", scenes=scenes, figures=ScriptFigures(scenes_fallen_back=1))
    assert shown_scenes(script)[0].fallen_back
