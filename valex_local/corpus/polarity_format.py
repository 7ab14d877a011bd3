"""Read label sheets with two columns for each value, as those of ValueEval'24: attained and constrained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from valex_local.corpus.columns import is_meant_as_value, known_values, value_named
from valex_local.corpus.sheet_builder import Blank, CellLabel, Places, label_cell, shortened
from valex_local.errors import InputError
from valex_local.files.tables import Row, Table
from valex_local.schwartz import CIRCLE

ATTAINED, CONSTRAINED = "attained", "constrained"
"""What the columns of a value end with: present and conflicted here."""

UNCLEAR = 0.5
"""In both columns of a value: the sentence refers to it, but it is not clear whether it attains or constrains it."""

_NUMBERS: Mapping[str, float] = {"0": 0.0, "0.0": 0.0, "0.5": UNCLEAR, ".5": UNCLEAR, "1": 1.0, "1.0": 1.0}
_POLARITIES: Mapping[float | None, bool | None] = {None: None, 0.0: False, 1.0: True}
_LABELS = {(a, c): CellLabel(_POLARITIES[a], _POLARITIES[c]) for a in _POLARITIES for c in _POLARITIES}
_COLUMN = re.compile(rf"(?P<name>.+?)[\W_]+(?P<polarity>{ATTAINED}|{CONSTRAINED})[\W_]*(?: \(\d+\))?", re.IGNORECASE)
_Pair = tuple[str | None, str | None]


class PolarityRows:
    """Read the labels in each row: attained is *present*, constrained is *conflicted*, and both may hold.

    0.5 in both columns is *not assessed*, never absent. So is what cannot be understood.

    Attributes
    ----------
    kind : "valueeval24"
    taken : tuple of str
        The columns that this class reads.

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
        A column is not of one of the values, or two columns are for the same polarity of a value.
    """

    kind: Literal["valueeval24"] = "valueeval24"

    def __init__(self, table: Table, path: Path, blank: Blank | None = None) -> None:
        self._absent_if_blank = blank == "absent"
        self._columns = _columns(table, path)
        self.taken = tuple(column for pair in self._columns.values() for column in pair if column is not None)
        self._unclear = 0
        self._blanks = 0
        self._wrong = Places()

    def labels(self, row: Row) -> dict[int, CellLabel]:
        """Return the labels in a row that are understood, by their value's position on the circle."""
        return {place: label for place, pair in self._columns.items() if (label := self._label(row, pair)) is not None}

    def _label(self, row: Row, pair: _Pair) -> CellLabel | None:
        attained, constrained = (self._number(row, column) for column in pair)
        if attained == constrained == UNCLEAR:
            self._unclear += 1
            return _LABELS[None, None]
        if UNCLEAR in (attained, constrained):
            column = pair[0] if attained == UNCLEAR else pair[1]
            what = "labels with 0.5 in one of the two columns of a value, which count as not assessed"
            self._wrong.add(what, f"row {row.number}, column {column}")
            return None
        return None if attained is None and constrained is None else _LABELS[attained, constrained]

    def _number(self, row: Row, column: str | None) -> float | None:
        """Return 0, 0.5 or 1; None for a blank and for anything else, which is counted."""
        if column is None:
            return None
        cell = label_cell(row.cells[column])
        number = _NUMBERS.get(cell.replace(",", "."))
        if not cell and self._absent_if_blank:
            return 0.0
        if not cell:
            self._blanks += 1
        elif number is None:
            what = "cells that are not 0, 0.5 or 1, which count as not assessed"
            self._wrong.add(what, f"row {row.number}, column {column}: {shortened(row.cells[column])}")
        return number

    def is_blank(self, row: Row) -> bool:
        """Whether the cells of all values are blank."""
        return not any(label_cell(row.cells[column]) for column in self.taken)

    @property
    def complete(self) -> bool:
        """Whether every filled cell of the rows read so far is a label."""
        return not self._wrong

    def notices(self) -> tuple[str, ...]:
        """Return notices about the rows read so far."""
        notices = [*self._wrong.notices()]
        if self._unclear:
            what = f"labels that do not say whether a value is {ATTAINED} or {CONSTRAINED} (0.5 and 0.5)"
            notices.append(f"{what}, which count as not assessed: {self._unclear}")
        if self._blanks:
            notices.append(f"blank cells counted as not assessed: {self._blanks}")
        whole = (None, None)
        missing = [value for place, value in enumerate(CIRCLE) if self._columns.get(place, whole) == whole]
        if missing:
            notices.append(f"not assessed because there is no column: {', '.join(missing)}")
        half = (
            f"{CIRCLE[place]} {end}"
            for place, pair in self._columns.items()
            for end, column in zip((ATTAINED, CONSTRAINED), pair, strict=True)
            if column is None
        )
        lacking = ", ".join(half)
        return (*notices, *((f"not assessed because there is no column: {lacking}",) if lacking else ()))


def has_polarity_columns(columns: Sequence[str]) -> bool:
    """Whether a column is named after a value and ends in attained or constrained."""
    return any((found := _COLUMN.fullmatch(name)) is not None and value_named(found["name"]) for name in columns)


def _columns(table: Table, path: Path) -> dict[int, _Pair]:
    """Return the columns of each value, for present and for conflicted, by the value's position on the circle."""
    found: dict[int, list[str | None]] = {}
    for column in table.columns:
        match = _COLUMN.fullmatch(column)
        name = column if match is None else match["name"]
        value = value_named(name)
        if match is None and value is None and not is_meant_as_value(name):
            continue
        if match is None or value is None:
            raise InputError(
                f"the column {column!r} is not one of the values followed by {ATTAINED} or {CONSTRAINED}",
                path=path,
                hint=f"The values, the most similar first: {known_values(name)}",
            )
        pair = found.setdefault(CIRCLE.index(value), [None, None])
        at = match["polarity"].lower() == CONSTRAINED
        if (other := pair[at]) is not None:
            raise InputError(
                f"the columns {other} and {column} are both for {value}", path=path, hint="Remove one of them"
            )
        pair[at] = column
    return {place: (present, conflicted) for place, (present, conflicted) in sorted(found.items())}
