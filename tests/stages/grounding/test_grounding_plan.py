"""When lines are scored again, and what grounding never touches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.grounding.posts import LINES, action, draw, media, scene, script
from valex_local.errors import StudyError
from valex_local.pipeline.plan import plan
from valex_local.pipeline.run import run
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.summary import StepCount, Summary
from valex_local.records import Grounding, Post, Script, SourceFile
from valex_local.settings import make_settings
from valex_local.stages.registry import stems_read
from valex_local.store import StoredModel
from valex_local.study import Study

GEMINI = script(scene(action(LINES[0]), action(LINES[1]), by="import"), name="gemini")
ONLY = Selection(only="grounding")


def steps(**settings: object) -> dict[str, object]:
    return {step.name: step for step in plan(make_settings(settings))}


def test_every_script_is_scored_right_after_it_is_written():
    named = list(steps(script={"variants": ["local", "template"]}, labels={"scripts": ["gemini", "local"]}))
    assert named[-8:] == [
        "script.local", "script.template", "grounding.local", "grounding.template", "grounding.gemini",
        "labels.local.encoder", "labels.template.encoder", "labels.gemini.encoder",
    ]  # fmt: skip


def test_what_it_reads():
    step = steps(labels={"scripts": ["gemini"]})["grounding.gemini"]
    assert (step.stem, step.variant) == ("grounding.gemini", "gemini")
    assert step.reads == ("script.gemini", "video", "media.keyframes")
    assert (step.roles, step.optional_roles, step.side_files) == ((), ("clip", "detector"), ("keyframes",))


@pytest.mark.parametrize(
    "change", [{"below_chance": 0.4}, {"spoken_of": 0.5}, {"lines": "own"}], ids=lambda change: next(iter(change))
)
def test_a_setting_of_grounding_touches_nothing_else(change: dict[str, object], tmp_path: Path):
    if "lines" in change:
        (tmp_path / "own.toml").write_text("format = 1")
        change = {"lines": str(tmp_path / "own.toml")}
    variants = {"variants": ["template", "local"]}
    before, after = steps(script=variants), steps(script=variants, grounding=change)
    changed = {name for name in before if before[name].settings != after[name].settings}
    assert changed == {"grounding.template", "grounding.local"}


def test_nothing_reads_it():
    for step in plan(make_settings({"labels": {"scripts": ["gemini"], "routes": ["encoder", "fewshot", "direct"]}})):
        assert not any(stem.startswith("grounding") for stem in stems_read(step.reads)), step.name


# --- in a study -----------------------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for number, name in enumerate(("a", "b")):
        video = SourceFile(path=str(tmp_path / f"{name}.mp4"), sha256=str(number) * 64, size=3)
        made.write(name, "post", Post(id=name, video=video))
        made.write(name, "media", media(1.0, 9.0))
        draw(made.folder(name), media(1.0, 9.0), seed=number)
        made.write(name, "script.gemini", GEMINI)
    return made


@pytest.fixture
def score(study: Study, clip: StoredModel) -> Callable[..., StepCount]:
    def call(*, redo: bool = False, **options: object) -> StepCount:
        given = {"models": {"clip": f"local-dir:{clip.folder}"}, "labels": {"scripts": ["gemini"]}, **options}
        selection = Selection(only="grounding", redo=redo)
        return count(run(out=study.root, options=given, selection=selection))

    return call


def count(summary: Summary) -> StepCount:
    assert summary.ok
    return next(step for step in summary.steps if step.step == "grounding.gemini")


def test_posts_with_equal_scripts_and_other_pictures_have_their_own_scores(study: Study, score):
    assert score().written == 2
    one, other = (study.require(name, "grounding.gemini", Grounding) for name in ("a", "b"))
    assert one.lines != other.lines
    assert score().written == 0


def test_a_changed_script_is_scored_again(study: Study, score):
    score()
    before = study.require("a", "grounding.gemini", Grounding)
    study.write("a", "script.gemini", script(scene(action(LINES[2]), by="import"), name="gemini"))
    assert score().written == 1, "without being asked to"
    now = study.require("a", "grounding.gemini", Grounding)
    assert (len(before.lines), len(now.lines)) == (2, 1)


def test_a_changed_setting_is_asked_about(study: Study, score):
    score()
    with pytest.raises(StudyError, match=r"grounding\.below_chance: 0\.5 -> 0\.9"):
        score(grounding={"below_chance": 0.9})
    assert score(grounding={"below_chance": 0.9}, redo=True).written == 2


def test_a_clip_model_brought_later_scores_what_detectors_compared(study: Study, score):
    without = run(out=study.root, options={"labels": {"scripts": ["gemini"]}}, selection=ONLY)
    assert count(without).written == 2
    by_things = study.require("a", "grounding.gemini", Grounding)
    assert [notice.code for notice in by_things.notices] == ["things-alone"]
    assert not by_things.lines
    with pytest.raises(StudyError, match=r"model\.clip: none -> "):
        score()
    assert score(redo=True).written == 2
    assert study.require("a", "grounding.gemini", Grounding).lines


def test_posts_without_that_script_are_blocked_not_failed(study: Study, score):
    (study.folder("b") / "script.gemini.json").unlink()
    found = score()
    assert (found.written, found.blocked, found.failed) == (1, 1, 0)
    assert isinstance(study.read("a", "script.gemini", Script), Script)
