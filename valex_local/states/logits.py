"""Probabilities as stored, and their logits."""

from __future__ import annotations

import math

_EDGE = 5e-5
"""Probabilities are stored with four digits; those nearer to 0 or 1 than this are stored as 0 or 1."""


def logit_of(probability: float) -> float:
    """Return the logit of a stored probability."""
    inside = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


def sigmoid(logit: float) -> float:
    """Return the probability of a logit."""
    return 0.5 * (1 + math.tanh(0.5 * logit))
