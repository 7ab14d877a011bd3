"""Means over posts, with intervals from resampling authors, or posts if no author is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.comparison.results import FigureRow, Measures, PostComparison, Shared, SharedRow
from valex_local.corpus.label_matrix import Floats
from valex_local.errors import InputError
from valex_local.evaluation.bootstrap import difference, draws, estimate
from valex_local.evaluation.figures import Estimate

AUTHOR, NO_GROUP = "author", "none"


@dataclass(frozen=True, eq=False)
class Resampling:
    """How posts are resampled.

    Attributes
    ----------
    units : ndarray of int, (N,)
        The author of each post, numbered from 0, or the number of the post itself.
    grouped_by : str or None
        None for single posts.
    resamples, seed : int
        Number of resamples and seed of the bootstrap. A single unit is not resampled.
    """

    units: NDArray[np.intp]
    grouped_by: str | None
    resamples: int
    seed: int

    @property
    def groups(self) -> int | None:
        """Return the number of groups; None for single posts."""
        return self._count if self.grouped_by is not None else None

    @property
    def _count(self) -> int:
        return int(self.units.max(initial=-1)) + 1

    def weights(self) -> Iterator[NDArray[np.float32]]:
        """Yield how often each post is drawn in each resample, (b, N), some resamples at a time."""
        for drawn in draws(self._count, self.resamples if self._count > 1 else 0, self.seed):
            yield drawn[:, self.units]


def resampling(posts: Sequence[PostComparison], group: str | None, resamples: int, seed: int) -> Resampling:
    """Return how to resample posts: by author if any is known, else one by one.

    Parameters
    ----------
    posts : sequence of PostComparison, (N,)
        The posts. One without an author is a group of its own.
    group : {"author", "none"} or None
        ``author`` requires authors, ``none`` resamples single posts in any case.
    resamples, seed : int
        Number of resamples and seed of the bootstrap.

    Returns
    -------
    Resampling
        The units to draw.

    Raises
    ------
    InputError
        Authors were asked for, but none is known.
    """
    known = any(post.author is not None for post in posts)
    if group == AUTHOR and not known:
        raise InputError("none of these posts has a known author", hint="Leave out --group")
    if group == NO_GROUP or not known:
        return Resampling(np.arange(len(posts)), None, resamples, seed)
    names = [("post", post.post) if post.author is None else (AUTHOR, post.author) for post in posts]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return Resampling(np.array([numbers[name] for name in names], dtype=np.intp), AUTHOR, resamples, seed)


class Means:
    """Means over posts and over resamples of them.

    Parameters
    ----------
    values : ndarray of float64, (N, F)
        Figures of each post; NaN where a post has none.
    how : Resampling
        How to resample.

    Attributes
    ----------
    counts : ndarray of int, (F,)
        Number of posts that have the figure.
    means : ndarray of float64, (F,)
        Means over those posts; NaN if there are none.
    drawn : ndarray of float64, (B, F)
        The means in each resample; NaN if it contains no post with the figure.
    """

    def __init__(self, values: Floats, how: Resampling) -> None:
        self.counts = (~np.isnan(values)).sum(axis=0)
        self.means = _means(np.ones((1, len(values)), dtype=np.float32), values)[0]
        parts = [_means(weights, values) for weights in how.weights()]
        self.drawn = np.concatenate(parts) if parts else np.empty((0, values.shape[1]))

    def estimate(self, column: int) -> Estimate | None:
        """Return a mean with its interval."""
        drawn = self.drawn[:, column]
        return estimate(float(self.means[column]), drawn[~np.isnan(drawn)]) if self.counts[column] else None


def _means(weights: NDArray[np.float32], values: Floats) -> Floats:
    """Return weighted means of figures (N, F) over posts: weights (B, N) to means (B, F)."""
    known = ~np.isnan(values)
    sums, counts = weights @ np.where(known, values, 0.0), weights @ known.astype(np.float64)
    found: Floats = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return found


def rows(posts: Sequence[PostComparison], how: Resampling) -> Iterator[FigureRow]:
    """Yield the mean figures of both scripts over the posts that have them for both, with paired differences."""
    names = tuple(Measures.model_fields)
    one, other = (_table(scripts, names) for scripts in ([p.first for p in posts], [p.second for p in posts]))
    lacking = np.isnan(one) | np.isnan(other)
    one[lacking] = other[lacking] = np.nan
    first, second = Means(one, how), Means(other, how)
    for column, name in enumerate(names):
        drawn = first.drawn[:, column] - second.drawn[:, column]
        gap = float(first.means[column] - second.means[column])
        yield FigureRow(
            name=name,
            posts=int(first.counts[column]),
            first=first.estimate(column),
            second=second.estimate(column),
            difference=difference(gap, drawn[~np.isnan(drawn)]) if first.counts[column] else None,
        )


def shared_rows(posts: Sequence[PostComparison], how: Resampling) -> Iterator[SharedRow]:
    """Yield the mean figures that describe both scripts together."""
    names = tuple(Shared.model_fields)
    found = Means(_table([post.shared for post in posts], names), how)
    for column, name in enumerate(names):
        yield SharedRow(name=name, posts=int(found.counts[column]), mean=found.estimate(column))


def agreeing(posts: Sequence[PostComparison], route: str, how: Resampling) -> Estimate | None:
    """Return the share of values that have the same state in both scripts, averaged over posts.

    Parameters
    ----------
    posts : sequence of PostComparison, (N,)
        The posts.
    route : str
        The route that gave the labels.
    how : Resampling
        How to resample.

    Returns
    -------
    Estimate or None
        The mean with its interval; None if no post has labels by this route.
    """
    shares = [next((label.agreeing for label in post.labels if label.route == route), None) for post in posts]
    return Means(np.array([shares], dtype=np.float64).T, how).estimate(0)


def _table(records: Sequence[Measures] | Sequence[Shared], names: Sequence[str]) -> Floats:
    """Return figures of records, (N, F); NaN for None."""
    return np.array([[getattr(record, name) for name in names] for record in records], dtype=np.float64)
