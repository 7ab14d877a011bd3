"""A study made by version 0.1.0, before the layout was redrawn: nothing in it becomes due.

`tests/data/study-0.1.0` is what that version wrote about a demo clip with the profile demo, two writers, an imported
script and two labelling routes, without the sound and the keyframes. Only the path of the video was changed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from valex_local.pipeline.run import run, study_status
from valex_local.study import Study

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / "tests" / "data" / "study-0.1.0"
POST = "thrift.tilda_7300000000000000001"
STEPS = 15


@pytest.fixture
def study(demo_models: None, tmp_path: Path) -> Study:
    shutil.copytree(MADE, tmp_path / "study")
    path = tmp_path / "study" / "posts" / POST / "post.json"
    post = json.loads(path.read_text("utf-8"))
    post["video"]["path"] = str(ROOT / "models" / "demo" / "clips" / Path(post["video"]["path"]).name)
    path.write_text(json.dumps(post), "utf-8")
    return Study(tmp_path / "study")


def test_nothing_in_it_is_due(study: Study) -> None:
    steps = study_status(study).steps
    assert len(steps) == STEPS
    assert [(step.step, step.current, step.due, step.outdated) for step in steps] == [
        (step.step, 1, 0, 0) for step in steps
    ]


def test_a_run_writes_no_record(study: Study) -> None:
    before = {path.name: path.read_bytes() for path in study.folder(POST).glob("*.json")}
    summary = run((), study.root)
    assert summary.ok
    assert [step.written for step in summary.steps] == [0] * STEPS
    assert {path.name: path.read_bytes() for path in study.folder(POST).glob("*.json")} == before


def test_a_record_made_again_is_the_same(study: Study) -> None:
    path = study.folder(POST) / "script.template.json"
    before = path.read_bytes()
    path.unlink()
    summary = run((), study.root)
    assert {step.step for step in summary.steps if step.written} == {"script.template"}
    assert path.read_bytes() == before


def test_a_changed_setting_would_be_noticed(study: Study) -> None:
    study.save_options({**study.options(), "ocr": {"fps": 2}})
    outdated = {step.step for step in study_status(study).steps if step.outdated}
    assert outdated == {"ocr"}
