"""Calibration: whether labels with a probability of 0.7 are right in 70 % of the cases.

Figures are the Brier score, the expected calibration error and a reliability table, pooled over all values of a
polarity: every item and value that both the gold labels and the route assess is one case, with the probability that the
route gave and whether the polarity holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Bools, Floats
from valex_local.evaluation.figures import Share
from valex_local.records import Part

BINS = 10


class Bin(Part):
    """The cases whose probability is in [low, high); the last bin includes its upper edge."""

    low: Share
    high: Share
    cases: int
    mean_probability: Share
    share_holding: Share


class CalibrationFigures(Part):
    """How well the probabilities of one polarity match the gold labels.

    Attributes
    ----------
    cases : int
        Items times values, in one run.
    brier : float
        Mean squared difference of probability and truth (Brier 1950), averaged over runs.
    ece_equal_width : float
        Expected calibration error (Naeini et al. 2015): the absolute difference of mean probability and share of
        positives in each of ten bins of equal width, averaged over bins by their cases, and over runs.
    ece_equal_mass : float
        The same over ten bins with (nearly) equal numbers of cases. Equal probabilities are never split over two bins.
    prevalence : float
        Share p of the cases in which the polarity holds. Predicting p for every case has the Brier score
        ``p * (1 - p)``.
    reliability : tuple of Bin
        The bins of equal width that are not empty, over all runs.
    """

    cases: int
    brier: Share
    ece_equal_width: Share
    ece_equal_mass: Share
    prevalence: Share
    reliability: tuple[Bin, ...]


def calibration(gold: Floats, probabilities: Floats, where: Bools) -> CalibrationFigures | None:
    """Return the calibration of a route in one polarity.

    Parameters
    ----------
    gold : ndarray, (N, 19)
        Gold labels: 1 where the polarity holds, 0 where it does not.
    probabilities : ndarray, (R, N, 19)
        Probabilities of each run, in [0, 1].
    where : ndarray of bool, (N, 19)
        The cases that count.

    Returns
    -------
    CalibrationFigures or None
        None if no case counts, or one that counts has no probability.
    """
    truth, given = gold[where], probabilities[:, where]
    if not truth.size or np.isnan(given).any():
        return None
    width = np.arange(BINS + 1) / BINS
    return CalibrationFigures(
        cases=truth.size,
        brier=float(((given - truth) ** 2).mean()),
        ece_equal_width=float(np.mean([_error(run, truth, width) for run in given])),
        ece_equal_mass=float(np.mean([_error(run, truth, np.unique(np.quantile(run, width))) for run in given])),
        prevalence=float(truth.mean()),
        reliability=_table(given.ravel(), np.tile(truth, len(given)), width),
    )


def _binned(given: Floats, truth: Floats, edges: Floats) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return the number of cases in each bin, the sum of their probabilities, and the number of positives."""
    bins = max(len(edges) - 1, 1)
    index = np.clip(np.searchsorted(edges, given, side="right") - 1, 0, bins - 1)
    probability, holding = (np.bincount(index, weights=w, minlength=bins).astype(np.float64) for w in (given, truth))
    return np.bincount(index, minlength=bins), probability, holding


def _error(given: Floats, truth: Floats, edges: Floats) -> float:
    _, probability, holding = _binned(given, truth, edges)
    return float(np.abs(probability - holding).sum() / len(given))


def _table(given: Floats, truth: Floats, edges: Floats) -> tuple[Bin, ...]:
    rows = zip(edges[:-1], edges[1:], *_binned(given, truth, edges), strict=True)
    return tuple(
        Bin(low=low, high=high, cases=n, mean_probability=probability / n, share_holding=holding / n)
        for low, high, n, probability, holding in rows
        if n
    )
