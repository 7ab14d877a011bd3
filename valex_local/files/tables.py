"""Read and write tables, as spreadsheets, collection tools and shared tasks write them.

One reader for all of them: CSV and TSV in any dialect, and workbooks. A cell or row that cannot be understood costs
itself, never the table.

A cell that a spreadsheet could take for a formula because it starts with ``=``, ``+``, ``-`` or ``@``, possibly after
blanks, or with a tab or carriage return, is written with an apostrophe in front, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection), and read without it. Numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from valex_local.errors import InputError
from valex_local.files.atomic import write_whole
from valex_local.files.delimited import decode, read_records
from valex_local.files.text import clean_text, read_raw
from valex_local.files.workbooks import choose_sheet, is_workbook, read_sheets

Cell = str | float | None
"""The content of a cell to write; None is an empty cell."""

Wanted = Callable[[Sequence[str]], bool]
"""Whether the cells of a header are those of the table that is looked for."""

LONGEST_NAME = 300
"""Characters of a column's name; what is longer is no name, and patterns that look for one would take for ever."""

_LISTED = 40
"""Names of columns that a message lists."""

_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r])")
_NUMBER = re.compile(r" *[+-]?\d+(?:[.,]\d+)? *")
_TEXT_FORMULA = re.compile(r'\s*="(?P<text>(?:[^"]|"")*)"\s*')
"""A formula that keeps a spreadsheet from reading text as a number: ``="7300000000000000041"``."""

_JSON = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Row:
    """A row below the header. `number` is the row number in a spreadsheet; `cells` has a cell for every column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table: the names in its header, and its rows without blank ones.

    Attributes
    ----------
    columns : tuple of str
        The names of the columns, each once.
    rows : tuple of Row
        The rows that could be read.
    left_out : tuple of str
        Rows that could not, each with the reason.
    notices : tuple of str
        What was guessed to read the table.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    left_out: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def listed(self) -> str:
        """The names of the columns as a message lists them."""
        more = len(self.columns) - _LISTED
        shown = [name if len(name) <= _LISTED else f"{name[: _LISTED - 1]}…" for name in self.columns[:_LISTED]]
        return ", ".join([*shown, *([f"and {more:,} more"] if more > 0 else [])]) or "none"

    @property
    def all_notices(self) -> tuple[str, ...]:
        """What was guessed, and how many rows were left out, with the first reason."""
        count = len(self.left_out)
        return (*self.notices, *((f"rows left out: {count} (first: {self.left_out[0]})",) if count else ()))


def read_table(path: Path, wanted: Wanted | None = None) -> Table:
    """Return the table in a CSV or TSV file or in a workbook, which is recognised from its content.

    Parameters
    ----------
    path : Path
        The file.
    wanted : callable, optional
        Chooses the sheet of a workbook with several; see `choose_sheet`.

    Raises
    ------
    InputError
        The file cannot be read or is not such a table.
    """
    if path.is_dir():
        raise InputError("this is a folder, not a table", path=path, hint="Give a CSV or TSV file or a workbook")
    if path.suffix.lower() in _JSON:
        raise InputError("JSON cannot be read here, only tables", path=path, hint="Convert it to CSV or TSV")
    return table_of(read_raw(path), path, wanted)


def table_of(raw: bytes, path: Path, wanted: Wanted | None = None) -> Table:
    """Return the table in the content of a file; see `read_table`.

    Parameters
    ----------
    raw : bytes
        The content.
    path : Path
        The file, for its suffix and for messages.
    wanted : callable, optional
        As for `read_table`.

    Raises
    ------
    InputError
        This is not such a table.
    """
    if is_workbook(raw):
        sheets = read_sheets(raw, path)
        if not sheets:
            return Table((), ())
        sheet, notices = choose_sheet(sheets, wanted)
        return _table(sheet.rows, (), notices, path)
    if path.suffix.lower() == ".numbers" or raw[:256].lstrip().lower().startswith((b"<html", b"<!doctype", b"<table")):
        raise InputError("this is neither CSV nor a workbook", path=path, hint="Save the sheet as CSV in UTF-8")
    text, guessed = decode(raw, path)
    table = parse_table(text, path)
    return Table(table.columns, table.rows, table.left_out, (*guessed, *table.notices))


def parse_table(text: str, path: Path) -> Table:
    """Return the table in a text; an empty text has no columns. See `read_records` for separators and quotes.

    Cells are returned as written, except for the apostrophe of `guarded` and for formulas such as ``="12"`` that stand
    for their text. Cells missing at the end of a row are empty; a row with more cells than the header is left out. A
    column without a name is named by its position, ``column 3``, the second of two with one name ``name (2)``.

    Parameters
    ----------
    text : str
        The text.
    path : Path
        The file that it comes from, for the extension and for messages.

    Raises
    ------
    InputError
        The header, or each of the rows, cannot be understood.
    """
    records = read_records(text, path.suffix.lower())
    rows, left_out = [], []
    for number, record in enumerate(records.rows, 1):
        if record.cells is not None:
            rows.append((number, record.cells))
        elif not any(any(cells) for _, cells in rows):
            raise _not_csv(record.line, path)
        else:
            left_out.append(f"line {record.line} is not valid CSV: text before or after quotes")
    return _table(rows, left_out, records.notices, path)


def _not_csv(line: int, path: Path) -> InputError:
    return InputError(f"this is not valid CSV near line {line}", path=path, hint="Save it as CSV again")


def _table(
    numbered: Iterable[tuple[int, list[str]]], left_out: Iterable[str], notices: Iterable[str], path: Path
) -> Table:
    filled = [(number, cells) for number, cells in numbered if any(cell.strip() for cell in cells)]
    if not filled:
        return Table((), ())
    head = filled[0][1]
    columns, repeated = _columns(head)
    rows, wrong = [], list(left_out)
    for number, cells in filled[1:]:
        if any(cell.strip() for cell in cells[len(head) :]):
            wrong.append(f"row {number} has {len(cells)} cells, but the header has {len(head)}")
        else:
            padded = [*map(unguarded, cells[: len(head)]), *[""] * (len(head) - len(cells))]
            rows.append(Row(number, dict(zip(columns, padded, strict=True))))
    if wrong and not rows:
        raise InputError(wrong[0], path=path, hint="Put cells that contain the separator or line breaks in quotes")
    empty = {name for name, given in zip(columns, head, strict=True) if not given.strip()}
    empty -= {name for row in rows for name in empty if row.cells[name].strip()}
    if empty:
        columns = tuple(name for name in columns if name not in empty)
        rows = [Row(row.number, {name: row.cells[name] for name in columns}) for row in rows]
    return Table(columns, tuple(rows), tuple(wrong), (*notices, *repeated))


def _columns(head: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of the columns, each once, and notices about names that occur twice."""
    names: dict[str, int] = {}
    notices = []
    for place, cell in enumerate(head, 1):
        wished = "".join(char for char in unguarded(cell) if char.isprintable() or char.isspace()).strip()
        if len(wished) > LONGEST_NAME:
            notices.append(f"the name of column {place} has {len(wished):,} characters and was cut")
        name = wished = wished[:LONGEST_NAME] or f"column {place}"
        again = 1
        while name in names:
            again += 1
            name = f"{wished} ({again})"
        if name != wished:
            notices.append(f"columns {names[wished]} and {place} are both named {wished!r}: the second is {name!r}")
        names[name] = place
    return tuple(names), notices


