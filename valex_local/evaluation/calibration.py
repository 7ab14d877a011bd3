"""Whether a probability of 0.7 holds in 70 % of the cases: calibration error, reliability table, Brier score.

A polarity is taken as a whole: every item and value of which both the gold labels and the route speak is one case, with
the probability that the route gave and whether the polarity held.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Bools, Floats
from valex_local.evaluation.figures import Share
from valex_local.records import Part

BINS = 10


class Bin(Part):
    """The cases whose probability lies in [low, high); the last bin holds its upper edge too."""

    low: Share
    high: Share
    cases: int
    mean_probability: Share
    share_holding: Share


class CalibrationFigures(Part):
    """How well probabilities of one polarity match what holds.

    Attributes
    ----------
    cases : int
        Items times values, of one run.
    brier : float
        Mean squared distance of probability and truth (Brier 1950); mean over runs.
    ece_equal_width : float
        Expected calibration error (Naeini et al. 2015): mean distance of mean probability and share holding over ten
        bins of equal width, weighted by their cases; mean over runs.
    ece_equal_mass : float
        The same over ten bins of (nearly) equally many cases. Equal probabilities never fall into two bins.
    prevalence : float
        Share of the cases in which the polarity holds. Always answering it has the Brier score ``p * (1 - p)``.
    reliability : tuple of Bin
        The bins of equal width that are not empty, all runs together.
    """

    cases: int
    brier: Share
    ece_equal_width: Share
    ece_equal_mass: Share
    prevalence: Share
    reliability: tuple[Bin, ...]


def calibration(gold: Floats, probabilities: Floats, where: Bools) -> CalibrationFigures | None:
    """Return the calibration of the runs of a route in one polarity.

    Parameters
    ----------
    gold : ndarray, (N, 19)
        What holds.
    probabilities : ndarray, (R, N, 19)
        What each run gave.
    where : ndarray of bool, (N, 19)
        What counts.

    Returns
    -------
    Calibration or None
        None where nothing counts or a counted case has no probability.
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
    """Return for each bin its cases, the sum of their probabilities, and how many hold."""
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
