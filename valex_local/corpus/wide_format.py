"""Label sheets with a row for each post and a column for each value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from valex_local.corpus.columns import is_meant_as_value, is_no_value, known_values, plain_columns, value_named
from valex_local.corpus.sheet_builder import ABSENT, CODES, WORDS, CellLabel, label_cell
from valex_local.errors import InputError
from valex_local.files.tables import Row, Table
from valex_local.schwartz import CIRCLE, Value

WideKind = Literal["authors", "codes", "touche"]

_CELLS: Mapping[WideKind, Mapping[str, CellLabel]] = {
    "authors": {"": ABSENT, **WORDS},
    "codes": CODES,
    # The shared task asks for presence alone.
    "touche": {code: CellLabel(CODES[code].present, None) for code in ("0", "0.0", "1", "1.0")},
}
_EXPECTED: Mapping[WideKind, str] = {
    "authors": "present, dominant, conflict, absent or nothing",
    "codes": "-1, 0, 1, 2 or nothing",
    "touche": "0 or 1",
}


class WideRows:
    """Reads what each row says. In a sheet of words a blank means absent, in one of numbers not assessed.

    Attributes
    ----------
    kind : {"authors", "codes", "touche"}
        Words; the numbers -1, 0, 1, 2; or 0 and 1 of the ValueEval shared task, which assess presence alone.
    taken : tuple of str
        The columns that are read here, or left out.

    Raises
    ------
    InputError
        No column is named like a value, one looks as if it were and is not, or two mean the same.
    """

    def __init__(self, table: Table, path: Path) -> None:
        self._path = path
        self._places = _value_columns(table, path)
        plain = plain_columns(table)
        self._dropped = tuple(column for column in table.columns if is_no_value(column))
        self.taken = (*self._places, *self._dropped)
        cells = (label_cell(row.cells[column]) for row in table.rows for column in self._places)
        first = next((cell for cell in cells if cell), "")
        self.kind: WideKind = _kind(first, touche="argumentid" in plain or bool(self._dropped))
        self._cells = _CELLS[self.kind]
        self._blanks = 0
        self._zeros = 0

    def said(self, row: Row) -> dict[int, CellLabel]:
        """Return what a row says, by the value's place on the circle.

        Raises
        ------
        InputError
            A cell is no label of this kind of sheet.
        """
        said = {}
        for column, place in self._places.items():
            cell = label_cell(row.cells[column])
            what = self._cells.get(cell)
            if what is not None:
                said[place] = what
                self._zeros += not (what.present or what.conflicted)
            elif cell:
                raise InputError(
                    f"row {row.number}, column {column}: expected {_EXPECTED[self.kind]}, not {row.cells[column]!r}",
                    path=self._path,
                    hint="Mend the cell",
                )
            else:
                self._blanks += 1
        return said

    def is_blank(self, row: Row) -> bool:
        """Whether no cell of a value is filled."""
        return not any(label_cell(row.cells[column]) for column in self._places)

    def notices(self) -> tuple[str, ...]:
        """Return what a reader of the rows read so far must know."""
        notices = [f"column left out, since it is none of the 19 values: {column}" for column in self._dropped]
        missing = [value for place, value in enumerate(CIRCLE) if place not in self._places.values()]
        if missing:
            notices.append(f"not assessed, since there is no column: {', '.join(missing)}")
        if self._blanks:
            doubt = "" if self._zeros else ", though the sheet never says 0"
            notices.append(f"blank cells, which count as not assessed: {self._blanks}{doubt}")
        return tuple(notices)


def has_value_columns(table: Table) -> bool:
    """Whether a column is named like a value."""
    return any(value_named(column) is not None for column in table.columns)


def _kind(first: str, *, touche: bool) -> WideKind:
    """Return the kind of a sheet whose first filled cell of a value is `first`."""
    if touche:
        return "touche"
    return "codes" if first in CODES or first.lstrip("+-")[:1].isdecimal() else "authors"


def _value_columns(table: Table, path: Path) -> dict[str, int]:
    """Return the places on the circle that columns stand for."""
    columns: dict[Value, str] = {}
    for column in table.columns:
        value = value_named(column)
        if value is not None:
            if value in columns:
                raise InputError(
                    f"the columns {columns[value]} and {column} both mean {value}", path=path, hint="Remove one of them"
                )
            columns[value] = column
        elif is_meant_as_value(column) and not is_no_value(column):
            raise InputError(
                f"the column {column!r} names none of the 19 values",
                path=path,
                hint=f"Known, the nearest first: {known_values(column)}",
            )
    if not columns:
        raise InputError(
            f"no column is named like one of the 19 values (columns: {', '.join(table.columns)})",
            path=path,
            hint=f"Known are {', '.join(CIRCLE)}; or name columns post, value and state",
        )
    return {column: CIRCLE.index(value) for value, column in columns.items()}
