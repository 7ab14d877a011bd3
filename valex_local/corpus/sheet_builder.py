"""What a label sheet says, cell by cell, while it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE


class CellLabel(NamedTuple):
    """What is said of one value of one post. None: that polarity was not assessed, or has no probability."""

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
"""The words of a label."""

CODES: Mapping[str, CellLabel] = {
    spelling: said
    for code, said in (("-1", CONFLICTED), ("0", ABSENT), ("1", PRESENT), ("2", DOMINANT))
    for spelling in (code, f"{code}.0")
}
"""Their numbers, also as a spreadsheet or data frame writes them."""


_BLANKS = ("na", "n/a", "nan", "none", "null")


def label_cell(cell: str) -> str:
    """Return a cell of a label as it is looked up: in lower case, and empty for what statistics programs call blank."""
    plain = cell.strip().casefold().replace("\N{MINUS SIGN}", "-")
    return "" if plain in _BLANKS else plain


class _Entry(NamedTuple):
    said: dict[int, CellLabel]
    rows: dict[int, int]


class SheetBuilder:
    """Collects what a sheet says of each value, by annotator and post; contradictions are errors.

    Parameters
    ----------
    path : Path
        The sheet, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._repeating: dict[int, None] = {}

    def add(self, annotator: str, post: str, row: int, said: Mapping[int, CellLabel]) -> None:
        """Take in what a row says of a post, by the value's place on the circle.

        Raises
        ------
        InputError
            An earlier row says something else.
        """
        entry = self._entries.setdefault(annotator, {}).setdefault(post, _Entry({}, {}))
        for column, what in said.items():
            if column not in entry.said:
                entry.said[column], entry.rows[column] = what, row
            elif entry.said[column] == what:
                self._repeating[row] = None
            else:
                whose = f" by {annotator}" if annotator else ""
                raise InputError(
                    f"rows {entry.rows[column]} and {row} contradict each other: {post}, {CIRCLE[column]}{whose}",
                    path=self._path,
                    hint="Keep one of them",
                )

    def notices(self) -> tuple[str, ...]:
        """Return what repeats what earlier rows say."""
        rows = list(self._repeating)
        if not rows:
            return ()
        listed = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        return (f"rows that repeat what others say of their posts: {len(rows)} (row {listed})",)

    def answers(self) -> dict[str, LabelMatrix]:
        """Return what each annotator says."""
        return {annotator: _answers(entries) for annotator, entries in self._entries.items()}


def _answers(entries: Mapping[str, _Entry]) -> LabelMatrix:
    answers = LabelMatrix.empty(entries)
    for row, entry in enumerate(entries.values()):
        for column, said in entry.said.items():
            answers.labels[row, column] = said.present, said.conflicted
            answers.probabilities[row, column] = said.present_probability, said.conflicted_probability
            answers.dominant[row, column] = said.dominant
    return answers
