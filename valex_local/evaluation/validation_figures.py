"""Figures of two ways to draw the states of the same posts, with intervals over groups of posts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import POLARITIES, Bools, Floats, LabelMatrix
from valex_local.evaluation.bootstrap import RESAMPLES, Difference, difference, draws, estimate
from valex_local.evaluation.calibration import BINS
from valex_local.evaluation.figures import Estimate, scores, tally
from valex_local.records import CalibrationFigure

CALLED = "values called per post"
"""The name of the figure that counts, over all polarities, what is called."""

_OVERALL = "macro F1"
_COUNTS = 3


@dataclass(frozen=True, eq=False)
class Side:
    """Figures of one way to draw states: precision, recall and F1 by value and polarity, (19, 2) each."""

    called: NDArray[np.intp]
    precision: Floats
    recall: Floats
    f1: Floats

    def of(self, at: tuple[int, int]) -> tuple[float, float, float]:
        """Return precision, recall and F1 of one value in one polarity."""
        return float(self.precision[at]), float(self.recall[at]), float(self.f1[at])


@dataclass(frozen=True, eq=False)
class Compared:
    """The figures of both ways, for storing and by value."""

    figures: tuple[CalibrationFigure, ...]
    difference: Difference
    gold_per_post: float
    before: Side
    after: Side


def compare(
    truth: Floats,
    before: LabelMatrix,
    after: LabelMatrix,
    values: Bools,
    *,
    units: NDArray[np.intp],
    seed: int,
    resamples: int = RESAMPLES,
) -> Compared:
    """Return figures of two ways to draw the states of N posts.

    Parameters
    ----------
    truth : ndarray of float64, (N, 19, 2)
        Gold labels; NaN where there is none.
    before, after : LabelMatrix
        The states of the same posts.
    values : ndarray of bool, (19, 2)
        The values and polarities that count in F1, precision, recall and calibration error.
    units : ndarray of int, (N,)
        The group of each post, numbered from 0; whole groups are drawn.
    seed : int
        Seed of the draws, which are the same for both.
    resamples : int
        Number of draws.

    Returns
    -------
    Compared
        The figures, with 95 % intervals.
    """
    sums = [_Sums(truth, states, values, units) for states in (before, after)]
    points = [each.figures(np.ones((1, each.units), dtype=np.float32)) for each in sums]
    drawn: list[list[Mapping[str, Floats]]] = [[], []]
    for weights in draws(sums[0].units, resamples, seed):
        for side, each in zip(drawn, sums, strict=True):
            side.append(each.figures(weights))
    all_drawn = [{name: np.concatenate([part[name] for part in side]) for name in points[0]} for side in drawn]
    figures = tuple(
        _figure(name, *(estimate(float(p[name][0]), d[name]) for p, d in zip(points, all_drawn, strict=True)))
        for name in points[0]
        if name != _OVERALL
    )
    gain = float(points[1][_OVERALL][0] - points[0][_OVERALL][0])
    gains = all_drawn[1][_OVERALL] - all_drawn[0][_OVERALL]
    found = float((truth == 1).sum() / max(len(truth), 1))
    return Compared(figures, difference(gain, gains), found, sums[0].side(), sums[1].side())


class _Sums:
    """What figures are computed from, summed by group: one row a group, so that resampling is a matrix product."""

    def __init__(self, truth: Floats, states: LabelMatrix, values: Bools, units: NDArray[np.intp]) -> None:
        where = ~np.isnan(truth) & ~np.isnan(states.labels)
        counts = tally(truth, states.labels[None], where, values).counts.astype(np.float64)
        called = ((states.labels == 1) & where).sum(axis=(1, 2))
        self.values = values
        self._polarities = [p for p in range(len(POLARITIES)) if values[:, p].any()]
        errors = [_errors(truth, states, where & values, p) for p in self._polarities]
        columns = [counts.reshape(len(truth), -1), called[:, None], np.ones((len(truth), 1)), *errors]
        per_post = np.concatenate(columns, axis=1)
        self.units = int(units.max(initial=-1)) + 1
        self._by_unit = np.zeros((self.units, per_post.shape[1]))
        np.add.at(self._by_unit, units, per_post)

    def figures(self, weights: NDArray[np.float32]) -> dict[str, Floats]:
        """Return each figure in each resample, (B,), for weights (B, units)."""
        sums = weights.astype(np.float64) @ self._by_unit
        end = _COUNTS * self.values.size
        counts, (called, posts) = sums[:, :end].reshape(-1, _COUNTS, *self.values.shape), sums[:, end : end + 2].T
        precision, recall, f1 = scores(counts)
        found = {_OVERALL: f1[:, self.values].mean(axis=1)}
        for place, p in enumerate(self._polarities):
            chosen = self.values[:, p]
            for name, figure in (("macro F1", f1), ("precision", precision), ("recall", recall)):
                found[f"{name} of {POLARITIES[p]}"] = figure[:, chosen, p].mean(axis=1)
            errors = sums[:, end + 2 + place * (BINS + 1) :][:, : BINS + 1]
            off, cases = np.abs(errors[:, :BINS]).sum(axis=1), np.maximum(errors[:, BINS], 1)
            found[f"calibration error of {POLARITIES[p]}"] = off / cases
        return {**found, CALLED: called / posts}

    def side(self) -> Side:
        """Return the figures by value, with every post counted once."""
        counts = self._by_unit.sum(axis=0)[: _COUNTS * self.values.size].reshape(_COUNTS, *self.values.shape)
        return Side(counts[1].astype(np.intp), *scores(counts))


def _errors(truth: Floats, states: LabelMatrix, where: Bools, polarity: int) -> Floats:
    """Return for each post the sum of probability minus truth in each bin, and the number of cases: (N, BINS + 1)."""
    rows, columns = np.nonzero(where[:, :, polarity])
    given = states.probabilities[rows, columns, polarity]
    found = np.zeros((len(truth), BINS + 1))
    bins = np.minimum((given * BINS).astype(np.intp), BINS - 1)
    np.add.at(found, (rows, bins), given - truth[rows, columns, polarity])
    np.add.at(found[:, BINS], rows, 1)
    return found


def _figure(name: str, before: Estimate, after: Estimate) -> CalibrationFigure:
    sides = {"before": before, "after": after}
    bounds = {f"{side}_{bound}": value for side, found in sides.items() for bound, value in _bounds(found)}
    return CalibrationFigure(figure=name, before=before.value, after=after.value, **bounds)


def _bounds(found: Estimate) -> tuple[tuple[str, float], tuple[str, float]]:
    """Return the interval, widened to hold the figure: resampling biases some, such as calibration errors, upwards."""
    low, high = (found.value if bound is None else bound for bound in (found.low, found.high))
    return ("low", min(low, found.value)), ("high", max(high, found.value))
