"""Label sheets with a row for each post and value: those of labs, and what `valex` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from valex_local.corpus.columns import NO_VALUE, is_no_value, known_values, plain_columns, value_named
from valex_local.corpus.sheet_builder import ABSENT, CODES, WORDS, CellLabel, label_cell
from valex_local.errors import InputError
from valex_local.files.tables import Row, Table
from valex_local.schwartz import CIRCLE

YES, NO = "yes", "no"
"""In a column of probabilities: the polarity was assessed and holds, or not, and has no probability."""

BOTH = "both"
"""The state of a value that is said to be present and conflicted at once, as by the baseline that always says yes."""

_STATES: Mapping[str, CellLabel] = {
    "": ABSENT,
    **WORDS,
    **CODES,
    "notassessed": CellLabel(None, None),
    BOTH: CellLabel(True, True),
}
_FLAGS: Mapping[str, bool] = {
    **dict.fromkeys(("", "0", "0.0", "false", NO), False),
    **dict.fromkeys(("1", "1.0", "true", YES), True),
}
_OPPOSITE: Mapping[bool | None, str] = {True: NO, False: YES}
_COLUMNS = ("value", "state", "present", "conflicted", "dominant")


class LongRows:
    """Reads what each row says of one value.

    A blank state means absent. Where there is a column ``present`` or ``conflicted``, it holds the probability of that
    polarity, and a blank means that the polarity was not assessed.

    Attributes
    ----------
    kind : "long"
    taken : tuple of str
        The columns that are read here.

    Raises
    ------
    InputError
        There is no column ``state``.
    """

    kind: Literal["long"] = "long"

    def __init__(self, table: Table, path: Path) -> None:
        plain = plain_columns(table)
        if "state" not in plain:
            raise InputError(
                f"there is a column {plain['value']} and none named state (columns: {', '.join(table.columns)})",
                path=path,
                hint="Add the column state: present, absent, conflicted, dominant or not_assessed",
            )
        self._path = path
        self._columns = {name: plain[name] for name in _COLUMNS if name in plain}
        self.taken = tuple(self._columns.values())
        self._places: dict[str, int | None] = {}
        self._dropped = 0

    def said(self, row: Row) -> dict[int, CellLabel]:
        """Return what a row says, by the value's place on the circle; nothing for a category that is no value.

        Raises
        ------
        InputError
            A cell cannot be understood, or two contradict each other.
        """
        place = self._place(row)
        if place is None:
            self._dropped += 1
            return {}
        said = self._state(row)
        present, present_probability = self._polarity(row, "present", said.present)
        conflicted, conflicted_probability = self._polarity(row, "conflicted", said.conflicted)
        dominant = said.dominant or self._dominant(row)
        if dominant and not present:
            raise self._error(row, "dominant", "expected a value that dominates to be present")
        return {place: CellLabel(present, conflicted, dominant, present_probability, conflicted_probability)}

    def is_blank(self, row: Row) -> bool:
        """Whether no cell that is read here is filled."""
        return not any(label_cell(row.cells[column]) for column in self.taken)

    def notices(self) -> tuple[str, ...]:
        """Return what a reader of the rows read so far must know."""
        return (f"rows left out, since {NO_VALUE} is none of the 19 values: {self._dropped}",) if self._dropped else ()

    def _place(self, row: Row) -> int | None:
        name = row.cells[self._columns["value"]]
        if name not in self._places:
            value = value_named(name)
            if value is None and not is_no_value(name):
                hint = f"Known, the nearest first: {known_values(name)}"
                raise self._error(row, "value", f"{name!r} is none of the 19 values", hint)
            self._places[name] = None if value is None else CIRCLE.index(value)
        return self._places[name]

    def _state(self, row: Row) -> CellLabel:
        cell = self._cell(row, "state")
        said = _STATES.get(cell.replace("_", "").replace(" ", ""))
        if said is None:
            expected = "present, absent, conflicted, dominant, not_assessed or nothing"
            raise self._error(row, "state", f"expected {expected}, not {cell!r}")
        return said

    def _polarity(self, row: Row, name: str, holds: bool | None) -> tuple[bool | None, float | None]:
        """Return whether a polarity holds by the state and its column, and its probability."""
        if name not in self._columns:
            return holds, None
        cell = self._cell(row, name)
        if not cell and not holds:
            return None, None
        if not cell or (holds is None and (name == "present" or cell == YES)) or cell == _OPPOSITE.get(holds):
            state = row.cells[self._columns["state"]]
            raise self._error(row, name, f"{cell or 'nothing'} contradicts the state {state!r}")
        # A state speaks of presence first: not assessed may stand beside a conflict that was looked for and not found.
        return bool(holds), None if cell in (YES, NO) else self._probability(row, name, cell)

    def _probability(self, row: Row, name: str, cell: str) -> float:
        try:
            probability = float(cell.replace(",", "."))
        except ValueError:
            probability = -1.0
        if not 0 <= probability <= 1:
            raise self._error(row, name, f"expected a probability from 0 to 1 or nothing, not {cell!r}")
        return probability

    def _dominant(self, row: Row) -> bool:
        cell = self._cell(row, "dominant") if "dominant" in self._columns else ""
        if cell not in _FLAGS:
            raise self._error(row, "dominant", f"expected 0 or 1, not {cell!r}")
        return _FLAGS[cell]

    def _cell(self, row: Row, name: str) -> str:
        return label_cell(row.cells[self._columns[name]])

    def _error(self, row: Row, name: str, what: str, hint: str = "Mend the cell") -> InputError:
        return InputError(f"row {row.number}, column {self._columns[name]}: {what}", path=self._path, hint=hint)
