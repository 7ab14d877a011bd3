"""The scores of grounding, as functions of similarities alone.

A CLIP similarity on its own says little: its level differs between models and between images. So a line is compared
with reference lines on the same keyframes, and its rank among them is the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineScore:
    """How well a line fits some keyframes; `best` is the index of the one it fits best."""

    best: int
    similarity: float
    percentile: float
    z: float


def percentile(similarity: float, reference: Floats) -> float:
    """Return the fraction of the reference lines that fit less well; those that fit equally well count half.

    Parameters
    ----------
    similarity : float
        Similarity of the line.
    reference : ndarray of float64, shape (R,)
        Similarities of the reference lines, at least one.

    Returns
    -------
    float
        In [0, 1]; the mean over lines that are drawn from the reference lines is 0.5.
    """
    smaller, equal = np.count_nonzero(reference < similarity), np.count_nonzero(reference == similarity)
    return float((smaller + equal / 2) / len(reference))


def score_line(similarities: Floats, reference: Floats) -> LineScore:
    """Return the score of a line on its keyframes, by the best keyframe of it and of every reference line.

    Parameters
    ----------
    similarities : ndarray of float64, shape (K,)
        Cosine similarities of the line and its keyframes, at least one.
    reference : ndarray of float64, shape (R, K)
        The same for the reference lines.
    """
    best = int(similarities.argmax())
    similarity, others = float(similarities[best]), reference.max(axis=1)
    deviation = float(others.std())
    z = (similarity - float(others.mean())) / deviation if deviation > 0 else 0.0
    return LineScore(best, similarity, percentile(similarity, others), z)


def above_chance(similarities: Floats, reference: Floats) -> float:
    """Return the probability that the best of as many reference lines fits a keyframe less well than the best line.

    The more lines there are, the better the best of them fits by chance; hence the power. Reference lines are drawn
    with replacement.

    Parameters
    ----------
    similarities : ndarray of float64, shape (L,)
        Cosine similarities of the lines and the keyframe, at least one.
    reference : ndarray of float64, shape (R,)
        The same for the reference lines.
    """
    return float(percentile(float(similarities.max()), reference) ** len(similarities))
