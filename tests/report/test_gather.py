"""Reading a post: all records, in order, and those that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.made import labels, make_study, post
from valex_local.records import Failure, Labels, Script
from valex_local.report.gather import Order, Reader
from valex_local.study import LabelKey, Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "study", 1)


def test_labels_are_known_by_script_and_route() -> None:
    assert LabelKey.of("labels.template.encoder") == LabelKey("template", "encoder")
    assert LabelKey.of("labels.video.direct") == LabelKey("video", "direct")
    assert str(LabelKey("gemini", "fewshot")) == "gemini.fewshot"


def test_everything_of_a_post_is_read(study: Study) -> None:
    (post_id,) = study.post_ids()
    found = Reader(study)(post_id)
    assert found.id == found.post.id == post_id
    assert found.media and found.transcript and found.screen_text and found.captions
    assert list(found.scripts) == ["local", "template"]
    assert [str(key) for key in found.labels] == [
        "local.encoder", "local.fewshot", "template.encoder", "template.fewshot", "video.direct",
    ]  # fmt: skip
    assert found.problems == () and found.failures == ()


def test_what_the_settings_name_first_is_shown_first(study: Study) -> None:
    study.save_options({"script": {"variants": ["template", "local"]}, "labels": {"routes": ["fewshot", "encoder"]}})
    found = Reader(study)(study.post_ids()[0])
    assert next(iter(found.scripts)) == study.script(found.id, preferred=Order.of(study).scripts)[0] == "template"
    assert next(iter(found.labels)) == LabelKey("template", "fewshot")


def test_scripts_are_in_the_order_in_which_the_study_chooses_one(study: Study) -> None:
    (post_id,) = study.post_ids()
    for name in ("gemini", "a-script"):
        study.write(post_id, f"script.{name}", Script(name=name))
    found = Reader(study)(post_id)
    assert list(found.scripts) == ["local", "template", "a-script", "gemini"]
    assert next(iter(found.scripts)) == study.script(post_id)[0]


def test_the_order_of_labels() -> None:
    keys = [LabelKey(s, r) for s in ("video", "template", "gemini") for r in ("other", "encoder")]
    found = Order(scripts=("template",), routes=("encoder",)).of_labels(keys)
    assert [str(key) for key in found][:3] == ["template.encoder", "template.other", "gemini.encoder"]
    assert [key.script for key in found][-2:] == ["video", "video"]


def test_a_broken_record_hides_no_other(study: Study) -> None:
    (post_id,) = study.post_ids()
    (study.folder(post_id) / "transcript.json").write_text("{broken")
    (study.folder(post_id) / "labels.local.encoder.json").write_text('{"script": "local"}')
    found = Reader(study)(post_id)
    assert [problem.stem for problem in found.problems] == ["transcript", "labels.local.encoder"]
    assert all("not a readable" in problem.what and problem.hint for problem in found.problems)
    assert found.transcript is None and found.media is not None and len(found.labels) == 4


def test_a_post_without_a_readable_post_record_is_still_one(study: Study) -> None:
    (post_id,) = study.post_ids()
    (study.folder(post_id) / "post.json").write_text("[]")
    found = Reader(study)(post_id)
    assert found.post.id == post_id and found.post.video is None
    assert found.problems[0].stem == "post"


def test_the_folder_names_the_post_whatever_its_record_says(study: Study) -> None:
    (post_id,) = study.post_ids()
    of = study.post(post_id).model_copy(update={"id": "../../elsewhere"})
    (study.folder(post_id) / "post.json").write_text(of.to_json())
    assert Reader(study)(post_id).id == post_id


def test_records_of_other_kinds_are_left_alone(study: Study) -> None:
    (post_id,) = study.post_ids()
    (study.folder(post_id) / "comparison.local.gemini.json").write_text("{}")
    assert Reader(study)(post_id).problems == ()


def test_failures_come_with_their_post(study: Study) -> None:
    study.write_failure(Failure(post=study.post_ids()[0], stage="ocr", what="no frames"))
    study.write_failure(Failure(post="never-a-post", stage="intake", what="no video"))
    reader = Reader(study)
    assert [failure.stage for failure in reader(study.post_ids()[0]).failures] == ["ocr"]
    assert set(reader.failures) == {study.post_ids()[0], "never-a-post"}


def test_skipped_labels_are_labels_without_values(tmp_path: Path) -> None:
    import random

    study = Study(tmp_path / "study", create=True)
    of = post(1, random.Random(1))
    study.write(of.id, "post", of)
    made = labels(random.Random(1), "template", "encoder", conflicted=False)
    skipped = Labels(script="template", source=made.source, skipped="silent")
    study.write(of.id, "labels.template.encoder", skipped)
    assert Reader(study)(of.id).labels[LabelKey("template", "encoder")].skipped == "silent"
