"""Samples of posts for coding, in which the probability of every post to be drawn is known.

Without these probabilities no later estimate is valid. Every design here has a fixed size, exact probabilities, and no
post with probability 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valex_local.corpus.label_matrix import Floats

LEAST = 0.2
"""Share of the draw that is the same for all posts where others are more likely: no post is left without a chance, and
no weight grows beyond 1 / LEAST times that of a random sample."""


@dataclass(frozen=True)
class Drawn:
    """A post of a sample: its probability of being drawn, and the stratum that it was drawn from."""

    post: str
    probability: float
    stratum: str = ""


def random_sample(posts: Sequence[str], size: int, rng: np.random.Generator) -> list[Drawn]:
    """Draw posts at random without replacement: each has the probability n / N.

    Parameters
    ----------
    posts : sequence of str
        The N posts.
    size : int
        How many to draw, n; all when there are fewer.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    list of Drawn
        The sample, in the order of `posts`.
    """
    taken = min(size, len(posts))
    if not taken:
        return []
    at = np.sort(rng.choice(len(posts), taken, replace=False))
    return [Drawn(posts[int(i)], taken / len(posts)) for i in at]


def stratified_sample(
    strata: Mapping[str, str], size: int, rng: np.random.Generator, *, equal: bool = False
) -> list[Drawn]:
    """Draw at random within strata: each post of stratum h has the probability n_h / N_h.

    Parameters
    ----------
    strata : mapping of str to str
        Each post with its stratum.
    size : int
        How many posts to draw in all.
    rng : numpy.random.Generator
        The source of chance.
    equal : bool
        Whether strata get equal shares, which helps to compare them, and not shares by their size. Every stratum gets
        at least one post, so the sample is larger than `size` where there are more strata.

    Returns
    -------
    list of Drawn
        The sample, sorted by stratum.
    """
    groups: dict[str, list[str]] = {}
    for post, stratum in strata.items():
        groups.setdefault(stratum, []).append(post)
    names = sorted(groups)
    sizes = allocate([len(groups[name]) for name in names], size, equal=equal)
    return [
        Drawn(one.post, one.probability, name)
        for name, count in zip(names, sizes, strict=True)
        for one in random_sample(groups[name], count, rng)
    ]


def allocate(sizes: Sequence[int], total: int, *, equal: bool = False) -> list[int]:
    """Return how many posts each stratum gives: at least one, at most all.

    Parameters
    ----------
    sizes : sequence of int
        Number of posts of each stratum.
    total : int
        How many to draw in all.
    equal : bool
        Whether strata get equal shares.

    Returns
    -------
    list of int
        Their sum is `total`, or the number of strata, or of posts, if that is more or less.
    """
    given = [1] * len(sizes)
    while sum(given) < min(total, sum(sizes)):
        # The stratum that is furthest behind its share gets the next one.
        behind = [g / (1 if equal else n) if g < n else np.inf for g, n in zip(given, sizes, strict=True)]
        given[int(np.argmin(behind))] += 1
    return given


def weighted_sample(posts: Sequence[str], weights: Floats, size: int, rng: np.random.Generator) -> list[Drawn]:
    """Draw posts with probabilities proportional to weights, by systematic sampling in random order (Madow 1949).

    Parameters
    ----------
    posts : sequence of str
        The N posts.
    weights : ndarray of float64, shape (N,)
        How much each post is wanted, at least 0.
    size : int
        How many to draw; all when there are fewer.
    rng : numpy.random.Generator
        The source of chance.

    Returns
    -------
    list of Drawn
        The sample, in the order of `posts`.
    """
    if size >= len(posts):
        return [Drawn(post, 1.0) for post in posts]
    chances = probabilities(weights, size)
    order = rng.permutation(len(posts))
    ends = np.cumsum(chances[order])
    ticks = rng.uniform() + np.arange(size)
    at = np.minimum(np.searchsorted(ends, ticks, side="right"), len(posts) - 1)
    return [Drawn(posts[int(i)], float(chances[i])) for i in np.sort(order[at])]


def probabilities(weights: Floats, size: int) -> Floats:
    """Return the probabilities of a sample of fixed size: proportional to weights, at most 1, and none of them 0.

    Parameters
    ----------
    weights : ndarray of float64, shape (N,)
        How much each post is wanted, at least 0.
    size : int
        The size of the sample, at most N.

    Returns
    -------
    ndarray of float64, shape (N,)
        Their sum is `size`.
    """
    count = len(weights)
    total = float(weights.sum())
    shares = weights / total if total > 0 else np.full(count, 1 / count)
    shares = LEAST / count + (1 - LEAST) * shares
    sure = np.zeros(count, dtype=np.bool_)
    while True:
        rest = size - int(sure.sum())
        chances = np.where(sure, 1.0, rest * shares / max(float(shares[~sure].sum()), 1e-300))
        above = (chances > 1) & ~sure
        if not above.any():
            return np.minimum(chances, 1.0)
        sure |= above


def entropy(chances: Floats) -> Floats:
    """Return how unsure probabilities are: their binary entropy in bits, 0 where nothing is known."""
    p = np.clip(np.nan_to_num(chances, nan=0.0), 1e-12, 1 - 1e-12)
    found: Floats = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return found
