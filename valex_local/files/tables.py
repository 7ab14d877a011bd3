"""Read and write CSV and TSV, as spreadsheets, collection tools and shared tasks write them.

A cell that a spreadsheet could take for a formula because it starts with ``=``, ``+``, ``-`` or ``@``, possibly after
blanks, or with a tab or carriage return, is written with an apostrophe in front, as OWASP advises
(https://owasp.org/www-community/attacks/CSV_Injection), and read without it. Numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from valex_local.errors import InputError
from valex_local.files.atomic import write_whole
from valex_local.files.text import clean_text, read_text

CELL = 1 << 24
"""Maximum length of a cell, in characters."""

Cell = str | float | None
"""The content of a cell to write; None is an empty cell."""

_FORMULA = re.compile(r"'*(?:\s*[=+\-@]|[\t\r])")
_NUMBER = re.compile(r" *[+-]?\d+(?:[.,]\d+)? *")

_TABBED = (".tsv", ".tab")
_JSON = (".json", ".jsonl", ".ndjson")
_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")


@dataclass(frozen=True)
class Row:
    """A row below the header. `number` is the row number in a spreadsheet; `cells` has a cell for every column."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True)
class Table:
    """A table: the names in its header, and its rows without blank lines."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(path: Path) -> Table:
    """Return the table in a CSV or TSV file in UTF-8 or UTF-16; see `parse_table`.

    Raises
    ------
    InputError
        The file cannot be read or is not such a table.
    """
    if path.is_dir():
        raise InputError("this is a folder, not a table", path=path, hint="Give a CSV or TSV file")
    if path.suffix.lower() in _WORKBOOKS:
        raise InputError("workbooks cannot be read", path=path, hint="Save the sheet as CSV in UTF-8 and use that")
    if path.suffix.lower() in _JSON:
        raise InputError("JSON cannot be read here, only CSV and TSV", path=path, hint="Convert it to a table")
    return parse_table(read_text(path), path)


def parse_table(text: str, path: Path) -> Table:
    """Return the table in a text; an empty text has no columns.

    The separator is the tab for ``.tsv`` and ``.tab``; otherwise it is whichever of comma, semicolon and tab is most
    frequent in the header. Quotes follow CSV (RFC 4180), with one exception: if the separator is the tab and every line
    has as many cells as the header, quotes that do not follow CSV are part of the text, as in the files of the
    ValueEval shared tasks.

    Cells are returned as written, except for the apostrophe of `guarded`; cells missing at the end of a row are empty.
    A column without a name is named by its position, ``column 3``.

    Parameters
    ----------
    text : str
        The text.
    path : Path
        The file that it comes from, for the extension and for messages.

    Raises
    ------
    InputError
        The quotes cannot be understood, two columns have the same name, or a row has more cells than the header.
    """
    before = csv.field_size_limit(CELL)
    try:
        lines = _lines(text, _separator(text, path))
    except _NotCsv as error:
        raise InputError(f"this is not valid CSV near {error}", path=path, hint="Save it as CSV again") from error
    finally:
        csv.field_size_limit(before)
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line]
    if not numbered:
        return Table((), ())
    columns = _columns(numbered[0][1], path)
    return Table(columns, tuple(_row(number, line, columns, path) for number, line in numbered[1:]))


class _NotCsv(ValueError):
    """Raised with the line at which a text stops being valid CSV."""


def _separator(text: str, path: Path) -> str:
    head = text.lstrip("\r\n").partition("\n")[0]
    return "\t" if path.suffix.lower() in _TABBED else max(",;\t", key=head.count)


def _lines(text: str, separator: str) -> list[list[str]]:
    """Return the cells of every line."""
    if separator != "\t":
        return _read(text, separator, csv.QUOTE_MINIMAL)
    plain = _read(text, separator, csv.QUOTE_NONE)
    even = len({len(line) for line in plain if line}) == 1
    try:
        quoted = _read(text, separator, csv.QUOTE_MINIMAL)
    except _NotCsv:
        if even:
            return plain
        raise
    # If all lines have the same number of cells, quotes that span several lines are not CSV quotes.
    return plain if even and len(plain) != len(quoted) else quoted


def _read(text: str, separator: str, quoting: Literal[0, 3]) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise _NotCsv(f"line {reader.line_num} ({error})") from error


def _columns(head: Sequence[str], path: Path) -> tuple[str, ...]:
    names = tuple(unguarded(name).strip() or f"column {place}" for place, name in enumerate(head, 1))
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(
                f"columns {names.index(name) + 1} and {place + 1} are both named {name!r}",
                path=path,
                hint="Rename or remove one of them",
            )
    return names


def _row(number: int, line: Sequence[str], columns: tuple[str, ...], path: Path) -> Row:
    if len(line) > len(columns):
        raise InputError(
            f"row {number} has {len(line)} cells, but the header has {len(columns)}",
            path=path,
            hint="Put cells that contain the separator in quotes",
        )
    cells = [*map(unguarded, line), *[""] * (len(columns) - len(line))]
    return Row(number, dict(zip(columns, cells, strict=True)))


def guarded(cell: str) -> str:
    """Return a cell in the form in which it is written, which no spreadsheet takes for a formula; NFC."""
    plain = clean_text(cell)
    return f"'{plain}" if _FORMULA.match(plain) and _NUMBER.fullmatch(plain) is None else plain


def unguarded(cell: str) -> str:
    """Return a cell as it was before `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


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
