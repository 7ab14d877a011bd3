"""Calibrate probabilities on few gold labels, and choose from which one on a value is called.

Calibration is Platt's (1999): a logistic regression of the truth on the logit, with targets smoothed by the counts. A
slope of its own is more than ten positives can tell, so slopes are drawn towards one that all outputs share, and that
one towards 1, the model's own. Isotonic regression needs about a thousand cases for each output to do better
(Niculescu-Mizil and Caruana 2005), more than a lab labels by hand, so there is none.
"""

from __future__ import annotations

import numpy as np

from valex_local.corpus.label_matrix import Bools, Floats

SHARED_WEIGHT = 10
"""Number of cases near the cut-off that the shared slope counts as much as."""

LEAST_SLOPE = 0.01
"""Slopes are positive, so that calibration never changes the order of texts."""

NEVER = 1.01
"""A cut-off that no probability reaches."""

_LEAST_SPREAD = 1e-3
_ROUNDS, _LONGEST_STEP, _CLOSE, _TINY = 200, 2.0, 1e-6, 1e-9


def fit_platt(logits: Floats, truth: Floats) -> tuple[Floats, Floats]:
    """Return the slope and the intercept of each output: its probability is ``sigmoid(slope * logit + intercept)``.

    Parameters
    ----------
    logits : ndarray of float64, (N, outputs)
        Logits of the model; NaN where it does not assess.
    truth : ndarray of float64, (N, outputs)
        1 where the output holds, 0 where it does not, NaN where it is not known.

    Returns
    -------
    slopes, intercepts : ndarray of float64, (outputs,)
        Rounded to four digits.
    """
    known = ~np.isnan(logits) & ~np.isnan(truth)
    x, target = np.where(known, logits, 0.0), np.where(known, _smoothed(truth, known), 0.0)
    pull = SHARED_WEIGHT * np.maximum(_spread(x, known), _LEAST_SPREAD)
    slopes, intercepts, shared = np.ones(x.shape[1]), np.zeros(x.shape[1]), 1.0
    # Newton's method for each output in turn with the shared slope, which is a weighted mean. All of it is convex.
    for _ in range(_ROUNDS):
        probability = 0.5 * (1 + np.tanh(0.5 * (x * slopes + intercepts)))
        missed, weight = (
            np.where(known, each, 0.0) for each in (probability - target, probability * (1 - probability))
        )
        by_slope, by_intercept = (missed * x).sum(axis=0) + pull * (slopes - shared), missed.sum(axis=0)
        curve = np.stack([(weight * x**2).sum(axis=0) + pull, (weight * x).sum(axis=0), weight.sum(axis=0)])
        steps = np.stack(_newton(by_slope, by_intercept, curve + _TINY, fixed=(slopes <= LEAST_SLOPE) & (by_slope > 0)))
        steps /= np.maximum(np.abs(steps).max(axis=0) / _LONGEST_STEP, 1)
        slopes, intercepts = np.maximum(slopes - steps[0], LEAST_SLOPE), intercepts - steps[1]
        shared = max(float((pull @ slopes + pull.mean()) / (pull.sum() + pull.mean() + _TINY)), LEAST_SLOPE)
        if np.abs(steps).max() < _CLOSE:
            break
    return np.round(slopes, 4), np.round(intercepts, 4)


def _newton(by_slope: Floats, by_intercept: Floats, curve: Floats, *, fixed: Bools) -> tuple[Floats, Floats]:
    """Return the steps of slope and intercept; `curve` holds the second derivatives, `fixed` slopes do not move."""
    slope2, both, intercept2 = curve
    determinant = np.maximum(slope2 * intercept2 - both**2, _TINY)
    slope = np.where(fixed, 0.0, (intercept2 * by_slope - both * by_intercept) / determinant)
    return slope, np.where(fixed, by_intercept, by_intercept - both * slope) / intercept2


def _smoothed(truth: Floats, known: Bools) -> Floats:
    """Return Platt's targets: a little below 1 and above 0, the more the fewer texts there are."""
    positives, negatives = (((truth == label) & known).sum(axis=0) for label in (1, 0))
    return np.asarray(np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2)))


def _spread(x: Floats, known: Bools) -> Floats:
    """Return the variance of each output's logits."""
    number = np.maximum(known.sum(axis=0), 1)
    mean = x.sum(axis=0) / number
    return np.asarray((np.where(known, x - mean, 0.0) ** 2).sum(axis=0) / number)


def matching_cutoff(probabilities: Floats, positives: int) -> float:
    """Return the cut-off from which on about as many texts are called as there are positives.

    Its F1 is hardly below the best one (by 0.01 on average), it varies less with the texts at hand than the cut-off
    with the best F1, and where a model can hardly tell a value it does not call half of the texts: counts of called
    texts stay near the truth.

    Parameters
    ----------
    probabilities : ndarray of float64, (N,)
        Probabilities in [0, 1].
    positives : int
        Number of positives among the texts.

    Returns
    -------
    float
        Midway between two neighbouring probabilities, rounded to four digits; of two cut-offs that are equally near
        the number, the higher one.
    """
    levels, counts = np.unique(probabilities, return_counts=True)
    levels, called = levels[::-1], np.cumsum(counts[::-1])
    best = int(np.argmin(np.abs(np.concatenate([[0], called]) - positives)))
    if best == 0:
        return NEVER
    below = levels[best] if best < len(levels) else 0.0
    # Rounded up, so that the level below is never reached; the one above still is, since both have four digits.
    return float(min(np.ceil((levels[best - 1] + below) / 2 * 1e4 - 1e-6) / 1e4, levels[best - 1]))
