"""Bootstrap intervals: percentile intervals from resampling items, or whole groups of them.

Texts of one author resemble each other, so if groups are known, whole groups are drawn (the cluster bootstrap, Field
and Welsh 2007); intervals from single items would be too narrow. All routes get the same draws, and all runs of a route
are drawn together, so the difference of two routes is a paired bootstrap (Efron and Tibshirani 1993, ch. 13, 16).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Floats
from valex_local.evaluation.figures import Estimate, Figure, Share, Tally, averages
from valex_local.records import Part

RESAMPLES = 2000
LEVEL = 0.95
"""Share of the resamples inside an interval."""

FEW_GROUPS = 20
"""With fewer groups an interval is unreliable."""

_CELLS = 1 << 21
"""Maximum number of weights in memory at a time: 8 MB as float32."""


class Difference(Part):
    """The difference of a figure between two routes on the same items.

    `not_above` is the share of the resamples in which the difference is at most 0.
    """

    value: Figure
    low: Figure | None = None
    high: Figure | None = None
    not_above: Share | None = None


def resample(tallies: Sequence[Tally], *, resamples: int, seed: int) -> list[Floats]:
    """Return the averages of each tally in each resample of their items.

    Parameters
    ----------
    tallies : sequence of Tally
        Each over the same N items (or groups, see `Tally.by_group`).
    resamples : int
        Number of resamples, B.
    seed : int
        Seed of the random numbers; the same seed gives the same draws.

    Returns
    -------
    list of ndarray, (B, 2, 3)
        Averages by polarity, for each tally.
    """
    units = len(tallies[0].counts) if tallies else 0
    chunks = [[tally.averages(weights) for tally in tallies] for weights in draws(units, resamples, seed)]
    if not chunks:
        return [np.empty((0, 2, 3)) for _ in tallies]
    return [np.concatenate(parts) for parts in zip(*chunks, strict=True)]


def draws(units: int, resamples: int, seed: int) -> Iterator[NDArray[np.float32]]:
    """Yield how often each unit is drawn in each resample, some resamples at a time.

    Parameters
    ----------
    units : int
        Number of items or groups to draw from.
    resamples : int
        Number of resamples.
    seed : int
        Seed of the random numbers.

    Yields
    ------
    ndarray of float32, (b, units)
        Counts for the next b resamples.
    """
    generator = np.random.default_rng(seed)
    step = max(1, _CELLS // max(units, 1))
    for begin in range(0, resamples, step):
        rows = min(step, resamples - begin)
        drawn = generator.integers(units, size=(rows, units))
        drawn += np.arange(rows)[:, None] * units
        yield np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float32)


def point_averages(tally: Tally) -> Floats:
    """Return the averages with every item counted once, (2, 3)."""
    return averages(tally.counts.sum(axis=0, dtype=np.float64), tally.values)


def estimate(value: float, draws: Floats) -> Estimate:
    """Return a figure with the percentile interval of its resamples (B,); without resamples it has no interval."""
    low, high = _interval(draws)
    return Estimate(value=value, low=low, high=high)


def difference(value: float, draws: Floats) -> Difference:
    """Return a difference with its percentile interval and the share of the resamples (B,) that are at most 0."""
    low, high = _interval(draws)
    return Difference(value=value, low=low, high=high, not_above=float((draws <= 0).mean()) if len(draws) else None)


def _interval(draws: Floats) -> tuple[float | None, float | None]:
    if not len(draws):
        return None, None
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
