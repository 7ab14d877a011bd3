"""From logits to probabilities and states: calibration and thresholds for each output, from held-out data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.evaluation.thresholds import tune

Floats = NDArray[np.float64]

COMMON_WEIGHT = 5
"""Weight of the threshold common to all outputs; that of an output's own threshold is the number of its positives."""

_REGULARISATION = 1e4


@dataclass(frozen=True, eq=False)
class Calibrator:
    """Turns logits into probabilities, ``sigmoid(slope * logit + intercept)``, with thresholds for these.

    Attributes
    ----------
    slopes, intercepts, thresholds : ndarray of float64, shape (outputs,)
        Slopes are positive, so that the order of texts does not change.
    """

    slopes: Floats
    intercepts: Floats
    thresholds: Floats

    def probabilities(self, logits: Floats) -> Floats:
        """Return the calibrated probabilities of logits, shape (N, outputs)."""
        return sigmoid(logits * self.slopes + self.intercepts)


def calibrate(logits: Floats, truth: Floats) -> Calibrator:
    """Return fitted calibration and thresholds.

    Calibration is Platt's (1999): a logistic regression of the truth on the logit, with targets smoothed by the counts.
    If that gives no positive slope (there are no positives, or the logits rank no better than chance), the slope is 1
    and the intercept makes the mean probability equal to the smoothed fraction of positives. A threshold maximises F1;
    with few positives it is shrunk towards the one that is best for all outputs together.

    Parameters
    ----------
    logits : ndarray of float64, shape (N, outputs)
        Logits of texts that the network did not learn from.
    truth : ndarray of float64, shape (N, outputs)
        1, 0, or NaN where it is not known.
    """
    outputs = logits.shape[1]
    slopes, intercepts = np.ones(outputs), np.zeros(outputs)
    for column in range(outputs):
        known = ~np.isnan(truth[:, column])
        slopes[column], intercepts[column] = _platt(logits[known, column], truth[known, column])
    probabilities = sigmoid(logits * slopes + intercepts)
    return Calibrator(slopes, intercepts, _thresholds(probabilities, truth))


def _platt(logits: Floats, truth: Floats) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    positives, negatives = truth.sum(), (1 - truth).sum()
    if positives == 0 or negatives == 0 or np.ptp(logits) == 0:
        return 1.0, _intercept(logits, float((positives + 1) / (len(truth) + 2)))
    # Soft targets as weights: each text counts once as a positive and once as a negative.
    target = np.where(truth == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    model = LogisticRegression(C=_REGULARISATION).fit(
        np.concatenate([logits, logits])[:, None],
        np.concatenate([np.ones_like(truth), np.zeros_like(truth)]),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    slope, intercept = float(model.coef_[0, 0]), float(model.intercept_[0])
    return (slope, intercept) if slope > 0 else (1.0, _intercept(logits, float(target.mean())))


def _intercept(logits: Floats, share: float) -> float:
    """Return the intercept with which the mean probability of the logits is `share`."""
    from scipy.optimize import brentq

    far = float(np.abs(logits).max(initial=0)) + 50
    return float(brentq(lambda added: sigmoid(logits + added).mean() - share, -far, far)) if len(logits) else 0.0


def _thresholds(probabilities: Floats, truth: Floats) -> Floats:
    known = ~np.isnan(truth)
    if not (truth[known] == 1).any():
        return np.full(truth.shape[1], 0.5)
    common = tune(probabilities[known], truth[known])
    own = np.full(truth.shape[1], common)
    weights = np.zeros(truth.shape[1])
    for column in range(truth.shape[1]):
        rows = known[:, column]
        weights[column] = positives = np.nansum(truth[:, column])
        if positives:
            own[column] = tune(probabilities[rows, column], truth[rows, column])
    return np.asarray((weights * own + COMMON_WEIGHT * common) / (weights + COMMON_WEIGHT))


def sigmoid(logits: Floats) -> Floats:
    """Return the logistic function of logits, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))
