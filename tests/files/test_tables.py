"""Reading and writing CSV and TSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.errors import InputError
from valex_local.files.tables import Table, parse_table, read_table, table_text, unguarded, write_table
from valex_local.files.text import clean_text


def parse(text: str, name: str = "t.csv") -> Table:
    return parse_table(text, Path(name))


def cells(table: Table) -> list[list[str]]:
    return [list(row.cells.values()) for row in table.rows]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separator_and_encoding_are_recognised(tmp_path, separator, encoding):
    path = tmp_path / "t.csv"
    path.write_text(separator.join(["id", "größe"]) + "\n" + separator.join(["a", "1"]) + "\n", encoding)
    table = read_table(path)
    assert table.columns == ("id", "größe")
    assert cells(table) == [["a", "1"]]


def test_rows_are_numbered_as_a_spreadsheet_does():
    table = parse('id,text\na,"two\nlines"\n\nb,c\n')
    assert [(row.number, row.cells) for row in table.rows] == [
        (2, {"id": "a", "text": "two\nlines"}),
        (4, {"id": "b", "text": "c"}),
    ]


def test_short_rows_are_filled_and_columns_without_a_name_called_by_their_place():
    table = parse("id,,text\na\nb,c,d\n")
    assert table.columns == ("id", "column 2", "text")
    assert cells(table) == [["a", "", ""], ["b", "c", "d"]]


def test_an_empty_text_is_an_empty_table():
    assert parse("") == parse("\n\n") == Table((), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,body\nx,y,z\n", "row 2 has 3 cells, but the header has 2"),
        ("id,body\n\nx,y,z\n", "row 3 has 3 cells"),
        ('id,"body\nx,y\n', "not valid CSV near line 1"),
        ('id,body\nx,"y"z,"q\n', "line 2 is not valid CSV"),
    ],
)
def test_bad_tables_are_refused(text, message):
    with pytest.raises(InputError, match=message) as raised:
        parse(text)
    assert raised.value.path == "t.csv"
    assert raised.value.hint


@pytest.mark.parametrize(
    ("name", "hint"), [("t.xlsx", "save the sheet as CSV"), ("t.jsonl", "Convert"), ("folder.csv", "CSV or TSV")]
)
def test_other_files_are_refused(tmp_path, name, hint):
    path = tmp_path / name
    if "." in name and not name.startswith("folder"):
        path.write_bytes(b"PK\x03\x04\xff")
    else:
        path.mkdir()
    with pytest.raises(InputError) as raised:
        read_table(path)
    assert hint in str(raised.value.hint)


def test_large_cells_are_read_and_the_limit_is_put_back():
    before = csv.field_size_limit()
    assert cells(parse("id,text\na," + "x" * 200_000 + "\n"))[0][1] == "x" * 200_000
    assert csv.field_size_limit() == before


# --- quotes in tab-separated files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ['"fake news" is a word', 'they call it "fake"', 'a rod of 5"', '"', '""', '"open', "it's \"odd\" and 'even'"],
)
def test_quotes_of_an_even_tsv_are_text(cell):
    other = '"never closed here'
    table = parse(f"id\ttext\tstance\na\t{other}\tfor\nb\t{cell}\tfor\nc\tplain\tfor\n", "t.tsv")
    assert cells(table) == [["a", other, "for"], ["b", cell, "for"], ["c", "plain", "for"]]


def test_quotes_that_would_swallow_lines_are_text():
    table = parse('id\ttext\tstance\na\t"open\tfor\nb\ta rod of 5"\tagainst\n', "t.tsv")
    assert cells(table) == [["a", '"open', "for"], ["b", 'a rod of 5"', "against"]]


def test_quotes_of_csv_are_undone_in_a_tsv():
    text = 'id\ttext\tstance\na\t"two\nlines, a ""word"" and a\ttab"\tfor\nb\t"quoted"\tfor\n'
    assert cells(parse(text, "t.tsv")) == [["a", 'two\nlines, a "word" and a\ttab', "for"], ["b", "quoted", "for"]]


def test_a_ragged_row_in_a_tsv_does_not_make_quotes_swallow_others():
    table = parse('id\ttext\tstance\na\t"open\tfor\nb\tc\nd\t"so" they say\tfor\n', "t.tsv")
    assert cells(table) == [["a", '"open', "for"], ["b", "c", ""], ["d", '"so" they say', "for"]]


written = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.lists(written, min_size=3, max_size=3), max_size=6), st.sampled_from([",", ";"]))
def test_what_csv_writes_is_read(rows, separator):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows([["id", "text", "state"], *rows])
    assert cells(parse(out.getvalue())) == [[unguarded(cell) for cell in row] for row in rows if "".join(row).strip()]


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), min_size=1, max_size=12)


@given(st.lists(st.lists(plain, min_size=3, max_size=3), max_size=6))
def test_lines_of_an_unquoted_tsv_are_never_lost(rows):
    text = "id\ttext\tstate\n" + "".join("\t".join(row) + "\n" for row in rows)
    table = parse(text, "t.tsv")
    assert [row.number for row in table.rows] == list(range(2, len(rows) + 2))
    if any('"' in cell and not (cell.startswith('"') and cell.endswith('"')) for row in rows for cell in row):
        unquoted = [[cell.strip('"') for cell in row] for row in rows]
        assert [[cell.strip('"') for cell in row] for row in cells(table)] == unquoted


# --- writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["=1", " =1+1", "\t@x", "\r\n-cmd", "'=1", "+a"])
def test_text_that_could_be_a_formula_is_guarded(cell):
    written = next(csv.reader(io.StringIO(table_text([[cell]]), newline="")))
    assert written == [f"'{cell}"]


def test_numbers_stay_numbers_and_nothing_stays_empty():
    assert table_text([["n", -1, -0.5, None, "-1", "roberta"]]) == "n,-1,-0.5,,-1,roberta\r\n"


@given(st.lists(st.lists(written, min_size=3, max_size=3), max_size=6))
def test_what_is_written_is_read(rows):
    read = cells(parse(table_text([["id", "text", "state"], *rows])))
    assert read == [[clean_text(cell) for cell in row] for row in rows if "".join(row).strip()]


@given(st.lists(st.lists(written, min_size=3, max_size=3), min_size=1, max_size=6))
def test_a_tsv_has_a_line_for_each_row(rows):
    text = table_text(rows, tabbed=True)
    assert [line.count("\t") for line in text.split("\r\n")] == [*[2] * len(rows), 0]
    assert "\n" not in text.replace("\r\n", "")


def test_the_ending_says_which_it_is(tmp_path):
    for name, expected in (("t.csv", b"a,b\r\n"), ("t.tsv", b"a\tb\r\n")):
        write_table(tmp_path / name, [["a", "b"]])
        assert (tmp_path / name).read_bytes() == expected
