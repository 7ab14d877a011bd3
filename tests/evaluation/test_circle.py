"""Errors on the circle, and F1 by support."""

import numpy as np
import pytest

from tests.evaluation.made import noisy, paper_gold
from valex_local.evaluation.circle import Relation, by_support, confusion, related, steps
from valex_local.evaluation.figures import ValueFigures
from valex_local.schwartz import CIRCLE, Value

AT = {value: i for i, value in enumerate(CIRCLE)}


def test_steps_go_the_shorter_way_round():
    assert steps(Value.SELF_DIRECTION_THOUGHT, Value.UNIVERSALISM_TOLERANCE) == 1
    assert steps(Value.UNIVERSALISM_NATURE, Value.SELF_DIRECTION_ACTION) == 3
    assert steps(Value.FACE, Value.FACE) == 0
    assert max(steps(a, b) for a in CIRCLE for b in CIRCLE) == 9


def test_relations():
    for relation in Relation:
        matrix = related(relation)
        assert (matrix == matrix.T).all()
        assert not matrix.diagonal().any()
    assert (related(Relation.ADJACENT).sum(axis=0) == 2).all()
    assert (related(Relation.TWO_STEPS).sum(axis=0) == 4).all()
    assert related(Relation.SAME_ORDER)[AT[Value.ACHIEVEMENT], AT[Value.FACE]]
    assert related(Relation.OPPOSING)[AT[Value.ACHIEVEMENT], AT[Value.BENEVOLENCE_CARING]]
    assert not related(Relation.OPPOSING)[AT[Value.ACHIEVEMENT], AT[Value.TRADITION]]


def confused(gold, route):
    found = confusion(gold, route[None], np.ones(gold.shape, dtype=bool))
    return {one.relation: one for one in found}


def test_a_route_that_names_the_neighbour():
    """Each text shows one value; the route predicts the next one on the circle."""
    gold = np.tile(np.eye(19), (5, 1))
    found = confused(gold, np.roll(gold, 1, axis=1))
    adjacent = found[Relation.ADJACENT]
    assert adjacent.false_positives == 95
    assert adjacent.observed == 1
    # Of the 90 texts without a value, 10 hold one of its two neighbours.
    assert adjacent.expected == pytest.approx(10 / 90, abs=1e-6)
    assert adjacent.lift == pytest.approx(9)
    assert found[Relation.OPPOSING].lift < 1


def test_a_route_that_names_the_value_across():
    gold = np.tile(np.eye(19), (5, 1))
    route = np.zeros_like(gold)
    for row, value in enumerate(gold.argmax(axis=1)):
        across = np.flatnonzero(related(Relation.OPPOSING)[value])
        route[row, across[0]] = 1
    found = confused(gold, route)
    assert found[Relation.OPPOSING].observed == 1
    assert found[Relation.OPPOSING].lift > 1 > found[Relation.ADJACENT].lift


def test_a_route_that_guesses_has_a_lift_of_1():
    gold = paper_gold()
    found = confused(gold.labels[..., 0], noisy(gold, 0, seed=5).labels[..., 0])
    for one in found.values():
        assert one.lift == pytest.approx(1, abs=0.1)
    always = confused(gold.labels[..., 0], np.ones((888, 19)))
    for one in always.values():
        assert one.lift == pytest.approx(1, abs=1e-6)


def test_only_what_both_speak_of_is_an_error():
    gold, route = np.zeros((2, 19)), np.zeros((1, 2, 19))
    gold[0, 0], gold[1, 5] = np.nan, 1
    route[0, 0, 0] = route[0, 1, 6] = 1
    where = ~np.isnan(gold)
    assert {one.false_positives for one in confusion(gold, route, where)} == {1}
    assert confusion(gold, np.zeros((1, 2, 19)), where) == ()


def figures(*pairs, items=1000):
    rest = {"precision": 0, "recall": 0, "average_precision": None, "in_averages": True}
    return [
        ValueFigures(value=CIRCLE[i], items=items, support=support, f1=f1, **rest)
        for i, (support, f1) in enumerate(pairs)
    ]


def test_f1_by_support():
    found = by_support(figures((5, 0.1), (9, 0.3), (10, 0.2), (299, 0.5), (300, 0.6), (0, 0)))
    assert [(b.low, b.high, len(b.values), b.mean_f1) for b in found.bins] == [
        (1, 10, 2, 0.2),
        (10, 30, 1, 0.2),
        (100, 300, 1, 0.5),
        (300, 1000, 1, 0.6),
    ]
    assert found.bins[-1].always_yes_f1 == pytest.approx(600 / 1300, abs=1e-6)
    assert found.spearman == pytest.approx(0.9)


def test_ranks_need_three_values_and_some_difference():
    assert by_support(figures((5, 0.1), (9, 0.3))).spearman is None
    assert by_support(figures((5, 0.1), (9, 0.1), (10, 0.1))).spearman is None
    assert by_support(figures((5, 0.3), (9, 0.2), (10, 0.1))).spearman == -1
    assert by_support([]).bins == ()
