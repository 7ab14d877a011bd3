"""Collect the labels of a sheet cell by cell while it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from valex_local.corpus.label_matrix import LabelMatrix
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


TICKS: Mapping[str, CellLabel] = {mark: PRESENT for mark in ("x", "\N{CHECK MARK}", "\N{HEAVY CHECK MARK}")}
"""Marks in a sheet on which only what is present is marked."""

YES_NO: Mapping[str, CellLabel] = {
    **dict.fromkeys(("yes", "y", "ja", "j", "true", "wahr", "oui", "vrai"), PRESENT),
    **dict.fromkeys(("no", "n", "nein", "false", "falsch", "non", "faux"), ABSENT),
}
"""Answers to whether a value is present, as spreadsheets in several languages write them."""

Blank = Literal["absent", "missing"]
"""What a blank cell means: the value is absent, or nobody decided about it."""


NAMED = 5
"""Maximum number of places that a notice names."""

LONGEST_SHOWN = 40
"""Maximum length, in characters, of a cell in a notice."""

CONTRADICTING = "labels that contradict each other, which count as not assessed"

_BLANKS = ("na", "n/a", "nan", "none", "null")


def label_cell(cell: str) -> str:
    """Return a cell in the form used for look-ups: lower case, and "" for what statistics programs write for blank."""
    plain = cell.strip().casefold().replace("\N{MINUS SIGN}", "-")
    return "" if plain in _BLANKS else plain


class Places:
    """Where something was found, and how often: the first few places are named, all are counted."""

    def __init__(self) -> None:
        self._places: dict[str, dict[str, None]] = {}

    def add(self, what: str, place: str) -> None:
        """Add a place; one that is added twice counts once."""
        self._places.setdefault(what, {})[place] = None

    def notices(self) -> tuple[str, ...]:
        """Return a notice for each thing found."""
        return tuple(f"{what}: {len(places)} ({_listed(list(places))})" for what, places in self._places.items())

    def of(self, what: str) -> tuple[str, ...]:
        """Return the places of one thing."""
        return tuple(self._places.get(what, ()))

    def __bool__(self) -> bool:
        return bool(self._places)


def _listed(places: Sequence[str]) -> str:
    return "; ".join(places[:NAMED]) + ("; ..." if len(places) > NAMED else "")


def shortened(cell: str) -> str:
    """Return a cell as a notice shows it."""
    return repr(cell) if len(cell) <= LONGEST_SHOWN else f"{cell[:LONGEST_SHOWN]!r}..."


class _Entry(NamedTuple):
    labels: dict[int, CellLabel]
    places: dict[int, str]


class SheetBuilder:
    """Collect the labels of a sheet by annotator and post.

    A value for which an annotator gives a post two different labels is not assessed.
    """

    def __init__(self) -> None:
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._repeating: Places = Places()
        self._contradictions: Places = Places()

    def add(self, annotator: str, post: str, place: str, labels: Mapping[int, CellLabel]) -> None:
        """Add the labels that a row gives a post.

        Parameters
        ----------
        annotator : str
            Who gave them; "" if the sheet does not say.
        post : str
            Id of the post.
        place : str
            The row, such as ``row 7``, for notices.
        labels : mapping of int to CellLabel
            The labels, by their value's position on the circle.
        """
        entry = self._entries.setdefault(annotator, {}).setdefault(post, _Entry({}, {}))
        for column, label in labels.items():
            if column not in entry.places:
                entry.labels[column], entry.places[column] = label, place
            elif entry.labels.get(column) == label:
                self._repeating.add("rows that repeat labels of earlier rows", place)
            else:
                entry.labels.pop(column, None)
                whose = f" by {annotator}" if annotator else ""
                between = f"{entry.places[column]} and {place}"
                self._contradictions.add(CONTRADICTING, f"{between}: {post}, {CIRCLE[column]}{whose}")

    @property
    def complete(self) -> bool:
        """Whether no label was left out."""
        return not self._contradictions

    def notices(self) -> tuple[str, ...]:
        """Return notices about rows that repeat or contradict earlier ones."""
        return (*self._repeating.notices(), *self._contradictions.notices())

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
