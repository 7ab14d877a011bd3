"""What somebody says of many texts, in columns: gold labels, the labels of one annotator, the predictions of a model.

It is the columnar form of label records, and what corpus, training and evaluation share: the first reads it, the second
learns by it, the third counts in it.
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
    """What one source says of N texts and 19 values, by polarity.

    Attributes
    ----------
    ids : tuple of str
        Names of the texts, each once.
    labels : ndarray of float64, (N, 19, 2)
        1 where a polarity holds, 0 where it does not, NaN where the source does not say. Values in circle order,
        polarities as `POLARITIES`.
    probabilities : ndarray of float64, (N, 19, 2)
        The probability of each polarity in [0, 1]; NaN where the source gives none.
    dominant : ndarray of bool, (N, 19)
        Where a value that is present dominates; False where the source does not say.
    """

    ids: tuple[str, ...]
    labels: Floats
    probabilities: Floats
    dominant: Bools

    def __post_init__(self) -> None:
        shape = (len(self.ids), len(CIRCLE), len(POLARITIES))
        if self.labels.shape != shape or self.probabilities.shape != shape or self.dominant.shape != shape[:2]:
            raise ValueError(f"answers for {len(self.ids)} texts must have shape {shape}")
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("a text is named twice")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def empty(cls, ids: Iterable[str]) -> Self:
        """Return answers that say nothing of any text yet; the arrays are there to be filled."""
        names = tuple(ids)
        shape = (len(names), len(CIRCLE), len(POLARITIES))
        return cls(names, np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape[:2], dtype=np.bool_))

    @classmethod
    def from_labels(cls, labels: Mapping[str, Sequence[ValueLabel]]) -> Self:
        """Return the answers that label records hold, by text; an empty sequence says nothing of its text."""
        answers = cls.empty(labels)
        for row, values in enumerate(labels.values()):
            for column, label in enumerate(values):
                pair = (label.present, label.conflicted)
                answers.labels[row, column] = labels_of(label.state, *(p is not None for p in pair))
                answers.probabilities[row, column] = [np.nan if p is None else p for p in pair]
                answers.dominant[row, column] = bool(label.dominant)
        return answers

    @classmethod
    def decided(cls, ids: Iterable[str], probabilities: Floats, thresholds: Floats) -> Self:
        """Return the answers that probabilities give, by the rule of `valex_local.schwartz.decide`.

        Parameters
        ----------
        ids : iterable of str
            Names of the texts.
        probabilities : ndarray of float64, (N, 19, 2)
            NaN where a polarity is not assessed.
        thresholds : ndarray of float64, (19, 2) or (N, 19, 2)
            From which probability a polarity holds.
        """
        answers = cls.empty(ids)
        # Rounded as the records are, so that states follow from the probabilities that stand beside them.
        answers.probabilities[:] = np.round(probabilities, 4)
        limits = np.broadcast_to(thresholds, probabilities.shape)
        for at in np.ndindex(*probabilities.shape[:2]):
            present, conflicted = (None if np.isnan(p) else float(p) for p in answers.probabilities[at])
            from_present, from_conflicted = limits[at]
            state = decide(present, conflicted, present_from=from_present, conflicted_from=from_conflicted)
            answers.labels[at] = labels_of(state, present is not None, conflicted is not None)
        return answers

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Self:
        """Return the answers of some rows, in that order."""
        at = np.asarray(rows, dtype=np.intp)
        ids = tuple(self.ids[i] for i in at)
        return type(self)(ids, self.labels[at], self.probabilities[at], self.dominant[at])

    def of(self, ids: Sequence[str]) -> Self:
        """Return the answers of some texts, in that order; of a text that is not here they say nothing."""
        answers = type(self).empty(ids)
        rows = {name: row for row, name in enumerate(self.ids)}
        known = [(to, rows[name]) for to, name in enumerate(ids) if name in rows]
        if known:
            to, at = (list(column) for column in zip(*known, strict=True))
            answers.labels[to], answers.probabilities[to] = self.labels[at], self.probabilities[at]
            answers.dominant[to] = self.dominant[at]
        return answers

    def state(self, row: int, column: int) -> State:
        """Return the state of one value of one text."""
        present, conflicted = self.labels[row, column]
        if conflicted == 1:
            return State.CONFLICTED
        if np.isnan(present):
            return State.NOT_ASSESSED
        return State.PRESENT if present == 1 else State.ABSENT


def labels_of(state: State, present_assessed: bool = True, conflicted_assessed: bool = True) -> tuple[float, float]:
    """Return whether each polarity holds in a state; NaN for one that was not assessed."""
    present = float(state is State.PRESENT) if present_assessed else np.nan
    conflicted = float(state is State.CONFLICTED) if conflicted_assessed else np.nan
    return present, conflicted
