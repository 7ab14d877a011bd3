"""Precision, recall and F1 by value and polarity, and their averages: the figures in the paper's tables.

All figures follow from three counts for each item, run, value and polarity: true positives, positives of the route, and
positives of the gold labels. The counts are kept by item, so that resampling items takes one matrix product (see
`bootstrap`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from valex_local.corpus.label_matrix import Bools, Floats, LabelMatrix
from valex_local.records import Part
from valex_local.schwartz import Polarity, Value

Z = 1.959964
"""Quantile of the normal distribution for a 95 % interval."""

AVERAGES = ("weighted_f1", "macro_f1", "touche_f1")
"""The averages over values, in the order of the last axis of `averages`."""

# Rounded before the bounds are checked: a mean of ones can differ from 1 in the last bit.
Figure = Annotated[float, AfterValidator(lambda x: round(x, 6))]
Share = Annotated[Figure, Field(ge=0, le=1)]


class Estimate(Part):
    """A figure and its 95 % interval; `low` and `high` are None without resampling."""

    value: Figure
    low: Figure | None = None
    high: Figure | None = None


class ValueFigures(Part):
    """The figures of one value in one polarity, averaged over the runs of the route.

    Attributes
    ----------
    items : int
        Texts that both the gold labels and the route assess.
    support : int
        Gold positives among them.
    f1_low, f1_high : float or None
        The 95 % interval of F1 (see `f1_interval`); None without gold positives.
    average_precision : float or None
        Area under the precision-recall curve, computed as in scikit-learn; None if the route gives no probabilities or
        there are no gold positives.
    zero_division : tuple of str
        Figures whose denominator is zero in some run; they count as 0 there.
    in_averages : bool
        Whether the value has enough support for the averages.
    """

    value: Value
    items: int
    support: int
    precision: Share
    recall: Share
    f1: Share
    f1_low: Share | None = None
    f1_high: Share | None = None
    average_precision: Share | None
    zero_division: tuple[str, ...] = ()
    in_averages: bool


class Averages(Part):
    """Averages of a route in one polarity over the values with enough support.

    Attributes
    ----------
    values : int
        Number of values in the averages.
    weighted_f1 : Estimate
        Mean F1, with each value weighted by its support (scikit-learn's ``average="weighted"``).
    macro_f1 : Estimate
        Unweighted mean of F1.
    touche_f1 : Estimate
        Harmonic mean of macro precision and macro recall, which the Touché ValueEval tasks call F1. It is never smaller
        than macro F1 (Opitz and Burst 2019), so do not compare the two.
    """

    values: int
    weighted_f1: Estimate
    macro_f1: Estimate
    touche_f1: Estimate


@dataclass(frozen=True, eq=False)
class Tally:
    """The counts by item from which all F1 figures of a route are computed.

    Attributes
    ----------
    counts : ndarray of float32, (N, R, 3, 19, 2)
        True positives, positives of the route, and positives of the gold labels, for each item and run. All are 0 where
        one of the two does not assess. float32 is exact for counts up to 16 million.
    values : ndarray of bool, (19, 2)
        Values in the averages.
    """

    counts: NDArray[np.float32]
    values: Bools

    def averages(self, weights: NDArray[np.float32]) -> Floats:
        """Return the averages with items weighted: weights (B, N) to averages (B, 2 polarities, 3 averages)."""
        items = len(self.counts)
        sums = weights @ self.counts.reshape(items, -1)
        return averages(sums.reshape(len(weights), *self.counts.shape[1:]).astype(np.float64), self.values)

    def by_group(self, groups: NDArray[np.intp]) -> Tally:
        """Return the tally by group; `groups` (N,) is the group of each item, numbered from 0."""
        counts = np.zeros((int(groups.max(initial=-1)) + 1, *self.counts.shape[1:]), dtype=np.float32)
        np.add.at(counts, groups, self.counts)
        return Tally(counts, self.values)


def stack(runs: Sequence[LabelMatrix], ids: Sequence[str]) -> tuple[Floats, Floats]:
    """Return the labels and the probabilities of some texts in all runs, both (R, N, 19, 2)."""
    aligned = [run.of(ids) for run in runs]
    return np.stack([a.labels for a in aligned]), np.stack([a.probabilities for a in aligned])


def all_assess(*labels: Floats) -> Bools:
    """Return where all sources assess, (N, 19, 2), given the labels (N, 19, 2) or (R, N, 19, 2) of each."""
    each = [~np.isnan(x) if x.ndim == 3 else ~np.isnan(x).any(axis=0) for x in labels]
    return np.asarray(np.logical_and.reduce(each))


def support(gold: Floats, where: Bools) -> NDArray[np.intp]:
    """Return the gold positives by value and polarity, (19, 2)."""
    return np.asarray(((gold == 1) & where).sum(axis=0))


def tally(gold: Floats, route: Floats, where: Bools, values: Bools) -> Tally:
    """Return the counts of true and predicted positives of a route.

    Parameters
    ----------
    gold : ndarray, (N, 19, 2)
        Gold labels: 1 where a polarity holds, 0 where it does not.
    route : ndarray, (R, N, 19, 2)
        Labels of each run.
    where : ndarray of bool, (N, 19, 2)
        What counts; both the gold labels and all runs must assess it.
    values : ndarray of bool, (19, 2)
        Values in the averages.

    Returns
    -------
    Tally
        Counts of N items and R runs.
    """
    predicted, true = (route == 1) & where, (gold == 1) & where
    counts = np.stack([predicted & true, predicted, np.broadcast_to(true, predicted.shape)], axis=2)
    return Tally(np.moveaxis(counts, 1, 0).astype(np.float32), values)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def scores(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 of counts (..., 3, 19, 2), each (..., 19, 2); 0 where a denominator is 0."""
    right, predicted, true = (counts[..., i, :, :] for i in range(3))
    return ratio(right, predicted), ratio(right, true), ratio(2 * right, predicted + true)


def f1_interval(counts: Floats) -> tuple[Floats, Floats]:
    """Return the 95 % interval of F1, of counts (..., 3, 19, 2), each (..., 19, 2); NaN without gold positives.

    F1 is 2 J / (1 + J), where J is the share of true positives in the texts that the route or the gold labels call
    positive. The interval is that of Wilson (1927) for J. Unlike a bootstrap it says something where a value has few
    positives: two of two right are [0.51, 1.00], not [1.00, 1.00]. It takes the texts as independent of one another.
    """
    right, predicted, true = (counts[..., i, :, :] for i in range(3))
    union = np.where(true > 0, predicted + true - right, np.nan)
    share, z2 = right / union, Z**2
    middle = share + z2 / (2 * union)
    half = Z * np.sqrt(share * (1 - share) / union + z2 / (4 * union**2))
    low, high = (np.clip((middle + sign * half) / (1 + z2 / union), 0, 1) for sign in (-1, 1))
    return 2 * low / (1 + low), 2 * high / (1 + high)


def averages(counts: Floats, values: Bools) -> Floats:
    """Return the averages over values, averaged over runs.

    Parameters
    ----------
    counts : ndarray, (..., R, 3, 19, 2)
        True positives, positives of the route, and positives of the gold labels, summed over items.
    values : ndarray of bool, (19, 2)
        Values in the averages.

    Returns
    -------
    ndarray, (..., 2, 3)
        `AVERAGES` by polarity; 0 in a polarity without values.
    """
    precision, recall, f1 = scores(counts)
    weight = counts[..., 2, :, :] * values
    weighted = ratio((f1 * weight).sum(axis=-2), weight.sum(axis=-2))
    number = np.maximum(values.sum(axis=0), 1)
    macro, p, r = ((each * values).sum(axis=-2) / number for each in (f1, precision, recall))
    return np.asarray(np.stack([weighted, macro, ratio(2 * p * r, p + r)], axis=-1).mean(axis=-3))


def average_precision(gold: Floats, probabilities: Floats, where: Bools) -> Floats:
    """Return the average precision by value and polarity, as defined by scikit-learn.

    Parameters
    ----------
    gold : ndarray, (N, 19, 2)
        Gold labels: 1 where a polarity holds, 0 where it does not.
    probabilities : ndarray, (R, N, 19, 2)
        Probabilities of each run, in [0, 1].
    where : ndarray of bool, (N, 19, 2)
        What counts.

    Returns
    -------
    ndarray, (19, 2)
        Mean over runs; NaN where an item that counts has no probability, or where no item is a gold positive.
    """
    from sklearn.metrics import average_precision_score

    found = np.full(where.shape[1:], np.nan)
    for column, polarity in np.argwhere(support(gold, where) > 0):
        rows = where[:, column, polarity]
        given = probabilities[:, rows, column, polarity]
        if not np.isnan(given).any():
            truth = gold[rows, column, polarity]
            found[column, polarity] = np.mean([average_precision_score(truth, run) for run in given])
    return found


def value_figures(
    gold: Floats, probabilities: Floats, where: Bools, counted: Tally
) -> dict[Polarity, tuple[ValueFigures, ...]]:
    """Return the figures of each value by polarity.

    Parameters
    ----------
    gold, probabilities, where : ndarray, (N, 19, 2), (R, N, 19, 2) and (N, 19, 2)
        As for `average_precision`.
    counted : Tally
        The tally of the same route and items.

    Returns
    -------
    dict of Polarity to tuple of ValueFigures
        The values that are assessed, in the order of the theory; others are left out.
    """
    sums = counted.counts.sum(axis=0, dtype=np.float64)
    each = [figure.mean(axis=0) for figure in scores(sums)]
    low, high = (bound.mean(axis=0) for bound in f1_interval(sums))
    ranked = average_precision(gold, probabilities, where)
    found: dict[Polarity, tuple[ValueFigures, ...]] = {}
    for p, polarity in enumerate(Polarity):
        items = where[:, :, p].sum(axis=0)
        found[polarity] = tuple(
            ValueFigures(
                value=value,
                items=int(items[v]),
                support=int(sums[0, 2, v, p]),
                precision=float(each[0][v, p]),
                recall=float(each[1][v, p]),
                f1=float(each[2][v, p]),
                f1_low=_known(low[v, p]),
                f1_high=_known(high[v, p]),
                average_precision=_known(ranked[v, p]),
                zero_division=_undefined(sums[:, :, v, p]),
                in_averages=bool(counted.values[v, p]),
            )
            for v, value in enumerate(Value)
            if items[v]
        )
    return found


def _known(figure: float) -> float | None:
    return None if np.isnan(figure) else float(figure)


def _undefined(counts: Floats) -> tuple[str, ...]:
    """Return the names of the figures whose denominator is 0 in some run; `counts` is (R, 3)."""
    denominators = {"precision": counts[:, 1], "recall": counts[:, 2], "f1": counts[:, 1] + counts[:, 2]}
    return tuple(name for name, denominator in denominators.items() if (denominator == 0).any())
