"""Read label sheets with one row for each post and value: those of labs, and those that `valex` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from valex_local.corpus.columns import NO_VALUE, is_no_value, known_values, plain_columns, value_named
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
from valex_local.schwartz import CIRCLE

YES, NO = "yes", "no"
"""In a column of probabilities: the polarity was assessed without a probability, and holds or does not."""

BOTH = "both"
"""The state of a value labelled both present and conflicted, as the always-yes baseline does."""

_STATES: Mapping[str, CellLabel] = {
    "": ABSENT,
    **WORDS,
    **CODES,
    **TICKS,
    **YES_NO,
    "notassessed": CellLabel(None, None),
    BOTH: CellLabel(True, True),
}
_FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("", "0", "0.0", "false", NO), False),
    **dict.fromkeys(("1", "1.0", "true", YES), True),
}
_OPPOSITE: Mapping[bool | None, str] = {True: NO, False: YES}
_COLUMNS = ("value", "state", "present", "conflicted", "dominant")


class _Unclear(ValueError):
    """Raised for a row whose label cannot be understood, with the cell and what was expected."""


class LongRows:
    """Read the label in each row.

    A blank state means absent, unless `blank` says otherwise. A column ``p_present`` or ``p_conflicted`` holds the
    probability of that polarity; a blank there means that the polarity was not assessed.

    Attributes
    ----------
    kind : "long"
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
        There is no column ``state``.
    """

    kind: Literal["long"] = "long"

    def __init__(self, table: Table, path: Path, blank: Blank | None = None) -> None:
        plain = plain_columns(table)
        if "state" not in plain:
            raise InputError(
                f"there is a column {plain['value']} but no column state (columns: {table.listed})",
                path=path,
                hint="Add a column state with present, absent, conflicted, dominant or not_assessed",
            )
        self._columns = {name: plain[name] for name in _COLUMNS if name in plain}
        # The names that are written; those of before, without the p, are still read.
        self._columns |= {name: plain[f"p{name}"] for name in ("present", "conflicted") if f"p{name}" in plain}
        self.taken = tuple(self._columns.values())
        self._places: dict[str, int | None] = {}
        self._dropped = 0
        self._blank = _STATES[""] if blank != "missing" else CellLabel(None, None)
        self._unclear = Places()

    def labels(self, row: Row) -> dict[int, CellLabel]:
        """Return the label in a row by its value's position on the circle.

        It is empty if the category is not a value, a cell cannot be understood, or two cells contradict each other.
        """
        try:
            return self._label(row)
        except _Unclear as error:
            self._unclear.add("rows whose label is not understood, which counts as not assessed", str(error))
            return {}

    def _label(self, row: Row) -> dict[int, CellLabel]:
        place = self._place(row)
        if place is None:
            self._dropped += 1
            return {}
        label = self._state(row)
        present, present_probability = self._polarity(row, "present", label.present)
        conflicted, conflicted_probability = self._polarity(row, "conflicted", label.conflicted)
        dominant = label.dominant or self._dominant(row)
        if dominant and not present:
            raise self._error(row, "dominant", "a dominant value must also be present")
        return {place: CellLabel(present, conflicted, dominant, present_probability, conflicted_probability)}

    def is_blank(self, row: Row) -> bool:
        """Whether all cells that this class reads are blank."""
        return not any(label_cell(row.cells[column]) for column in self.taken)

    @property
    def complete(self) -> bool:
        """Whether the labels of all rows read so far were understood."""
        return not self._unclear

    def notices(self) -> tuple[str, ...]:
        """Return notices about the rows read so far."""
        dropped = f"rows left out because {NO_VALUE} is not one of the 19 values: {self._dropped}"
        return (*self._unclear.notices(), *((dropped,) if self._dropped else ()))

    def _place(self, row: Row) -> int | None:
        name = row.cells[self._columns["value"]]
        if name not in self._places:
            value = value_named(name)
            if value is None and not is_no_value(name):
                nearest = known_values(name).partition(",")[0]
                what = f"{shortened(name)} is not one of the 19 values"
                raise self._error(row, "value", f"{what}; the most similar is {nearest}" if name.strip() else what)
            self._places[name] = None if value is None else CIRCLE.index(value)
        return self._places[name]

    def _state(self, row: Row) -> CellLabel:
        cell = self._cell(row, "state")
        label = _STATES.get(cell.replace("_", "").replace(" ", "")) if cell else self._blank
        if label is None:
            expected = "present, absent, conflicted, dominant, not_assessed or nothing"
            raise self._error(row, "state", f"expected {expected}, not {shortened(cell)}")
        return label

    def _polarity(self, row: Row, name: str, holds: bool | None) -> tuple[bool | None, float | None]:
        """Return whether a polarity holds, according to the state and its own column, and its probability."""
        if name not in self._columns:
            return holds, None
        cell = self._cell(row, name)
        if not cell and not holds:
            return None, None
        if not cell or (holds is None and (name == "present" or cell == YES)) or cell == _OPPOSITE.get(holds):
            state = row.cells[self._columns["state"]]
            raise self._error(row, name, f"{cell or 'nothing'} contradicts the state {state!r}")
        # The state is about presence first: it can be not_assessed although conflict was assessed and not found.
        return bool(holds), None if cell in (YES, NO) else self._probability(row, name, cell)

    def _probability(self, row: Row, name: str, cell: str) -> float:
        try:
            probability = float(cell.replace(",", "."))
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:
            raise self._error(row, name, f"expected a probability from 0 to 1 or nothing, not {shortened(cell)}")
        return probability

    def _dominant(self, row: Row) -> bool:
        cell = self._cell(row, "dominant") if "dominant" in self._columns else ""
        if cell not in _FLAGS:
            raise self._error(row, "dominant", f"expected 0 or 1, not {shortened(cell)}")
        return _FLAGS[cell]

    def _cell(self, row: Row, name: str) -> str:
        return label_cell(row.cells[self._columns[name]])

    def _error(self, row: Row, name: str, what: str) -> _Unclear:
        return _Unclear(f"row {row.number}, column {self._columns[name]}: {what}")
