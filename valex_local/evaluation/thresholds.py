"""Tune the threshold of a label: the probability from which on it holds.

The data must not be scored afterwards: callers pass held-out probabilities of training data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def tune(probabilities: NDArray[np.floating], truth: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    """Return the threshold t for which ``probability >= t`` has the best F1.

    Every threshold between two neighbouring probabilities gives the same F1, so their midpoint, which is farthest from
    both, is used. Below the lowest probability, this is the midpoint to 0. Among thresholds of equal F1 the one nearest
    to 0.5 wins, and the lower of two that are equally near.

    Parameters
    ----------
    probabilities : ndarray of float, (N,)
        Probabilities in [0, 1].
    truth : ndarray, (N,)
        1 (or True) where the label holds, 0 where it does not.

    Returns
    -------
    float
        The threshold, in [0, 1].

    Raises
    ------
    ValueError
        The label never holds, so that no threshold is better than another; or a number is missing or out of range.
    """
    given, holds = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if given.shape != holds.shape or given.ndim != 1:
        raise ValueError(f"expected two vectors of the same length, not {given.shape} and {holds.shape}")
    if not ((given >= 0) & (given <= 1)).all() or not np.isin(holds, (0, 1)).all():
        raise ValueError("expected probabilities in [0, 1] and a truth of 0 and 1")
    if not holds.any():
        raise ValueError("cannot tune a threshold: the label never holds")
    scores, index = np.unique(given, return_inverse=True)
    # With the threshold at each score: predicted positives, and the true ones among them.
    predicted = np.bincount(index)[::-1].cumsum()[::-1]
    right = np.bincount(index, weights=holds)[::-1].cumsum()[::-1]
    f1 = 2 * right / (predicted + holds.sum())
    below = np.concatenate([[0.0], scores[:-1]])
    middle = below + (scores - below) / 2
    # Between two neighbouring floats there is no midpoint.
    cuts = np.where((middle > below) | (np.arange(len(scores)) == 0), middle, scores)
    best = cuts[f1 >= f1.max() - 1e-12]
    return float(best[np.argmin(np.round(np.abs(best - 0.5), 12))])
