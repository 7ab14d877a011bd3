"""Codings as gold labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.study.test_codings import coded
from valex_local.corpus.codings import coded_sheet, read_codings
from valex_local.corpus.sheets import gold_of
from valex_local.records import Post
from valex_local.schwartz import State
from valex_local.study import Study
from valex_local.study.codings import ADJUDICATED, change_coding

P, A, C, N = State.PRESENT, State.ABSENT, State.CONFLICTED, State.NOT_ASSESSED


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for name in ("a", "b"):
        made.write(name, "post", Post(id=name))
    return made


def code(study: Study, post: str, coder: str, *states: State, done: bool = True) -> None:
    change_coding(study, post, coder, lambda before: coded(coder, *states, done=done))


def test_finished_codings_are_labels(study: Study) -> None:
    code(study, "a", "anna", P, A, C, N)
    code(study, "b", "anna", P, done=False)
    code(study, "b", "ben", A)
    found = read_codings(study)
    assert {coder: matrix.ids for coder, matrix in found.items()} == {"anna": ("a",), "ben": ("b",)}
    np.testing.assert_equal(found["anna"].labels[0, :4], [[1, 0], [0, 0], [0, 1], [np.nan, np.nan]])
    assert read_codings(study, unfinished=True)["anna"].ids == ("a", "b")


def test_a_study_without_codings_has_no_sheet(study: Study) -> None:
    code(study, "a", "anna", P, done=False)
    assert coded_sheet(study) is None


def test_what_was_adjudicated_counts_alone(study: Study) -> None:
    for coder, first in (("anna", P), ("ben", P), ("carla", A)):
        code(study, "a", coder, first, A)
        code(study, "b", coder, first, A)
    code(study, "a", ADJUDICATED, C, A)
    sheet = coded_sheet(study)
    assert sheet is not None
    gold = gold_of(sheet)
    assert gold.of(["a", "b"]).labels[:, 0].tolist() == [[0, 1], [1, 0]]
    assert gold_of(sheet, "carla").labels[:, 0].tolist() == [[0, 0], [0, 0]]
