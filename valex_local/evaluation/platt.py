"""Calibrate probabilities on few gold labels, and choose from which one on a value is called.

Calibration is Platt's (1999): a logistic regression of the truth on the logit, with targets smoothed by the counts. A
slope of its own is more than ten positives can tell, so slopes are drawn towards one that all outputs share, and that
one towards 1, the model's own. Isotonic regression needs about a thousand cases for each output to do better
(Niculescu-Mizil and Caruana 2005), more than a lab labels by hand, so there is none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Floats

SHARED_WEIGHT = 10
"""Number of cases near the cut-off that the shared slope counts as much as."""

LEAST_SLOPE = 0.01
"""Slopes are positive, so that calibration never changes the order of texts."""

NEVER = 1.01
"""A cut-off that no probability reaches."""


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
    from scipy.optimize import minimize

    known = ~np.isnan(logits) & ~np.isnan(truth)
    x, outputs = np.where(known, logits, 0.0), logits.shape[1]
    target = np.where(known, _smoothed(truth, known), 0.0)
    spread = SHARED_WEIGHT * _spread(x, known)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        """Return the penalised log loss and its gradient; the last parameter is the shared slope."""
        slopes, intercepts, shared = parameters[:outputs], parameters[outputs:-1], parameters[-1]
        z = x * slopes + intercepts
        missed = np.where(known, 0.5 * (1 + np.tanh(0.5 * z)) - target, 0.0)
        apart, own = slopes - shared, shared - 1
        value = np.where(known, np.logaddexp(0, z) - target * z, 0.0).sum()
        value += 0.5 * (spread @ apart**2) + 0.5 * spread.mean() * own**2
        to_shared = spread * apart
        gradient = [(missed * x).sum(axis=0) + to_shared, missed.sum(axis=0), [spread.mean() * own - to_shared.sum()]]
        return float(value), np.concatenate(gradient)

    start = np.concatenate([np.ones(outputs), np.zeros(outputs), [1.0]])
    bounds = [(LEAST_SLOPE, None)] * outputs + [(None, None)] * outputs + [(LEAST_SLOPE, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 1000}).x
    return np.round(found[:outputs], 4), np.round(found[outputs:-1], 4)


def _smoothed(truth: Floats, known: NDArray[np.bool_]) -> Floats:
    """Return Platt's targets: a little below 1 and above 0, the more the fewer texts there are."""
    positives, negatives = (((truth == label) & known).sum(axis=0) for label in (1, 0))
    return np.asarray(np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2)))


def _spread(x: Floats, known: NDArray[np.bool_]) -> Floats:
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
