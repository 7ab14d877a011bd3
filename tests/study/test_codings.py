"""What people coded, in the study folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from valex_local.errors import ConfigError, StudyError
from valex_local.files.tables import read_table, write_table
from valex_local.records import Assignment, CodedValue, Coding, CodingPlan, Post
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import (
    change_coding,
    check_coder,
    coders_of,
    read_coding,
    read_plan,
    write_plan,
)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for name in ("a", "b"):
        made.write(name, "post", Post(id=name))
    return made


def coded(coder: str, *states: State, done: bool = True) -> Coding:
    values = tuple(CodedValue(value=value, state=state) for value, state in zip(CIRCLE, states, strict=False))
    return Coding(coder=coder, values=values, done=done)


def test_a_coding_is_a_file_of_its_own(study: Study) -> None:
    assert read_coding(study, "a", "anna") is None
    written = change_coding(study, "a", "anna", lambda before: coded("anna", State.PRESENT))
    assert read_coding(study, "a", "anna") == written
    assert coders_of(study, "a") == ["anna"]
    assert coders_of(study, "b") == []
    path = study.folder("a") / "coding.anna.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert change_coding(study, "a", "anna", lambda before: None) == written


def test_a_post_that_is_gone_gets_no_coding(study: Study) -> None:
    with pytest.raises(StudyError, match="no post c"):
        change_coding(study, "c", "anna", lambda before: coded("anna"))
    assert not (study.root / "posts" / "c").exists()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", ".a", "a.b", "x" * 61, "é"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError):
        check_coder(name)


def test_a_broken_coding_is_not_to_be_deleted(study: Study) -> None:
    (study.folder("a") / "coding.anna.json").write_text("{")
    with pytest.raises(StudyError, match="the work of a person") as error:
        read_coding(study, "a", "anna")
    assert "Delete" not in str(error.value)
    with pytest.raises(StudyError):
        change_coding(study, "a", "anna", lambda before: coded("anna"))
    assert (study.folder("a") / "coding.anna.json").read_text() == "{"


def test_forgetting_a_post_removes_it_from_codings_plan_and_samples(study: Study) -> None:
    change_coding(study, "a", "anna", lambda before: coded("anna"))
    both = tuple(Assignment(post=name, coders=("anna",)) for name in ("a", "b"))
    write_plan(study, CodingPlan(coders=("anna",), overlap=0, seed=1, assignments=both))
    (study.root / "samples").mkdir()
    sample = study.root / "samples" / "s.csv"
    write_table(sample, [["post_id", "inclusion_probability", "stratum"], ["a", 0.5, ""], ["b", 0.5, ""]])
    removed = study.forget("a")
    assert {"posts/a/", "review.json (the id of the post)", "samples/s.csv (1 rows)"} <= set(removed)
    plan = read_plan(study)
    assert plan is not None and [one.post for one in plan.assignments] == ["b"]
    assert [row.cells["post_id"] for row in read_table(sample).rows] == ["b"]


def test_nothing_is_forgotten_while_the_plan_cannot_be_read(study: Study) -> None:
    (study.root / "review.json").write_text("{")
    with pytest.raises(StudyError, match="nothing was removed"):
        study.forget("a")
    assert study.post("a").id == "a"
