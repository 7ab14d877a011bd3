"""A cell that is not understood costs itself, with row and column named, never the table and never the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.tables import ADDRESS_1, ADDRESS_2, NUMBERS, ONE, USER, captions, found, said, study
from tests.commands import valex
from valex_local.corpus import read_sheet
from valex_local.schwartz import Value


def test_dates_that_a_spreadsheet_rewrote(tmp_path: Path) -> None:
    rows = f"tiktok_url,body,timestamp\n{ADDRESS_1},First,02/11/2023 14:05\n{ADDRESS_2},Second,03/11/2023 14:06\n"
    discovery = found(tmp_path, "posts.csv", rows)
    assert captions(discovery) == ["First", "Second"]
    assert [post.text.posted_at for post in discovery.posts] == [None, None]
    assert "column timestamp: 2 cells left out: the day or the month may come first (first: row 2, " in said(discovery)
    assert all("'0" in post.notices[0].text and post.notices[0].code == "table-date" for post in discovery.posts)


def test_one_date_decides_for_its_column(tmp_path: Path) -> None:
    rows = f"tiktok_url,body,timestamp\n{ADDRESS_1},First,02/11/2023 14:05\n{ADDRESS_2},Second,25/11/2023 14:06\n"
    discovery = found(tmp_path, "posts.csv", rows)
    assert [post.text.posted_at for post in discovery.posts] == ["2023-11-02T14:05:00Z", "2023-11-25T14:06:00Z"]
    assert "column timestamp: 1 date read with the day first" in said(discovery)


@pytest.mark.parametrize("time", [0, -1, "0", "never", 12345, [2023], True])
def test_a_wrong_time_in_one_item(tmp_path: Path, time: object) -> None:
    author = {"uniqueId": USER}
    items = [
        {"item_id": NUMBERS[0], "data": {"id": NUMBERS[0], "desc": "a\nb", "createTime": 1698933900, "author": author}},
        {"item_id": NUMBERS[1], "data": {"id": NUMBERS[1], "desc": "c", "createTime": time, "author": author}},
    ]
    discovery = found(tmp_path, "posts.ndjson", "\n".join(map(json.dumps, items)))
    assert captions(discovery) == ["a\nb", "c"]
    assert [post.text.posted_at for post in discovery.posts] == ["2023-11-02T14:05:00Z", None]
    assert "column create_time: 1 cell left out: not a date (first: line 2, " in said(discovery)


@pytest.mark.parametrize("missing", ["NaT", "nan", "None", "null", "NA", "<NA>"])
def test_what_programs_write_for_a_missing_value(tmp_path: Path, missing: str) -> None:
    rows = f"tiktok_url,body,create_time\n{ADDRESS_1},First,1698933900\n{ADDRESS_2},{missing},{missing}\n"
    discovery = found(tmp_path, "posts.csv", rows)
    assert captions(discovery) == ["First", None]
    assert f"column body: 1 cell read as empty (first: row 3, {missing!r})" in said(discovery)
    assert f"column create_time: 1 cell read as empty (first: row 3, {missing!r})" in said(discovery)


def test_a_date_in_another_column_counts(tmp_path: Path) -> None:
    discovery = found(tmp_path, "posts.csv", f"url,create_time,timestamp\n{ADDRESS_1},NaT,2023-11-02 14:05\n")
    assert discovery.posts[0].text.posted_at == "2023-11-02T14:05:00Z"


def test_a_row_with_too_many_cells_costs_itself(tmp_path: Path) -> None:
    discovery = found(tmp_path, "posts.csv", f"url,body\n{ADDRESS_1},Hello, world\n{ADDRESS_2},Second\n")
    assert captions(discovery) == [None, "Second"]
    assert "1 row left out (first: row 2 has 3 cells, but the header has 2)" in said(discovery)


def test_a_label_that_is_not_understood_costs_itself(tmp_path: Path) -> None:
    made = study(tmp_path)
    sheet = tmp_path / "labels.csv"
    sheet.write_text(f"url,Hedonism,Face,annotator\n{ADDRESS_1},present,maybe,anna\n{ADDRESS_2},,dominant,anna\n")
    done = valex("import", "labels", sheet, "-s", made.root)
    assert done.returncode == 1, "a label of the sheet is missing"
    assert "which count as not assessed: 1 (row 2, column Face: 'maybe')" in done.stdout
    assert "anna: 2 × post, 3 × label (3 new, 0 replaced)" in done.stdout
    labels = read_sheet(made.root / "gold" / "anna.csv").labels["anna"]
    assert labels.state(labels.ids.index(ONE), list(Value).index(Value.HEDONISM)).value == "present"
