"""Label sheets that valex writes."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.corpus.files import AUTHORS_HEAD, N1, N2, any_matrix, equal, matrix, place, write
from valex_local.corpus import read_sheet, write_authors, write_long
from valex_local.corpus.columns import text_id
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.writers import long_rows
from valex_local.errors import StudyError
from valex_local.schwartz import CIRCLE, State, Value

YES, NO, CONFLICT = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=9).map(text_id)
safe = names.filter(lambda name: name and name.lstrip()[:1] not in "=+-@")
posts = st.lists(safe | st.sampled_from([N1, f"me_{N2}", f".a_{N1}"]), unique=True, min_size=1, max_size=4)
run_names = st.text("abc 1,;\"'é", max_size=6).map(str.strip)
runs = st.dictionaries(run_names, any_matrix(posts), min_size=1, max_size=3)


@given(runs)
@settings(max_examples=60)
@example({"": LabelMatrix.empty(["a", "b"])})
def test_long_tables_are_read_back_as_they_were(tmp_path_factory, made):
    path = tmp_path_factory.mktemp("long") / "labels.csv"
    write_long(path, made)
    sheet = read_sheet(path)
    assert sheet.kind == "long"
    assert list(sheet.labels) == list(made)
    for run, labels in made.items():
        labels.probabilities[:] = np.round(labels.probabilities, 4)
        assert equal(sheet.labels[run], labels)
    scored = any(np.isfinite(labels.probabilities).any() for labels in made.values())
    assert sheet.has_probabilities == scored


def test_a_long_table_as_it_is_written(tmp_path):
    labels = matrix(**{f"me_{N1}": {Value.FACE: YES, Value.HUMILITY: CONFLICT, Value.TRADITION: (0.0, np.nan)}})
    labels.probabilities[0, place(Value.FACE)] = 0.87654321, 0.1
    labels.dominant[0, place(Value.FACE)] = True
    extra = {"fold": {f"me_{N1}": "2"}, "remark": {f"me_{N1}": "=1+1"}}
    write_long(tmp_path / "l.csv", {"seed 1": labels}, extra=extra)
    head, *rows = rows_of(tmp_path / "l.csv")
    assert head == ["post", "value", "state", "p_present", "p_conflicted", "dominant", "run", "fold", "remark"]
    assert len(rows) == 19
    rest = ["seed 1", "2", "'=1+1"]
    by_value = {row[1]: row for row in rows}
    post = f"me_{N1}"
    assert by_value["Face"] == [post, "Face", "present", "0.8765", "0.1", "1", *rest]
    assert by_value["Humility"] == [post, "Humility", "conflicted", "no", "yes", "0", *rest]
    assert by_value["Tradition"] == [post, "Tradition", "absent", "no", "", "0", *rest]
    assert by_value["Hedonism"] == [post, "Hedonism", "not_assessed", "", "", "0", *rest]
    assert read_sheet(tmp_path / "l.csv").groups["fold"] == {post: "2"}


def test_without_a_name_there_is_no_column_of_runs():
    head, *_ = long_rows({"": matrix(a={Value.FACE: YES})})
    assert head == ("post", "value", "state", "p_present", "p_conflicted", "dominant")


def test_the_authors_sheet_as_it_is_written(tmp_path):
    labels = matrix(
        **{
            f"@me_video_{N1}": {value: NO for value in CIRCLE} | {Value.FACE: YES, Value.HUMILITY: CONFLICT},
            "b": {Value.STIMULATION: YES},
        }
    )
    labels.dominant[0, place(Value.FACE)] = True
    sound = {f"@me_video_{N1}": False, "b": None}
    write_authors(tmp_path / "a.csv", labels, has_sound=sound, notes={"b": "-not a formula, but\nalmost"})
    head, one, two = rows_of(tmp_path / "a.csv")
    assert head == ["video_id", *(f"1_Value1_{name}_values" for name in AUTHORS_HEAD), "Has_sound", "notes"]
    assert one[0] == f"me_{N1}"
    assert dict(zip(AUTHORS_HEAD, one[1:20], strict=True)) == dict.fromkeys(AUTHORS_HEAD, "0") | {
        "Face": "2",
        "Humility": "-1",
    }
    assert one[20:] == ["False", ""]
    assert [n for n, cell in zip(head, two, strict=True) if cell] == [
        "video_id",
        "1_Value1_Stimulation_values",
        "notes",
    ]
    assert two[21] == "'-not a formula, but\nalmost"


@given(any_matrix(posts))
@settings(max_examples=60)
def test_the_authors_sheet_keeps_states(tmp_path_factory, labels):
    labels.labels[0, 0], labels.labels[0, 1], labels.dominant[0, :2] = YES, NO, False
    path = tmp_path_factory.mktemp("authors") / "labels.csv"
    write_authors(path, labels)
    sheet = read_sheet(path)
    read = sheet.labels[""]
    assert sheet.kind == "codes"
    assert read.ids == labels.ids
    for row in range(len(labels)):
        for column in range(len(CIRCLE)):
            assert read.state(row, column) is labels.state(row, column)
            dominates = labels.dominant[row, column] and labels.state(row, column) is State.PRESENT
            assert read.dominant[row, column] == dominates


@pytest.mark.parametrize("cell", ["=1+1", "+me", "-me", "@sum(A1)", " =1", "\t=1", "\n=1"])
def test_formulas_are_guarded(tmp_path, cell):
    write_authors(tmp_path / "a.csv", matrix(a={}), notes={"a": cell})
    assert rows_of(tmp_path / "a.csv")[1][-1] == f"'{cell}"
    write_long(tmp_path / "l.csv", {cell: matrix(**{cell: {}})}, extra={cell: {cell: cell}})
    head, row, *_ = rows_of(tmp_path / "l.csv")
    assert [head[-1], row[0], *row[-2:]] == [f"'{cell}"] * 4


@pytest.mark.parametrize("cell", ["-1", "+1.5", "-0,5", "plain", "a=b", "", "'quoted"])
def test_other_cells_are_written_as_they_are(tmp_path, cell):
    write_authors(tmp_path / "a.csv", matrix(a={}), notes={"a": cell})
    assert rows_of(tmp_path / "a.csv")[1][-1] == cell


def test_a_tiktok_post_is_written_without_its_at_sign(tmp_path):
    write_authors(tmp_path / "a.csv", matrix(**{f"@.a_{N1}": {}}))
    assert rows_of(tmp_path / "a.csv")[1][0] == f".a_{N1}"


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write(tmp_path / "l.csv", "as it was")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StudyError, match="the disk is full") as raised:
        write_long(path, {"": matrix(a={})})
    assert raised.value.path == str(path)
    assert [p.name for p in tmp_path.iterdir()] == ["l.csv"]
    assert path.read_text() == "as it was\n"


def test_a_folder_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(StudyError, match="cannot write"):
        write_authors(tmp_path / "none" / "a.csv", matrix(a={}))
