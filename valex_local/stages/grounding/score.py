"""The figures of grounding, as functions of similarities alone.

A cosine of CLIP says little by itself: its level differs from model to model and from picture to picture. So a line is
held against the lines that chance is made of, on the same keyframes, and its place among them is what counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LineScore:
    """How well a line fits some keyframes; `best` is the place of the one that it fits best."""

    best: int
    similarity: float
    percentile: float
    z: float


def percentile(similarity: float, chance: Floats) -> float:
    """Return the share of the lines by chance that fit less well; those that fit equally well count half.

    Parameters
    ----------
    similarity : float
        That of the line.
    chance : ndarray, (F,)
        Those of the lines by chance, at least one.

    Returns
    -------
    float
        In [0, 1]; its mean over lines that are themselves drawn by chance is 0.5.
    """
    smaller, equal = np.count_nonzero(chance < similarity), np.count_nonzero(chance == similarity)
    return float((smaller + equal / 2) / len(chance))


def score_line(similarities: Floats, chance: Floats) -> LineScore:
    """Score a line on the keyframes that it may rest on: the one that it fits best counts, for every line.

    Parameters
    ----------
    similarities : ndarray, (K,)
        Cosines of the line's vector and those of the keyframes, at least one.
    chance : ndarray, (F, K)
        The same of the lines by chance.
    """
    best = int(similarities.argmax())
    similarity, others = float(similarities[best]), chance.max(axis=1)
    deviation = float(others.std())
    z = (similarity - float(others.mean())) / deviation if deviation > 0 else 0.0
    return LineScore(best, similarity, percentile(similarity, others), z)


def above_chance(similarities: Floats, chance: Floats) -> float:
    """Return the probability that the best of as many lines by chance fits a keyframe less well than the best of these.

    The more lines there are, the better the best of them fits without any merit; hence the power. Drawing is with
    replacement.

    Parameters
    ----------
    similarities : ndarray, (L,)
        Cosines of the lines' vectors and that of the keyframe, at least one.
    chance : ndarray, (F,)
        The same of the lines by chance.
    """
    return float(percentile(float(similarities.max()), chance) ** len(similarities))
