"""`valex calibrate` on studies whose records the tests make, without a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.labelled import as_answers, made_gold, made_labels
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.writers import write_long
from valex_local.evaluation.study_validation import read_study_gold
from valex_local.exchange.gold import write_gold
from valex_local.records import Labels, Notice, Post, PostText
from valex_local.schwartz import State
from valex_local.study import Study, state_summaries
from valex_local.study.variants import LabelKey

KEY = LabelKey("template", "encoder")
FILE = "calibration.template.encoder.json"


def fill(root: Path, gold: LabelMatrix, labels: dict[str, Labels], key: LabelKey = KEY) -> Study:
    study = Study(root, create=True)
    for name, record in labels.items():
        study.write(name, "post", Post(id=name, text=PostText(author=name.split("_")[0][1:])))
        study.write(name, key.stem, record)
    return study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 80 posts, and their gold labels beside it."""
    folder, gold = tmp_path_factory.mktemp("made"), made_gold()
    study = fill(folder / "study", gold, made_labels(gold))
    write_gold(study, "anna", gold)
    write_long(folder / "gold.csv", {"": gold.take(range(60))})
    return folder


@pytest.fixture
def study(made: Path, tmp_path: Path) -> Study:
    shutil.copytree(made, tmp_path / "copy")
    return Study(tmp_path / "copy" / "study")


def sheet(study: Study) -> Path:
    return study.root.parent / "gold.csv"


def called(study: Study) -> int:
    fresh = Study(study.root)
    labels = (fresh.labels_of(post_id, KEY) for post_id in fresh.post_ids())
    return sum(label.state is State.PRESENT for record in labels for label in record.values)


def test_states_are_validated_on_the_gold_labels_of_a_sheet(study: Study, call) -> None:
    before = called(study)
    done = call("calibrate", "-s", study.root, sheet(study))
    assert done.code == 0, done.err
    stored = study.calibration(KEY)
    assert stored is not None
    assert (stored.kind, len(stored.posts), stored.model) == ("validated", 60, "a-model")
    assert {figure.figure for figure in stored.figures} >= {"macro F1 of present", "values called per post"}
    for words in (
        "The states are better than before",
        "Before: cautious states",
        "validated on 60 posts",
        "20 authors",
    ):
        assert words in " ".join(done.out.split())
    assert called(study) > before


def test_without_a_sheet_the_imported_gold_labels_count(study: Study, call) -> None:
    call("calibrate", "-s", study.root, "--relative")
    assert call("calibrate", "-s", study.root).code == 0
    stored = study.calibration(KEY)
    assert stored is not None
    assert len(stored.posts) == 80
    first = (study.root / FILE).read_text()
    # Again it is compared with states without gold labels, not with its own.
    assert call("calibrate", "-s", study.root).code == 0
    assert (study.root / FILE).read_text() == first


def test_without_any_gold_labels_the_ways_to_get_some_are_named(study: Study, call) -> None:
    shutil.rmtree(study.root / "gold")
    done = call("calibrate", "-s", study.root)
    assert done.code == 2
    assert "valex import labels" in done.err
    assert "--relative" in done.err


def test_too_few_gold_labels_change_nothing(study: Study, call) -> None:
    call("calibrate", "-s", study.root, "--cautious")
    before = (study.root / FILE).read_bytes()
    few = study.root.parent / "few.csv"
    write_long(few, {"": made_gold().take(range(20))})
    done = call("calibrate", "-s", study.root, few)
    assert done.code == 2
    assert "Label 10 more posts" in done.err
    assert (study.root / FILE).read_bytes() == before


def test_worse_states_are_stored_on_request_only(tmp_path: Path, call) -> None:
    gold = made_gold(share=0.5)
    study = fill(tmp_path / "study", gold, made_labels(gold, signal=0, shift=3))  # nearly everything is called before
    write_gold(study, "anna", gold)
    done = call("calibrate", "-s", study.root)
    assert done.code == 2
    assert "--force" in done.err
    assert "worse than before" in done.out
    assert study.calibration(KEY) is None
    assert call("calibrate", "-s", study.root, "--force").code == 0
    stored = study.calibration(KEY)
    assert stored is not None
    assert "calibration-worse" in {notice.code for notice in stored.notices}
    assert "states were worse than before" in state_summaries(study)[KEY].line


def test_states_are_drawn_anew_without_gold_labels(study: Study, call) -> None:
    call("calibrate", "-s", study.root)
    done = call("calibrate", "-s", study.root, "--cautious")
    assert "not validated any more" in done.out
    assert "values called per post, before" in done.out
    assert "of 80 posts changed" in done.out
    stored = study.calibration(KEY)
    assert stored is not None
    assert stored.kind == "cautious"
    assert call("calibrate", "-s", study.root, "--cautious").out.endswith("0 states of 0 of 80 posts changed\n")
    assert call("calibrate", "-s", study.root, "--relative").code == 0
    assert study.calibration(KEY).kind == "relative"
    done = call("calibrate", "-s", study.root, "--own-domain")
    assert (done.code, "a-model" in done.err) == (2, True)
    assert study.calibration(KEY).kind == "relative"


