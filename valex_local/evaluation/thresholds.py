"""From which probability a label holds: the threshold with the best F1 on the data given.

The data must be none that is scored afterwards: whoever calls this hands in held-out probabilities of training data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def tune(probabilities: NDArray[np.floating], truth: NDArray[np.floating] | NDArray[np.bool_]) -> float:
    """Return the threshold t for which ``probability >= t`` has the best F1.

    Every threshold between two neighbouring probabilities gives the same F1, so their midpoint is taken: it is the one
    farthest from both. Below the lowest probability the midpoint is that to 0. Among thresholds of equal F1 the one
    nearest to 0.5 is taken, and the lower of two that are equally near.

    Parameters
    ----------
    probabilities : ndarray of float, (N,)
        In [0, 1].
    truth : ndarray, (N,)
        1 (or True) where the label holds, 0 where not.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        The label never holds, so that no threshold is better than another; or a number is missing or out of bounds.
    """
    given, holds = np.asarray(probabilities, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if given.shape != holds.shape or given.ndim != 1:
        raise ValueError(f"expected two vectors of one length, not {given.shape} and {holds.shape}")
    if not ((given >= 0) & (given <= 1)).all() or not np.isin(holds, (0, 1)).all():
        raise ValueError("expected probabilities in [0, 1] and a truth of 0 and 1")
    if not holds.any():
        raise ValueError("the label never holds: there is nothing to tune a threshold on")
    scores, index = np.unique(given, return_inverse=True)
    # From each score up all is yes: counts of the yes, and of the right ones among them.
    said = np.bincount(index)[::-1].cumsum()[::-1]
    right = np.bincount(index, weights=holds)[::-1].cumsum()[::-1]
    f1 = 2 * right / (said + holds.sum())
    below = np.concatenate([[0.0], scores[:-1]])
    middle = below + (scores - below) / 2
    # Between two neighbouring floats there is no midpoint.
    cuts = np.where((middle > below) | (np.arange(len(scores)) == 0), middle, scores)
    best = cuts[f1 >= f1.max() - 1e-12]
    return float(best[np.argmin(np.round(np.abs(best - 0.5), 12))])
