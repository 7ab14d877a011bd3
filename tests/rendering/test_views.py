"""Views: scripts without some kinds of elements, read as if they were records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.exported import ONE, any_lines, make_study, texts
from valex_local.corpus import read_texts
from valex_local.errors import ConfigError
from valex_local.pipeline.plan import plan
from valex_local.records import Action, Scene, Script
from valex_local.rendering.lines import script_lines
from valex_local.rendering.render import render
from valex_local.rendering.views import ELEMENTS, script_of, view_name, viewed
from valex_local.settings import make_settings

any_scripts = st.lists(st.tuples(st.none() | texts, any_lines), max_size=3).map(
    lambda scenes: Script(
        name="template",
        scenes=tuple(
            Scene(heading=heading, elements=tuple(lines), start=None, end=None, written_by="template")
            for heading, lines in scenes
        ),
    )
)

BLANK = Action(text="", start=None, end=None)
PARTS = st.sets(st.sampled_from(sorted(ELEMENTS)), min_size=1, max_size=len(ELEMENTS) - 1)


@given(any_scripts, PARTS)
def test_a_view_has_all_elements_but_those_left_out(script: Script, without: set[str]):
    seen = viewed(script, view_name(script.name, without))
    gone = {ELEMENTS[part] for part in without}
    before = [element for scene in script.scenes for element in scene.elements if element.kind not in gone]
    assert [element for scene in seen.scenes for element in scene.elements if element != BLANK] == before
    assert [scene.heading for scene in seen.scenes] == [
        None if "heading" in without else scene.heading for scene in script.scenes
    ]
    render(seen, "text")


@given(any_scripts, PARTS)
def test_lines_of_a_view_are_lines_of_its_script_by_the_same_ids(script: Script, without: set[str]):
    kinds = {ELEMENTS[part] for part in without}
    seen = {line.id: line.text for line in script_lines(viewed(script, view_name(script.name, without)))}
    assert seen == {line.id: line.text for line in script_lines(script) if line.kind not in kinds}


@given(PARTS)
def test_a_view_has_one_name_however_it_is_asked_for(without: set[str]):
    name = view_name("template", without)
    assert view_name("template", [",".join(sorted(without, reverse=True))]) == name
    assert view_name(name, without) == name
    assert script_of(name) == "template"


@pytest.mark.parametrize("without", [["pictures"], [""], list(ELEMENTS)])
def test_what_cannot_be_left_out(without: list[str]):
    with pytest.raises(ConfigError):
        view_name("template", without)


def test_a_study_reads_a_view_like_a_script(tmp_path):
    study = make_study(tmp_path)
    whole = study.require(ONE, "script.template", Script)
    seen = study.require(ONE, "script.template~speech", Script)
    assert seen == viewed(whole, "template~speech")
    assert study.read_raw(ONE, "script.template~speech", Script) == seen.model_dump(mode="json")
    assert "thirty euros" not in render(seen, "text"), "not as screen text that repeats it, either"
    assert study.script_variants(ONE) == ["template"]
    read = {text.id: text.text for text in read_texts(study.root, script="template~speech")}
    assert read == {text.id: text.text for text in read_texts(study.root, script="~speech")}
    assert render(seen, "text").strip() in read.values()


def test_labels_of_a_view_are_a_step_of_their_own_and_grounding_is_not():
    steps = {step.name: step for step in plan(make_settings({"labels": {"scripts": ["template~action"]}}))}
    assert steps["labels.template~action.encoder"].reads == ("script.template~action",)
    assert not [name for name in steps if name.startswith("grounding.") and "~" in name]
