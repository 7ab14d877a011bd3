"""Where on the circle of values a route errs, and how its F1 hangs on how often a value is seen.

The theory says that neighbours on the circle go together and that values across it conflict. A route that understands
values confuses neighbours; one that guesses errs anywhere.
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
"""Least support of each bin of the frequency analysis."""

_FEWEST_FOR_RANKS = 3


class Relation(StrEnum):
    """How two values stand to each other on the circle."""

    ADJACENT = "adjacent"
    TWO_STEPS = "within two steps"
    SAME_ORDER = "same higher order"
    OPPOSING = "opposing"


def steps(one: Value, other: Value) -> int:
    """Return how many steps lie between two values on the circle, the shorter way round."""
    apart = abs(CIRCLE.index(one) - CIRCLE.index(other))
    return min(apart, len(CIRCLE) - apart)


_RULES: Mapping[Relation, Callable[[Value, Value], bool]] = {
    Relation.ADJACENT: lambda one, other: steps(one, other) == 1,
    Relation.TWO_STEPS: lambda one, other: 1 <= steps(one, other) <= 2,
    Relation.SAME_ORDER: lambda one, other: one is not other and bool({*one.higher_orders} & {*other.higher_orders}),
    Relation.OPPOSING: lambda one, other: one.opposes(other),
}


def related(relation: Relation) -> Bools:
    """Return which values stand in a relation, (19, 19), symmetric; no value does to itself.

    A value on a border belongs to both its higher orders, so it may share one with a value and oppose it by the other.
    """
    rule = _RULES[relation]
    return np.array([[rule(one, other) for other in CIRCLE] for one in CIRCLE])


class Confusion(Part):
    """What the gold labels hold where a route says yes and they do not, in one polarity.

    Attributes
    ----------
    relation : Relation
        How the values held stand to the one that the route named.
    false_positives : int
        Wrong yes of the route, all runs together.
    observed : float
        Share of them in whose text the gold labels hold a value so related.
    expected : float
        The share if the wrong yes of each value fell on any text in which that value does not hold: for each value, how
        many of those texts hold a value so related, weighted by its false positives.
    lift : float or None
        Observed over expected; None where nothing is expected. Texts with many values draw more errors of any kind, so
        what tells is the lift of neighbours beside that of opposing values.
    """

    relation: Relation
    false_positives: int
    observed: Share
    expected: Share
    lift: Figure | None


def confusion(gold: Floats, route: Floats, where: Bools) -> tuple[Confusion, ...]:
    """Return the confusions of a route in one polarity, one for each relation; none without false positives.

    Parameters
    ----------
    gold : ndarray, (N, 19)
        What holds; where nobody said, a value counts as not held.
    route : ndarray, (R, N, 19)
        What each run says.
    where : ndarray of bool, (N, 19)
        What counts.
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
    """The values whose support lies in [low, high); `high` is None for the last bin.

    `always_yes_f1` is what always saying yes would reach on them: F1 grows with support for any route, so only the
    distance to it says something.
    """

    low: int
    high: int | None
    values: tuple[Value, ...]
    mean_f1: Share
    always_yes_f1: Share


class BySupport(Part):
    """F1 by how often a value is seen, the paper's frequency analysis.

    `spearman` is the rank correlation of support and F1 over the values with support; None for fewer than three values
    or where all are equal.
    """

    bins: tuple[SupportBin, ...]
    spearman: Figure | None


def by_support(figures: Sequence[ValueFigures]) -> BySupport:
    """Return F1 by support, over all values of a polarity that a route assesses and the gold labels hold somewhere."""
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
