"""A study made by version 0.1.0: only what newer stages make otherwise is outdated, and new stages alone become due.

`tests/data/study-0.1.0` is what that version wrote about a demo clip with the profile demo, two writers, an imported
script and two labelling routes, without the sound and the keyframes. Only the path of the video was changed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from valex_local.pipeline.plan import plan
from valex_local.pipeline.run import post_statuses, run, study_status
from valex_local.pipeline.status import StepState
from valex_local.records import Speakers
from valex_local.settings import make_settings
from valex_local.study import Study

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / "tests" / "data" / "study-0.1.0"
POST = "thrift.tilda_7300000000000000001"
STEPS = 16
NEW = "speakers"
"""A stage that did not exist; the scripts read its record where it is there."""

RAISED = {"media": "media", "speech": "transcript", "ocr": "text", "script.local": "script.local"}
"""The steps whose version was raised since, because equal input gives another record, and the stems of the records."""

IMPORTED = {"script.hand", "labels.hand.encoder", "labels.hand.fewshot"}
"""The imported script, which has a notice, and what was made of it; they read no other record."""


@pytest.fixture
def older(demo_models: None, tmp_path: Path) -> Study:
    """The study as it was made."""
    shutil.copytree(MADE, tmp_path / "study")
    path = tmp_path / "study" / "posts" / POST / "post.json"
    post = json.loads(path.read_text("utf-8"))
    post["video"]["path"] = str(ROOT / "models" / "demo" / "clips" / Path(post["video"]["path"]).name)
    path.write_text(json.dumps(post), "utf-8")
    return Study(tmp_path / "study")


@pytest.fixture
def study(older: Study) -> Study:
    """The study, as if the stages of today had made the same records."""
    today = {step.name: step for step in plan(make_settings(older.options()))}
    for step, stem in RAISED.items():
        path = older.folder(POST) / f"{stem}.json"
        record = json.loads(path.read_text("utf-8"))
        record["fingerprint"] = post_statuses(older)[POST][step].fingerprint
        record["made_by"] |= {"version": today[step].version, "settings": today[step].settings}
        path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return older


def test_only_what_newer_stages_make_otherwise_is_outdated(older: Study) -> None:
    statuses = post_statuses(older)[POST]
    outdated = {step: s.differences for step, s in statuses.items() if s.state is StepState.OUTDATED}
    assert outdated.keys() == RAISED.keys()
    assert all(reasons[0].startswith("version of ") for reasons in outdated.values())
    others = {step: reasons[1:] for step, reasons in outdated.items() if len(reasons) > 1}
    assert others.keys() == {"script.local"}
    assert [reason.partition(":")[0] for reason in others["script.local"]] == ["script.llm.prompt"]
    assert statuses[NEW].state is StepState.WAITING
    others = {step: s.state for step, s in statuses.items() if step not in (*RAISED, NEW)}
    assert {step for step, state in others.items() if state is not StepState.WAITING} == IMPORTED
    assert all(others[step] is StepState.CURRENT for step in IMPORTED)


def test_nothing_that_it_has_is_due(study: Study) -> None:
    steps = study_status(study).steps
    assert len(steps) == STEPS
    assert [(step.step, step.current, step.due, step.outdated) for step in steps] == [
        (step.step, int(step.step != NEW), int(step.step == NEW), 0) for step in steps
    ]


def test_a_run_writes_no_record_that_was_there(study: Study) -> None:
    """It writes that of the new stage; one person speaks, so the scripts stay current, and so do their labels."""
    before = {path.name: path.read_bytes() for path in study.folder(POST).glob("*.json")}
    summary = run((), study.root)
    assert summary.ok
    assert {step.step: step.written for step in summary.steps if step.written} == {NEW: 1}
    after = {path.name: path.read_bytes() for path in study.folder(POST).glob("*.json")}
    assert not study.require(POST, NEW, Speakers).several
    assert after.pop(f"{NEW}.json")
    assert after == before
    assert all(step.current == 1 for step in study_status(study).steps)


def test_speakers_make_scripts_stale_where_several_people_speak(study: Study) -> None:
    run((), study.root)
    found = study.require(POST, NEW, Speakers)
    (first, *rest) = found.segments
    second = first.model_copy(update={"speaker": "SPEAKER 2"})
    study.write(POST, NEW, found.model_copy(update={"segments": (second, *rest)}))
    stale = {step for step, status in post_statuses(study)[POST].items() if status.state is StepState.STALE}
    assert stale == {"script.template", "script.local"}


def test_speakers_can_be_left_alone(study: Study) -> None:
    study.save_options({**study.options(), "speakers": {"find": False}})
    steps = study_status(study).steps
    assert len(steps) == STEPS - 1
    assert all(step.current == 1 for step in steps)


def test_a_record_made_again_is_the_same(study: Study) -> None:
    path = study.folder(POST) / "script.template.json"
    before = path.read_bytes()
    path.unlink()
    summary = run((), study.root)
    assert {step.step for step in summary.steps if step.written} == {NEW, "script.template"}
    assert path.read_bytes() == before


def test_a_changed_setting_would_be_noticed(study: Study) -> None:
    study.save_options({**study.options(), "ocr": {"fps": 2}})
    outdated = {step.step for step in study_status(study).steps if step.outdated}
    assert outdated == {"ocr"}
