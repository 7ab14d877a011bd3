"""A calibration is for the labels of one model, told by its weights rather than by its name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.stages.labels.talk import script
from tests.stages.labels.tiny import save_model
from valex_local.errors import ModelError
from valex_local.pipeline.run import run
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.states import draw_again, draw_missing, label_set, store_calibration
from valex_local.records import Calibration, Cutoff, Labels, Post
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.stages.labels.card import read_card
from valex_local.states import choose
from valex_local.store.store import LOCAL
from valex_local.study import LabelKey, Study, state_summaries
from valex_local.system import network_guard

KEY = LabelKey("template", "encoder")
POST = "ann_7300000000000000001"


@pytest.fixture(autouse=True, scope="module")
def online() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_guard, "enter", lambda **_: None)
        yield


def label(study: Study, model: Path) -> Labels:
    """Label a post with the model in a folder and return its labels."""
    study.write(POST, "post", Post(id=POST))
    study.write(POST, "script.template", script("the cat sat", name="template"))
    run(
        (), study.root, options={"models": {"labels": f"{LOCAL}{model}"}}, selection=Selection(only="labels", redo=True)
    )
    return study.labels_of(POST, KEY)


def validated(labels: Labels) -> Calibration:
    found = choose({POST: labels}, "cautious", drawn=date(2026, 3, 1))
    cutoffs = (Cutoff(value=CIRCLE[4], polarity=Polarity.PRESENT, probability=0.3, support=12),)
    return found.model_copy(update={"kind": "validated", "cutoffs": cutoffs})


def test_a_model_trained_again_under_its_name_is_not_validated(tmp_path: Path) -> None:
    study, folder = Study(tmp_path / "study", create=True), tmp_path / "mine"
    before = label(study, save_model(folder, name="mine").folder)
    store_calibration(study, KEY, validated(before))
    assert state_summaries(study)[KEY].validated
    again = label(study, save_model(folder, name="mine", domain="other nonsense").folder)
    assert (again.source.model, again.model == before.model) == (before.source.model, False)
    assert not state_summaries(study)[KEY].validated
    assert again.calibration is not None
    assert again.calibration.kind == "cautious"


def test_losing_a_validation_is_said(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    labels = label(study, save_model(tmp_path / "mine").folder)
    study.write_calibration(KEY, validated(labels).model_copy(update={"model": "another"}))
    for number in range(40):
        study.write(f"post{number}", "post", Post(id=f"post{number}"))
        study.write(f"post{number}", KEY.stem, labels)
    (said,) = draw_missing(study)
    assert "not validated" in said and "valex calibrate" in said
    assert not list(draw_missing(study))


def test_labels_of_two_models_of_one_name_are_two_sets(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    old = label(study, save_model(tmp_path / "one", name="mine").folder)
    for number in range(2):
        study.write(f"post{number}", "post", Post(id=f"post{number}"))
        study.write(f"post{number}", KEY.stem, old)
    label(study, save_model(tmp_path / "other", name="mine", domain="other nonsense").folder)
    assert set(label_set(study, KEY)) == {"post0", "post1"}
    summary = state_summaries(study)[KEY]
    assert (summary.posts, summary.others) == (2, 1)


def test_thresholds_are_those_of_a_model_in_a_folder(tmp_path: Path) -> None:
    study, folder = Study(tmp_path / "study", create=True), tmp_path / "mine"
    label(study, save_model(folder, name="mine").folder)
    draw_again(study, KEY, "own domain")
    found = study.calibration(KEY)
    assert found is not None
    assert {(cutoff.value, cutoff.polarity): cutoff.probability for cutoff in found.cutoffs} == {
        output: row.threshold for output, row in read_card(folder).rows.items()
    }
    save_model(folder, name="mine", domain="other nonsense")
    with pytest.raises(ModelError, match="has changed"):
        draw_again(study, KEY, "own domain")


def test_a_run_ends_though_a_record_or_a_calibration_cannot_be_read(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    label(study, save_model(tmp_path / "mine").folder)
    other = LabelKey("gemini", "encoder")
    (study.folder(POST) / f"{other.stem}.json").write_text("{garb")
    (study.root / f"calibration.{KEY}.json").write_text("{garb")
    said = list(draw_missing(study))
    assert [line.partition(":")[0] for line in said] == [str(other), str(KEY)]
    assert all("no states are drawn" in line and "garb" not in line for line in said)
