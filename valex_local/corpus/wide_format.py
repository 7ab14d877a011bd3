"""Read label sheets with one row for each post and one column for each value."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from valex_local.corpus.columns import is_meant_as_value, is_no_value, known_values, plain_columns, value_named
from valex_local.corpus.sheet_builder import (
    ABSENT,
    CODES,
    TICKS,
    WORDS,
    YES_NO,
    Blank,
    CellLabel,
    Places,
    label_cell,
    shortened,
)
from valex_local.errors import InputError
from valex_local.files.tables import Row, Table
from valex_local.schwartz import CIRCLE, Value

WideKind = Literal["authors", "codes", "touche"]

_CELLS: Mapping[WideKind, Mapping[str, CellLabel]] = {
    "authors": {**WORDS, **CODES, **TICKS, **YES_NO},
    "codes": {**WORDS, **CODES, **TICKS, **YES_NO},
    # The shared task asks about presence only.
    "touche": {code: CellLabel(CODES[code].present, None) for code in ("0", "0.0", "1", "1.0")},
}
_REPEATED = re.compile(r" \(\d+\)$")
"""What the reader of tables adds to the name of a column that occurs twice."""

_EXPECTED: Mapping[WideKind, str] = {
    "authors": "present, dominant, conflict or absent",
    "codes": "-1, 0, 1 or 2, yes or no",
    "touche": "0 or 1",
}


class WideRows:
    """Read the labels in each row.

    A blank means absent on a sheet of words or ticks, which is how the paper's authors code, and on other sheets that
    nobody decided, if they say otherwise what is absent (0, no). On sheets that do not, it has to be asked.

    Attributes
    ----------
    kind : {"authors", "codes", "touche"}
        Words; the numbers -1, 0, 1, 2; or the 0 and 1 of the ValueEval shared task, which assess presence only.
    taken : tuple of str
        The columns that this class reads or leaves out.

    Parameters
    ----------
    table : Table
        The sheet.
    path : Path
        Its file.
    blank : {"absent", "missing"}, optional
        What a blank means.

    Raises
    ------
    InputError
        What a blank means has to be asked, no column is named after a value, a column name looks like a misspelt
        value, or two columns name the same value.
    """

    def __init__(self, table: Table, path: Path, blank: Blank | None = None) -> None:
        self._places = _value_columns(table, path)
        plain = plain_columns(table)
        self._dropped = tuple(column for column in table.columns if is_no_value(column))
        self.taken = (*self._places, *self._dropped)
        cells = Counter(label_cell(row.cells[column]) for row in table.rows for column in self._places)
        self._words, self._codes = (
            sum(cells[cell] for cell in known) for known in ({**WORDS, **TICKS}, {**CODES, **YES_NO})
        )
        numbered = _starts_with_digit(cells) or not YES_NO.keys().isdisjoint(cells)
        self.kind: WideKind = "codes" if self._codes >= self._words and numbered else "authors"
        if "argumentid" in plain or self._dropped:
            self.kind = "touche"
        self._cells = _CELLS[self.kind]
        absent = any(label == ABSENT and cells[cell] for cell, label in self._cells.items())
        if blank is None and self.kind == "codes" and not absent and cells[""]:
            raise InputError(
                "this sheet marks what is present and leaves the rest blank: either the rest is absent, or nobody "
                "decided about it",
                path=path,
                hint="Say which: --blank absent, or --blank missing",
            )
        self._absent_if_blank = self.kind == "authors" if blank is None else blank == "absent"
        self._blanks = 0
        self._unclear = Places()

    def labels(self, row: Row) -> dict[int, CellLabel]:
        """Return the labels in a row, by their value's position on the circle, without cells that are no labels."""
        labels = {}
        for column, place in self._places.items():
            cell = label_cell(row.cells[column])
            label = self._cells.get(cell)
            if not cell and self._absent_if_blank:
                labels[place] = ABSENT
            elif label is not None:
                labels[place] = label
            elif cell:
                what = f"cells that are not {_EXPECTED[self.kind]}, which count as not assessed"
                self._unclear.add(what, f"row {row.number}, column {column}: {shortened(row.cells[column])}")
            else:
                self._blanks += 1
        return labels

    def is_blank(self, row: Row) -> bool:
        """Whether the cells of all values are blank."""
        return not any(label_cell(row.cells[column]) for column in self._places)

    @property
    def complete(self) -> bool:
        """Whether every filled cell of the rows read so far is a label."""
        return not self._unclear

    def notices(self) -> tuple[str, ...]:
        """Return notices about the rows read so far."""
        mixed = self.kind != "touche" and self._words and self._codes
        blanks = "absent" if self._absent_if_blank else "not assessed"
        notices = [*self._unclear.notices()]
        if mixed:
            notices.append(f"the sheet mixes words and numbers; blanks count as {blanks}")
        notices += [f"column left out because it is not one of the 19 values: {column}" for column in self._dropped]
        missing = [value for place, value in enumerate(CIRCLE) if place not in self._places.values()]
        if missing:
            notices.append(f"not assessed because there is no column: {', '.join(missing)}")
        if self._blanks:
            notices.append(f"blank cells counted as not assessed: {self._blanks}")
        return tuple(notices)


def has_value_columns(table: Table) -> bool:
    """Whether a column is named after a value."""
    return any(value_named(column) is not None for column in table.columns)


def _starts_with_digit(cells: Iterable[str]) -> bool:
    """Whether a cell is a number, known or not."""
    return any(cell.lstrip("+-")[:1].isdecimal() for cell in cells)


def _value_columns(table: Table, path: Path) -> dict[str, int]:
    """Return the position on the circle of the value in each column."""
    columns: dict[Value, str] = {}
    for column in table.columns:
        value = value_named(_REPEATED.sub("", column))
        if value is not None:
            if value in columns:
                raise InputError(
                    f"the columns {columns[value]} and {column} are both for {value}",
                    path=path,
                    hint="Remove one of them",
                )
            columns[value] = column
        elif is_meant_as_value(column) and not is_no_value(column):
            raise InputError(
                f"the column {column!r} is not one of the 19 values",
                path=path,
                hint=f"The values, the most similar first: {known_values(column)}",
            )
    if not columns:
        raise InputError(
            f"no column is named after one of the 19 values (columns: {table.listed})",
            path=path,
            hint=f"The values are {', '.join(CIRCLE)}; or use the columns post, value and state",
        )
    return {column: CIRCLE.index(value) for value, column in columns.items()}