@pytest.mark.parametrize(
    "options", [["gold.csv"], ["--force"], ["--seed", "1"], ["--annotator", "anna"], ["--cautious"]]
)
def test_options_without_effect_are_refused(study: Study, call, options: list[str]) -> None:
    done = call("calibrate", "-s", study.root, "--relative", *options)
    assert done.code == 2
    assert "without gold labels" in done.err


def test_of_several_sets_one_must_be_named(study: Study, call) -> None:
    other = KEY._replace(name="mpnet")
    for post_id in study.post_ids():
        study.write(post_id, other.stem, study.require(post_id, KEY.stem, Labels))
    done = call("calibrate", "-s", study.root)
    assert done.code == 2
    assert "template.encoder, template.encoder@mpnet" in done.err
    assert call("calibrate", "-s", study.root, "--route", "encoder@mpnet").code == 0
    assert study.calibration(other) is not None
    assert study.calibration(KEY) is None
    assert call("calibrate", "-s", study.root, "--route", "encoder").code == 0
    assert study.calibration(KEY) is not None


def test_answers_need_probabilities(tmp_path: Path, call) -> None:
    gold, key = made_gold(), LabelKey("template", "fewshot")
    study = fill(tmp_path / "study", gold, as_answers(made_labels(gold), present=0), key)
    write_gold(study, "anna", gold)
    done = call("calibrate", "-s", study.root)
    assert done.code == 0, done.err
    assert "Before: the language model's answers" in " ".join(done.out.split())
    for post_id in study.post_ids():
        silent = Notice(code="no-probabilities", text="the engine reports none")
        study.write(
            post_id, key.stem, study.require(post_id, key.stem, Labels).model_copy(update={"notices": (silent,)})
        )
    done = call("calibrate", "-s", study.root)
    assert done.code == 2
    assert "have no probabilities" in done.err


def test_a_study_in_the_place_of_gold_labels_is_told_from_them(study: Study, call) -> None:
    done = call("calibrate", study.root, sheet(study))
    assert done.code == 2
    assert f"valex calibrate {sheet(study)} -s {study.root}" in done.err


def test_evaluation_says_that_cut_offs_were_fitted_to_these_gold_labels(study: Study, call) -> None:
    words = ("evaluate", study.root, "--labels", sheet(study), "--min-support", "10", "--resamples", "0")
    assert "too good" not in " ".join(call(*words).out.split())
    call("calibrate", "-s", study.root, sheet(study))
    assert "states validated on 60 posts of this study" in " ".join(call(*words).out.split())


def test_a_run_in_the_study_is_not_disturbed(study: Study, call) -> None:
    with study.lock():
        assert call("calibrate", "-s", study.root).code == 2
    assert study.calibration(KEY) is None


def test_a_forgotten_post_is_not_named_any_more(study: Study, call) -> None:
    call("calibrate", "-s", study.root)
    gone = study.post_ids()[3]
    assert call("forget", "-s", study.root, gone, "--yes").code == 0
    text = (study.root / FILE).read_text()
    assert gone not in text
    assert called(study) > 0
    stored = study.calibration(KEY)
    assert stored is not None
    assert (stored.kind, len(stored.posts)) == ("validated", 79)


# --- gold labels of a study -----------------------------------------------------------------------------------------


def test_authors_come_from_the_sheet_the_address_or_the_post(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    for name, author in (("@anna_video_7300000000000000001", None), ("plain-1", "ben"), ("plain-2", None)):
        study.write(name, "post", Post(id=name, text=PostText(author=author)))
    table = tmp_path / "gold.csv"
    table.write_text(
        "video_id,author,place,1_Value1_Stimulation_values\n"
        "anna_7300000000000000001,,Bern,1\nplain-1,,Bern,0\nplain-2,carla,Chur,1\nplain-3,,Chur,1\n"
    )
    gold = read_study_gold(study, [table])
    assert gold.groups == {"@anna_video_7300000000000000001": "anna", "plain-1": "ben", "plain-2": "carla"}
    assert gold.labels.ids == ("@anna_video_7300000000000000001", "plain-1", "plain-2")
    assert any("1 post with gold labels left out: not in the study (plain-3)" in notice for notice in gold.notices)
    assert set(read_study_gold(study, [table], group="place").groups.values()) == {"Bern", "Chur"}
    assert read_study_gold(study, [table], group="none").grouped_by is None


def test_the_majority_of_imported_annotators_counts_unless_one_is_named(study: Study) -> None:
    other = made_gold()
    other.labels[..., 0] = 1 - other.labels[..., 0]
    write_gold(study, "ben", other)
    assert np.isnan(read_study_gold(study).labels.labels[..., 0]).all()
    assert np.array_equal(
        read_study_gold(study, annotator="ben").labels.of(other.ids).labels[..., 0], other.labels[..., 0]
    )
