"""Collect the labels of a sheet cell by cell while it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE


class CellLabel(NamedTuple):
    """The label of one value of one post. None means that a polarity was not assessed, or has no probability."""

    present: bool | None
    conflicted: bool | None
    dominant: bool = False
    present_probability: float | None = None
    conflicted_probability: float | None = None


ABSENT, PRESENT, CONFLICTED = CellLabel(False, False), CellLabel(True, False), CellLabel(False, True)
DOMINANT = CellLabel(True, False, dominant=True)

WORDS: Mapping[str, CellLabel] = {
    "absent": ABSENT,
    "present": PRESENT,
    "dominant": DOMINANT,
    "conflict": CONFLICTED,
    "conflicted": CONFLICTED,
}
"""Labels written as words."""

CODES: Mapping[str, CellLabel] = {
    spelling: label
    for code, label in (("-1", CONFLICTED), ("0", ABSENT), ("1", PRESENT), ("2", DOMINANT))
    for spelling in (code, f"{code}.0")
}
"""Labels written as numbers, also in the form that spreadsheets and data frames write."""


_BLANKS = ("na", "n/a", "nan", "none", "null")


def label_cell(cell: str) -> str:
    """Return a cell in the form used for look-ups: lower case, and "" for what statistics programs write for blank."""
    plain = cell.strip().casefold().replace("\N{MINUS SIGN}", "-")
    return "" if plain in _BLANKS else plain


class _Entry(NamedTuple):
    labels: dict[int, CellLabel]
    rows: dict[int, int]


class SheetBuilder:
    """Collect the labels of a sheet by annotator and post; contradictions are errors.

    Parameters
    ----------
    path : Path
        The sheet, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._repeating: dict[int, None] = {}

    def add(self, annotator: str, post: str, row: int, labels: Mapping[int, CellLabel]) -> None:
        """Add the labels that a row gives a post.

        Parameters
        ----------
        annotator : str
            Who gave them; "" if the sheet does not say.
        post : str
            Id of the post.
        row : int
            Number of the row, for messages.
        labels : mapping of int to CellLabel
            The labels, by their value's position on the circle.

        Raises
        ------
        InputError
            An earlier row of the same annotator gives the post another label.
        """
        entry = self._entries.setdefault(annotator, {}).setdefault(post, _Entry({}, {}))
        for column, label in labels.items():
            if column not in entry.labels:
                entry.labels[column], entry.rows[column] = label, row
            elif entry.labels[column] == label:
                self._repeating[row] = None
            else:
                whose = f" by {annotator}" if annotator else ""
                raise InputError(
                    f"rows {entry.rows[column]} and {row} contradict each other: {post}, {CIRCLE[column]}{whose}",
                    path=self._path,
                    hint="Keep one of them",
                )

    def notices(self) -> tuple[str, ...]:
        """Return a notice about rows that repeat earlier ones."""
        rows = list(self._repeating)
        if not rows:
            return ()
        listed = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        return (f"rows that repeat labels of earlier rows: {len(rows)} (row {listed})",)

    def matrices(self) -> dict[str, LabelMatrix]:
        """Return the labels of each annotator."""
        return {annotator: _matrix(entries) for annotator, entries in self._entries.items()}


def _matrix(entries: Mapping[str, _Entry]) -> LabelMatrix:
    matrix = LabelMatrix.empty(entries)
    for row, entry in enumerate(entries.values()):
        for column, label in entry.labels.items():
            matrix.labels[row, column] = label.present, label.conflicted
            matrix.probabilities[row, column] = label.present_probability, label.conflicted_probability
            matrix.dominant[row, column] = label.dominant
    return matrix