def guarded(cell: str) -> str:
    """Return a cell in the form in which it is written, which no spreadsheet takes for a formula; NFC."""
    plain = clean_text(cell)
    return f"'{plain}" if _FORMULA.match(plain) and _NUMBER.fullmatch(plain) is None else plain


def unguarded(cell: str) -> str:
    """Return a cell as it was before `guarded`, and of a formula such as ``="12"`` the text that it stands for."""
    if cell.startswith("'"):
        return cell[1:] if _FORMULA.match(cell) else cell
    text = _TEXT_FORMULA.fullmatch(cell)
    return cell if text is None else text["text"].replace('""', '"')


def table_text(rows: Iterable[Iterable[Cell]], *, tabbed: bool = False) -> str:
    """Return rows as CSV (RFC 4180) or TSV, with text protected from being read as formulas by `guarded`.

    Parameters
    ----------
    rows : iterable of iterable of str, float or None
        The rows, including the header.
    tabbed : bool
        Whether to write TSV. As cells of TSV cannot contain tabs and line breaks, these become blanks.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t" if tabbed else ",")
    writer.writerows([_written(cell, tabbed) for cell in row] for row in rows)
    return text.getvalue()


def _written(cell: Cell, tabbed: bool) -> Cell:
    if not isinstance(cell, str):
        return cell
    plain = guarded(cell)
    return " ".join(plain.splitlines()).replace("\t", " ") if tabbed else plain


def write_table(path: Path, rows: Iterable[Iterable[Cell]]) -> None:
    """Write rows to a file, completely or not at all: TSV if its name ends in .tsv, else CSV; see `table_text`.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    write_whole(path, table_text(rows, tabbed=path.suffix == ".tsv").encode())
