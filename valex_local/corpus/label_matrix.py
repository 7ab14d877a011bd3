"""Labels of many texts as arrays: gold labels, the labels of one annotator, or the predictions of a model.

This is the columnar form of label records. `corpus` reads it, `training` learns from it, `evaluation` counts in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State, decide

POLARITIES: tuple[Polarity, ...] = tuple(Polarity)
"""The order of the last axis: present, conflicted."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """The labels of one source for N texts and 19 values, by polarity.

    Attributes
    ----------
    ids : tuple of str
        Ids of the texts, without duplicates.
    labels : ndarray of float64, (N, 19, 2)
        1 where a polarity holds, 0 where it does not, NaN where the source did not assess it. Values in the order of
        the circle, polarities in that of `POLARITIES`.
    probabilities : ndarray of float64, (N, 19, 2)
        The probability of each polarity in [0, 1]; NaN where the source gives none.
    dominant : ndarray of bool, (N, 19)
        Whether a value that is present is dominant; False where the source does not say.
    """

    ids: tuple[str, ...]
    labels: Floats
    probabilities: Floats
    dominant: Bools

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(CIRCLE), len(POLARITIES))
        if self.labels.shape != shape or self.probabilities.shape != shape or self.dominant.shape != shape[:2]:
            raise ValueError(f"labels of {len(self.ids)} texts must have shape {shape}")
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("two texts have the same id")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, ids: Iterable[str]) -> Self:
        """Return a matrix in which nothing is assessed, for the caller to fill."""
        names = tuple(ids)
        shape = (len(names), len(CIRCLE), len(POLARITIES))
        return cls(names, np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape[:2], dtype=np.bool_))

    @classmethod
    def from_labels(cls, labels: Mapping[str, Sequence[ValueLabel]]) -> Self:
        """Return the labels in label records, given by text; for an empty sequence nothing is assessed."""
        matrix = cls.empty(labels)
        for row, values in enumerate(labels.values()):
            for column, label in enumerate(values):
                pair = (label.present, label.conflicted)
                matrix.labels[row, column] = labels_of(label.state, *(p is not None for p in pair))
                matrix.probabilities[row, column] = [np.nan if p is None else p for p in pair]
                matrix.dominant[row, column] = bool(label.dominant)
        return matrix

    @classmethod
    def decided(cls, ids: Iterable[str], probabilities: Floats, thresholds: Floats) -> Self:
        """Return the labels that follow from probabilities by the rule of `valex_local.schwartz.decide`.

        Parameters
        ----------
        ids : iterable of str
            Ids of the N texts.
        probabilities : ndarray of float64, (N, 19, 2)
            Probabilities in [0, 1]; NaN where a polarity is not assessed.
        thresholds : ndarray of float64, (19, 2) or (N, 19, 2)
            Lowest probability at which a polarity holds.

        Returns
        -------
        LabelMatrix
            Labels of N texts, with the probabilities rounded to four digits.
        """
        matrix = cls.empty(ids)
        # Rounded as in the records, so that states agree with the probabilities shown next to them.
        matrix.probabilities[:] = np.round(probabilities, 4)
        limits = np.broadcast_to(thresholds, probabilities.shape)
        for at in np.ndindex(*probabilities.shape[:2]):
            present, conflicted = (None if np.isnan(p) else float(p) for p in matrix.probabilities[at])
            from_present, from_conflicted = limits[at]
            state = decide(present, conflicted, present_from=from_present, conflicted_from=from_conflicted)
            matrix.labels[at] = labels_of(state, present is not None, conflicted is not None)
        return matrix

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return the labels in these rows, in the given order."""
        at = np.asarray(rows, dtype=np.intp)
        ids = tuple(self.ids[i] for i in at)
        return type(self)(ids, self.labels[at], self.probabilities[at], self.dominant[at])

    def of(self, ids: Sequence[str]) -> Self:
        """Return the labels of these texts, in the given order; a text that is not in the matrix is not assessed."""
        matrix = type(self).empty(ids)
        rows = {name: row for row, name in enumerate(self.ids)}
        known = [(to, rows[name]) for to, name in enumerate(ids) if name in rows]
        if known:
            to, at = (list(column) for column in zip(*known, strict=True))
            matrix.labels[to], matrix.probabilities[to] = self.labels[at], self.probabilities[at]
            matrix.dominant[to] = self.dominant[at]
        return matrix

    def state(self, row: int, column: int) -> State:
        """Return the state of one value of one text."""
        present, conflicted = self.labels[row, column]
        if conflicted == 1:
            return State.CONFLICTED
        if np.isnan(present):
            return State.NOT_ASSESSED
        return State.PRESENT if present == 1 else State.ABSENT


def labels_of(state: State, present_assessed: bool = True, conflicted_assessed: bool = True) -> tuple[float, float]:
    """Return the labels of both polarities that a state stands for.

    Parameters
    ----------
    state : State
        The state of a value.
    present_assessed, conflicted_assessed : bool
        Whether that polarity was assessed.

    Returns
    -------
    present, conflicted : float
        1 where the polarity holds, 0 where it does not, NaN where it was not assessed.
    """
    present = float(state is State.PRESENT) if present_assessed else np.nan
    conflicted = float(state is State.CONFLICTED) if conflicted_assessed else np.nan
    return present, conflicted
