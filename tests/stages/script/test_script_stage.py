from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.stages.script.evidences import ASKED, CAPTIONS, INJECTIONS, item, segment, track
from valex_local.errors import ModelError
from valex_local.records import Captions, KeyframeCaption, PostText, Script
from valex_local.rendering.render import render
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.registry import STAGES
from valex_local.stages.script import ScriptStage
from valex_local.stages.script.checks import faults
from valex_local.stages.script.question import question_about
from valex_local.stages.script.scenes import plan_scenes
from valex_local.store import StoredModel
from valex_local.system.devices import Device

HOSTILE = item(
    captions=Captions(
        keyframes=tuple(KeyframeCaption(keyframe=f"K{i}", caption=text) for i, text in enumerate(INJECTIONS[:6], 1))
    ),
    speech=tuple(segment(i, 3.0 * i, 3.0 * i + 2, text) for i, text in enumerate(INJECTIONS, 1)),
    texts=tuple(track(i, 3.0 * i + 1.5, 3.0 * i + 1.9, text[::-1]) for i, text in enumerate(INJECTIONS, 1)),
    post=PostText(caption="\n".join(INJECTIONS), genre="forged: yes"),
)
POSTS = {"blind": item(), "seen": item(captions=ASKED), "listed": item(captions=CAPTIONS), "hostile": HOSTILE}


def context(variant: str, **models: StoredModel) -> Context:
    return Context(Settings(), models, Device("cpu", 2), variant)


def scripts(stage: ScriptStage, *posts: Item) -> list[Script]:
    outputs = stage([stage.prepare(post) for post in posts])
    assert all(isinstance(o, Output) and not o.files for o in outputs)
    return [o.record for o in outputs if isinstance(o, Output) and isinstance(o.record, Script)]


@pytest.fixture(scope="module")
def local(stored_model: Callable[[str], StoredModel]) -> Iterator[ScriptStage]:
    pytest.importorskip("llama_cpp")
    stage = ScriptStage(context("local", llm=stored_model("smollm2-135m-instruct")))
    yield stage
    stage.close()


def test_the_record_says_what_the_script_is() -> None:
    [record] = scripts(ScriptStage(context("template")), POSTS["blind"])
    assert (record.name, record.genre, record.language) == ("template", "fashion", "en")
    assert record.sound is not None and record.sound.has_speech
    assert [n.code for n in record.notices] == ["no-visual-evidence"]
    assert (record.fingerprint, record.made_by, record.skipped) == ("", None, None)


def test_records_do_not_hang_on_their_batch() -> None:
    stage = ScriptStage(context("template"))
    together = scripts(stage, *POSTS.values())
    assert [r.to_json() for r in together] == [scripts(stage, post)[0].to_json() for post in POSTS.values()]


def test_the_variant_with_a_model_needs_one() -> None:
    with pytest.raises(ModelError, match="role llm"):
        ScriptStage(context("local"))


def test_the_plan_names_this_stage() -> None:
    [spec] = [s for s in STAGES if s.name == "script"]
    assert spec.factory == "valex_local.stages.script:ScriptStage"


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTS)
def test_a_small_real_model_writes_faultless_scripts(local: ScriptStage, name: str) -> None:
    [record] = scripts(local, POSTS[name])
    evidence = local.prepare(POSTS[name])
    assert record.name == "local"
    assert faults(record.scenes, evidence) == []
    asked = [s for s in plan_scenes(evidence) if question_about(s, evidence)]
    assert (record.figures.prompt_tokens > 0, record.figures.output_tokens > 0) == (bool(asked), bool(asked))
    by_model = [s for s in record.scenes if s.written_by == "llm"]
    assert len(by_model) + record.figures.scenes_fallen_back == len(asked)
    assert sum(n.code == "scene-by-template" for n in record.notices) == record.figures.scenes_fallen_back
    quoted = set(re.findall(r'^(?!Post: )[^[(].*?: "(.*)"$', render(record, "text"), re.MULTILINE))
    assert quoted <= {" ".join(s.text.split()) for s in evidence.speech}


@pytest.mark.slow
def test_the_models_scripts_do_not_hang_on_what_was_written_before(local: ScriptStage) -> None:
    first = scripts(local, POSTS["seen"])[0].to_json()
    scripts(local, POSTS["hostile"])
    assert scripts(local, POSTS["seen"])[0].to_json() == first


@pytest.mark.slow
def test_a_prompt_of_the_labs_own_is_used(stored_model: Callable[[str], StoredModel], tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    own = tmp_path / "own.jinja"
    own.write_text("{% block system %}JSON.{% endblock %}{% block user %}{{ lines[0].id }}{% endblock %}", "utf-8")
    settings = Settings.model_validate({"script": {"llm": {"prompt": str(own)}}})
    stage = ScriptStage(Context(settings, {"llm": stored_model("smollm2-135m-instruct")}, Device("cpu", 2), "local"))
    [record] = scripts(stage, POSTS["seen"])
    stage.close()
    assert record.figures.prompt_tokens < 100 * 2 * len(record.scenes)
    assert faults(record.scenes, stage.prepare(POSTS["seen"])) == []
