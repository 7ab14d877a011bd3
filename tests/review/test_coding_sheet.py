"""Empty label sheets: filled in by hand, they are read as they were meant."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from tests.exchange.exported import HOSTILE, ONE, TWO, make_study
from valex_local.corpus import read_sheet
from valex_local.errors import ConfigError
from valex_local.exchange.labels import import_labels
from valex_local.records import Post, PostText
from valex_local.review.coding_sheet import write_coding_sheet
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path)


def filled(path: Path, **marks: dict[str, str]) -> Path:
    """Fill in rows of a sheet in CSV, by post."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row.update(marks.get(row["video_id"].lstrip("@'"), {}))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_sheet_comes_back_as_gold_labels(study: Study, tmp_path: Path):
    files = write_coding_sheet(study, tmp_path / "sheet.csv", study.post_ids(), coder="anna")
    assert [file.name for file in files] == ["sheet.csv", "sheet-codebook.csv"]
    first, second = CIRCLE[3].value, CIRCLE[5].value
    sheet = filled(files[0], **{ONE: {"coded": "x", first: "dominant", second: "conflict"}, TWO: {first: "present"}})
    found = import_labels([sheet], study.root)
    assert found.annotators["anna"].posts == 1, "a post that is not marked as coded is not read"
    labels = read_sheet(sheet).labels["anna"]
    states = {value: labels.state(0, at) for at, value in enumerate(CIRCLE)}
    assert states.pop(CIRCLE[3]) is State.PRESENT
    assert states.pop(CIRCLE[5]) is State.CONFLICTED
    assert set(states.values()) == {State.ABSENT}
    assert labels.dominant[0, 3]
    assert any("not marked as coded: 3" in notice for notice in read_sheet(sheet).notices)


@pytest.mark.parametrize("mark", ["x", "1", "yes", "ja", "done", "TRUE"])
def test_any_mark_says_that_a_post_is_coded(study: Study, tmp_path: Path, mark: str):
    (sheet, _) = write_coding_sheet(study, tmp_path / "sheet.csv", [ONE, TWO])
    assert len(read_sheet(filled(sheet, **{ONE: {"coded": mark}, TWO: {"coded": "no"}})).labels[""]) == 1


def test_a_workbook_has_the_codebook_on_its_second_page(study: Study, tmp_path: Path):
    (file,) = write_coding_sheet(study, tmp_path / "sheet.xlsx", study.post_ids())
    book = CalamineWorkbook.from_path(file)
    assert book.sheet_names == ["labels", "codebook"]
    labels, codebook = (book.get_sheet_by_name(name).to_python() for name in book.sheet_names)
    assert len(labels) == 1 + len(study.post_ids())
    assert [row[0] for row in codebook[1:-1]] == [str(value) for value in CIRCLE]
    assert all(row[1] and row[2] and row[3] and row[4] for row in codebook[1:-1])


def test_captions_are_text_and_never_formulas(study: Study, tmp_path: Path):
    for number, caption in enumerate(HOSTILE):
        post = f"p{number}"
        study.write(post, "post", Post(id=post, text=PostText(caption=caption, url="http://a.example/")))
    names = [f"p{number}" for number in range(len(HOSTILE))]
    for file in ("a.csv", "a.xlsx"):
        written = write_coding_sheet(study, tmp_path / file, names)[0]
        content = written.read_bytes()
        assert b"<f>" not in content
        if file.endswith("csv"):
            with written.open(encoding="utf-8-sig", newline="") as opened:
                cells = [row["caption"] for row in csv.DictReader(opened)]
            assert not [cell for cell in cells if cell and cell.lstrip()[:1] in tuple("=+-@") and cell != "-1"]


def test_files_are_never_replaced(study: Study, tmp_path: Path):
    (tmp_path / "sheet-codebook.csv").write_text("mine")
    for name in ("sheet.csv", "sheet.ods"):
        with pytest.raises(ConfigError):
            write_coding_sheet(study, tmp_path / name, [ONE])
    assert (tmp_path / "sheet-codebook.csv").read_text() == "mine"
