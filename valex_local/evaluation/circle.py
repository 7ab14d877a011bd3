"""Errors of a route by position on the circle of values, and its F1 by the support of a value.

According to the theory, neighbours on the circle go together and opposite values conflict. A route that understands
values confuses neighbours; the errors of one that guesses fall anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import numpy as np

from valex_local.corpus.label_matrix import Bools, Floats
from valex_local.evaluation.figures import Figure, Share, ValueFigures, ratio
from valex_local.records import Part
from valex_local.schwartz import CIRCLE, Value

SUPPORT_BINS = (1, 10, 30, 100, 300, 1000)
"""Lowest support in each bin of the frequency analysis."""

_FEWEST_FOR_RANKS = 3


class Relation(StrEnum):
    """The relation of two values on the circle."""

    ADJACENT = "adjacent"
    TWO_STEPS = "within two steps"
    SAME_ORDER = "same higher order"
    OPPOSING = "opposing"


def steps(one: Value, other: Value) -> int:
    """Return the number of steps between two values on the circle, the shorter way round."""
    apart = abs(CIRCLE.index(one) - CIRCLE.index(other))
    return min(apart, len(CIRCLE) - apart)


_RULES: Mapping[Relation, Callable[[Value, Value], bool]] = {
    Relation.ADJACENT: lambda one, other: steps(one, other) == 1,
    Relation.TWO_STEPS: lambda one, other: 1 <= steps(one, other) <= 2,
    Relation.SAME_ORDER: lambda one, other: one is not other and bool({*one.higher_orders} & {*other.higher_orders}),
    Relation.OPPOSING: lambda one, other: one.opposes(other),
}


def related(relation: Relation) -> Bools:
    """Return which values are in a relation to each other: (19, 19), symmetric, False on the diagonal.

    A value on a border belongs to two higher orders, so it can share one with another value and oppose it through the
    other.
    """
    rule = _RULES[relation]
    return np.array([[rule(one, other) for other in CIRCLE] for one in CIRCLE])


class Confusion(Part):
    """Which related values the gold labels show in the texts where a route has false positives, in one polarity.

    Attributes
    ----------
    relation : Relation
        Relation of the value in the gold labels to the one that the route predicted.
    false_positives : int
        False positives of the route, over all runs.
    observed : float
        Share of them in texts where the gold labels show a value in that relation.
    expected : float
        The same share if the false positives of each value fell at random on texts without that value: for each value,
        the share of those texts that show a related value, averaged by false positives.
    lift : float or None
        Observed over expected; None if the expected share is 0. Texts with many values attract more errors of any kind,
        so compare the lift of neighbours with that of opposing values.
    """

    relation: Relation
    false_positives: int
    observed: Share
    expected: Share
    lift: Figure | None


def confusion(gold: Floats, route: Floats, where: Bools) -> tuple[Confusion, ...]:
    """Return the confusions of a route in one polarity, by relation.

    Parameters
    ----------
    gold : ndarray, (N, 19)
        Gold labels; a value that was not assessed counts as not shown.
    route : ndarray, (R, N, 19)
        Labels of each run.
    where : ndarray of bool, (N, 19)
        The cases that count.

    Returns
    -------
    tuple of Confusion
        One for each relation; empty if the route has no false positives.
    """
    wrong = ((route == 1) & (gold == 0) & where).sum(axis=0)  # (N, 19), over runs
    total = int(wrong.sum())
    if not total:
        return ()
    free = (gold == 0) & where
    found = []
    for relation in Relation:
        near = (gold == 1).astype(np.int64) @ related(relation) > 0
        observed = (wrong * near).sum() / total
        by_value = ratio((free & near).sum(axis=0).astype(float), free.sum(axis=0))
        expected = float(by_value @ wrong.sum(axis=0)) / total
        lift = observed / expected if expected else None
        found.append(
            Confusion(relation=relation, false_positives=total, observed=observed, expected=expected, lift=lift)
        )
    return tuple(found)


class SupportBin(Part):
    """The values whose support is in [low, high); `high` is None for the last bin.

    `always_yes_f1` is the F1 of the always-yes baseline on them. F1 grows with support for any route, so only the
    difference from this baseline is informative.
    """

    low: int
    high: int | None
    values: tuple[Value, ...]
    mean_f1: Share
    always_yes_f1: Share


class BySupport(Part):
    """F1 by the support of a value: the paper's frequency analysis.

    `spearman` is the rank correlation of support and F1 over the values with support; None for fewer than three values,
    or if all are equal.
    """

    bins: tuple[SupportBin, ...]
    spearman: Figure | None


def by_support(figures: Sequence[ValueFigures]) -> BySupport:
    """Return F1 by support, over the values of a polarity that a route assesses and that have positives."""
    seen = [value for value in figures if value.support]
    bins = []
    for low, high in zip(SUPPORT_BINS, (*SUPPORT_BINS[1:], None), strict=True):
        inside = [value for value in seen if value.support >= low and (high is None or value.support < high)]
        if inside:
            always = [2 * value.support / (value.items + value.support) for value in inside]
            bins.append(
                SupportBin(
                    low=low,
                    high=high,
                    values=tuple(value.value for value in inside),
                    mean_f1=float(np.mean([value.f1 for value in inside])),
                    always_yes_f1=float(np.mean(always)),
                )
            )
    return BySupport(bins=tuple(bins), spearman=_spearman([v.support for v in seen], [v.f1 for v in seen]))


def _spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    from scipy.stats import spearmanr

    if len(one) < _FEWEST_FOR_RANKS or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return float(spearmanr(one, other).statistic)
