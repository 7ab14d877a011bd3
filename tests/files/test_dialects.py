"""One table, written in every dialect and encoding and as a workbook, is read as the same rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.files.made_workbooks import ods, xlsx
from valex_local.errors import InputError
from valex_local.files.delimited import decode
from valex_local.files.tables import Table, parse_table, table_of
from valex_local.posts.id_cells import row_id

HEAD = ["id", "text", "state"]
NUMBER = "7300000000000000041"

letters = st.sampled_from("abc XYZ 012 .:-_éüß€ñ,;|\t\n\"'=")
cell = st.text(letters, max_size=10).filter(lambda text: not text.startswith(("'", "=", " ", "\t", "\n")))
rows = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,6}[0-9]{1,3}", fullmatch=True), cell, cell).map(list), min_size=1, max_size=6
)


@dataclass(frozen=True)
class Dialect:
    """How a table is written."""

    separator: str
    quoting: int
    encoding: str
    end: str
    says_separator: bool
    tail: int
    blank_lines: bool
    short_rows: bool

    def bytes(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Return a table in this dialect."""
        out = io.StringIO(newline="")
        # The writer puts a line feed in quotes only if it is part of what ends a line.
        quoting = csv.QUOTE_ALL if self.end == "\r" else self.quoting
        writer = csv.writer(out, delimiter=self.separator, quoting=quoting, lineterminator=self.end)
        if self.says_separator:
            out.write(f"sep={self.separator}{self.end}")
        for at, row in enumerate([HEAD, *rows]):
            cells = [*row, *[""] * self.tail]
            while at and self.short_rows and len(cells) > 1 and not cells[-1]:
                cells.pop()
            writer.writerow(cells)
            if self.blank_lines:
                out.write(self.separator * 2 + self.end if at % 2 else self.end)
        return out.getvalue().encode(self.encoding)


dialects = st.builds(
    Dialect,
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    says_separator=st.booleans(),
    tail=st.integers(0, 3),
    blank_lines=st.booleans(),
    short_rows=st.booleans(),
)


def cells(table: Table) -> list[list[str]]:
    return [list(row.cells.values()) for row in table.rows]


@given(rows, dialects, st.sampled_from(["t.csv", "t.txt", "t"]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_every_dialect_gives_the_same_rows(written: list[list[str]], dialect: Dialect, name: str) -> None:
    table = table_of(dialect.bytes(written), Path(name))
    assert table.columns == tuple(HEAD)
    assert cells(table) == written
    assert table.all_notices == ()


@given(rows, st.sampled_from([xlsx, ods]))
@settings(max_examples=10)
def test_a_workbook_gives_the_same_rows(written, made) -> None:
    plain = [[text.replace("\n", " ").replace("\t", " ").strip() for text in row] for row in written]
    plain = [[" ".join(text.split()) for text in row] for row in plain]
    table = table_of(made({"Sheet": [HEAD, *plain]}), Path("t.xlsx"))
    assert cells(table) == plain


@given(rows, dialects, st.data())
def test_a_row_with_too_many_cells_costs_itself_alone(written, dialect: Dialect, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, len(written) - 1))
    extra = [[*row, "", "", "", "surplus"] if at == bad else row for at, row in enumerate(written)]
    raw = dialect.bytes(extra)
    others = [row for at, row in enumerate(written) if at != bad]
    if not others:
        with pytest.raises(InputError, match="but the header has"):
            table_of(raw, Path("t.csv"))
        return
    table = table_of(raw, Path("t.csv"))
    assert cells(table) == others
    assert len(table.left_out) == 1 and "but the header has" in table.left_out[0]


plain_rows = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,6}[0-9]", fullmatch=True), st.from_regex(r"[a-z ]{0,9}", fullmatch=True)),
    min_size=2,
    max_size=8,
)
broken = st.sampled_from(['bad,"open', 'bad,"x"y', 'bad,"x"y,"', 'bad,"x" y"z', 'bad,"'])


@given(plain_rows, broken, st.data())
def test_broken_quotes_never_swallow_other_rows(given_rows, line: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(given_rows)))
    lines = [",".join(row) for row in given_rows]
    table = parse_table("\n".join(["id,text", *lines[:at], line, *lines[at:]]), Path("t.csv"))
    assert [row.cells["id"] for row in table.rows if row.cells["id"] != "bad"] == [name for name, _ in given_rows]
    assert table.left_out or table.notices


marks = st.sampled_from(
    ["{}", "'{}", '="{}"', "\t{}", "\u200b{}", "{}\u200b", "\ufeff{}", "\u00a0{}\u00a0", '"{}"', "“{}”", "'{}'"]
)
names = st.sampled_from([
    NUMBER,
    f"https://www.tiktok.com/@maple.test/video/{NUMBER}",
    f"@maple.test_video_{NUMBER}.mp4",
    f"maple.test_{NUMBER}",
])  # fmt: skip


@given(names, marks, st.sampled_from(",;\t"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_marks_that_keep_an_id_as_text_are_taken_off(name: str, mark: str, separator: str, quoting: int) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=quoting).writerows([["id", "x"], [mark.format(name), "y"]])
    (row,) = parse_table(out.getvalue(), Path("t.csv")).rows
    found = row_id([("id", row.cells["id"])], "maple.test")
    assert found.key is not None and (found.key.user, found.key.number) == ("maple.test", NUMBER)


rounded = st.builds(
    "{}{}{}E{}1{}".format,
    st.sampled_from(["7", "6"]),
    st.sampled_from([".", ","]),
    st.from_regex(r"[0-9]{1,14}", fullmatch=True),
    st.sampled_from(["+", ""]),
    st.sampled_from("789"),
)


@given(rounded, names, st.booleans())
def test_a_rounded_id_is_no_obstacle(number: str, name: str, first: bool) -> None:
    given_cells = [("id", number), ("url", name)]
    found = row_id(given_cells if first else given_cells[::-1], "maple.test")
    assert found.key is not None and found.key.number == NUMBER
    assert found.rounded == {"id": number}
    assert row_id([("id", number)]).names == ()


# --- encodings ------------------------------------------------------------------------------------------------------

western = st.sampled_from(["café", "Größe", "señor", "déjà vu", "100 €", "“quoted”", "naïve", "Übung"])


@given(st.lists(western, min_size=1, max_size=5))
def test_windows_1252_is_read_and_said(words: list[str]) -> None:
    lines = ["id,text", *(f"a,{word}" for word in words)]
    text, notices = decode("\n".join(lines).encode("cp1252"), Path("t.csv"))
    assert [line.partition(",")[2] for line in text.splitlines()[1:]] == words
    assert len(notices) == 1 and "Windows-1252" in notices[0]


@pytest.mark.parametrize(
    ("words", "encoding"), [("привет всем", "cp1251"), ("καλημέρα", "cp1253"), ("你好世界", "gb18030")]
)
def test_other_encodings_are_refused(words: str, encoding: str) -> None:
    with pytest.raises(InputError, match="line 2 is not utf-8"):
        decode(f"id,text\na,{words}\n".encode(encoding), Path("t.csv"))


def test_damaged_bytes_of_utf_8_cost_themselves() -> None:
    text, notices = decode("id,text\na,café\nb,".encode() + b"caf\xe9\n", Path("t.csv"))
    assert text.splitlines()[1:] == ["a,café", "b,caf\ufffd"]
    assert notices == ("1 characters are not UTF-8 and became \ufffd (first: line 3)",)
