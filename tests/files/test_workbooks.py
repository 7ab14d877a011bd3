"""Reading workbooks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.files.made_workbooks import ods, xlsx
from valex_local.errors import InputError
from valex_local.files.tables import read_table

ROWS = [
    ["id", "text", "when", "n"],
    ["7300000000000000041", "Hello,\nworld 😀", datetime(2023, 11, 2, 14, 5), 1.5],
    [7300000000000000041, "second", datetime(2023, 11, 3), 2],
    [],
    ["", "=1+1", "", -1],
]


@pytest.mark.parametrize(("name", "made"), [("t.xlsx", xlsx), ("t.ods", ods), ("t.csv", xlsx), ("t.xls", ods)])
def test_cells_are_read_as_a_person_would_type_them(tmp_path: Path, name: str, made: Callable[..., bytes]) -> None:
    (tmp_path / name).write_bytes(made({"Sheet": ROWS}))
    table = read_table(tmp_path / name)
    assert table.columns == ("id", "text", "when", "n")
    assert [row.number for row in table.rows] == [2, 3, 5]
    first, second, third = (tuple(row.cells.values()) for row in table.rows)
    assert first == ("7300000000000000041", "Hello,\nworld 😀", "2023-11-02 14:05:00", "1.5") or made is ods
    assert second[0] == "7.3E+18", "the workbook has rounded it, which can be seen"
    assert second[2] in ("2023-11-03", "2023-11-03 00:00:00") and second[3] == "2"
    assert third == ("", "=1+1", "", "-1")
    assert table.notices == ()


def test_the_sheet_with_the_columns_looked_for_is_read(tmp_path: Path) -> None:
    sheets = {"About": [["made by us"]], "Old": [["id"], ["a"]], "Posts": [["id"], ["b"]]}
    (tmp_path / "t.xlsx").write_bytes(xlsx(sheets, hidden=["Old"]))
    table = read_table(tmp_path / "t.xlsx", lambda head: "id" in head)
    assert [row.cells["id"] for row in table.rows] == ["b"]
    assert table.notices == ("the sheet 'Posts' of the workbook was read, not 'About', 'Old'",)
    assert read_table(tmp_path / "t.xlsx").columns == ("made by us",)


def test_a_workbook_without_cells_is_an_empty_table(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(xlsx({"Sheet": []}))
    assert read_table(tmp_path / "t.xlsx").columns == ()


def _moved(place: str) -> bytes:
    """Return a workbook with two cells, the second of which is far away."""
    made = xlsx({"Sheet": [["id"], ["x"]]})
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(made)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            row = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
            content = old.read(name).replace(b'"A2"', f'"{place}"'.encode())
            new.writestr(name, content.replace(b'<row r="2">', f'<row r="{row}">'.encode()))
    return out.getvalue()


def test_a_cell_in_the_last_corner_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(_moved("XFD1048576"))
    with pytest.raises(InputError, match="the sheets of this workbook are too large to be read"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.slow
def test_a_bomb_is_refused_in_one_line(tmp_path: Path) -> None:
    row = "x" * 1_000_000
    (tmp_path / "t.xlsx").write_bytes(xlsx({"Sheet": [[row] * 400]}))
    with pytest.raises(InputError, match="too large to be read"):
        read_table(tmp_path / "t.xlsx")


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", xlsx({})]
)
def test_what_is_no_workbook_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "t.xlsx").write_bytes(raw)
    try:
        assert read_table(tmp_path / "t.xlsx").columns == ()
    except InputError as error:
        assert str(error).startswith("this workbook cannot be read (")
        assert "\n" not in str(error)
