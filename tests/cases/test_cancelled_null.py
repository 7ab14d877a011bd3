"""Label Studio writes null where a field may be missing, and knows several forms of most fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cases.tables import ADDRESS_1, ADDRESS_2, annotation, export, study, task
from tests.commands import valex
from valex_local.exchange.annotations import read_annotations

FACE = {"Face": "present"}


def test_null_is_not_cancelled(tmp_path: Path) -> None:
    made = study(tmp_path)
    path = export(tmp_path, task(41, ADDRESS_1, annotation(1, FACE, was_cancelled=None)))
    done = valex("import", "labels", path, "-s", made.root)
    assert done.returncode == 0, done.stderr
    assert "user-1: 1 × post, 1 × label (1 new, 0 replaced)" in done.stdout


@pytest.mark.parametrize(
    "other",
    [
        annotation(2, FACE, was_cancelled=True),
        annotation(2, FACE, result=None),
        annotation(2, FACE, result=[]),
        {"completed_by": None, "was_cancelled": None, "result": None, "updated_at": None},
        {},
    ],
)
def test_skipped_and_empty_annotations_are_counted(tmp_path: Path, other: dict[str, Any]) -> None:
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, other, annotation(1, FACE))))
    assert list(found.labels) == ["user-1"]
    assert found.complete
    assert found.notices in (
        ("cancelled annotations left out: 1",),
        ("annotations without answers left out: 1",),
    )


@pytest.mark.parametrize("field", ["annotations", "predictions", "drafts", "id"])
def test_null_in_a_task(tmp_path: Path, field: str) -> None:
    bare = {**task(41, ADDRESS_1), field: None}
    found = read_annotations(export(tmp_path, bare, task(42, ADDRESS_2, annotation(1, FACE))))
    assert found.notices == ("tasks without annotations left out: 1",)


@pytest.mark.parametrize(
    ("by", "name"),
    [
        (1, "user-1"),
        ("a@lab.org", "a@lab.org"),
        ({"id": 1, "email": "a@lab.org", "first_name": None}, "a@lab.org"),
        ({"id": 1, "email": None}, "user-1"),
        ({"id": 1}, "user-1"),
        (None, ""),
        ({}, ""),
    ],
)
def test_all_forms_of_an_annotator(tmp_path: Path, by: object, name: str) -> None:
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, annotation(by, FACE))))
    assert list(found.labels) == [name]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 40, "data": None, "annotations": []},
        {"id": 40, "data": {"post": ADDRESS_2}, "annotations": 3},
        {"id": 40, "data": {"post": ADDRESS_2}, "annotations": [3]},
        {"id": 40, "data": {"post": ADDRESS_2}, "annotations": [annotation(1, FACE, was_cancelled="perhaps")]},
        {"id": 40, "data": {"post": ADDRESS_2}, "annotations": [annotation(1, FACE, result=[{"value": 3}])]},
        {"id": 40, "data": {"post": ADDRESS_2}, "annotations": [annotation(1, {"Face": "perhaps"})]},
    ],
)
def test_one_task_never_stops_the_import(tmp_path: Path, wrong: dict[str, Any]) -> None:
    found = read_annotations(export(tmp_path, wrong, task(41, ADDRESS_1, annotation(1, FACE))))
    assert found.labels["user-1"].ids == (ADDRESS_1,)
    assert not found.complete
    assert any("task 40" in notice for notice in found.notices)


def test_completions_of_old_versions_and_files_of_a_storage(tmp_path: Path) -> None:
    old = {"id": 41, "data": {"post": ADDRESS_1}, "completions": [annotation(1, FACE)]}
    stored = {**annotation(2, FACE), "task": {"id": 42, "data": {"post": ADDRESS_2}}}
    found = read_annotations(export(tmp_path, old, stored))
    assert {name: labels.ids for name, labels in found.labels.items()} == {
        "user-1": (ADDRESS_1,),
        "user-2": (ADDRESS_2,),
    }


def test_predictions_are_no_labels_and_that_is_said(tmp_path: Path) -> None:
    given = {**task(41, ADDRESS_1, annotation(1, FACE)), "predictions": [annotation(None, FACE), None]}
    assert read_annotations(export(tmp_path, given)).notices == ("predictions left out: 2",)


def test_answers_of_other_kinds_of_questions_are_read(tmp_path: Path) -> None:
    area = annotation(1, FACE)
    area["result"][0] |= {"type": "textarea", "value": {"text": ["present"]}}
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, area)))
    assert found.labels["user-1"].ids == (ADDRESS_1,)


@pytest.mark.parametrize("value", [None, {}, {"choices": None}])
def test_a_question_without_an_answer_is_counted(tmp_path: Path, value: object) -> None:
    bare = annotation(1, FACE, result=[{"from_name": "Face", "type": "choices", "value": value}])
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, bare), task(42, ADDRESS_2, annotation(1, FACE))))
    assert found.notices == ("questions without an answer left out: 1",)
