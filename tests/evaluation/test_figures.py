"""Figures compared with scikit-learn and the paper's counts, and changes that must not affect them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from tests.evaluation.made import COUNTS, ITEMS, matrix, noisy, paper_gold
from valex_local.evaluation.bootstrap import point_averages
from valex_local.evaluation.figures import all_assess, stack, support, tally, value_figures
from valex_local.schwartz import CIRCLE, Polarity, Value

ALL = np.ones((19, 2), dtype=bool)


def counted(gold, *runs, values=ALL):
    holds, probabilities = stack(runs, gold.ids)
    where = all_assess(gold.labels, holds)
    found = tally(gold.labels, holds, where, values & where.any(axis=0))
    return found, value_figures(gold.labels, probabilities, where, found)


@st.composite
def labelled(draw, low=1):
    """Gold labels and two runs of a route on some texts, with holes."""
    items = draw(st.integers(low, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)

    def one():
        holds = (generator.random((items, 19, 2)) < generator.random()).astype(float)
        holds[generator.random(holds.shape) < draw(st.sampled_from([0, 0.3]))] = np.nan
        return matrix(holds, generator.random(holds.shape))

    return one(), one(), one()


def test_averages_are_those_of_scikit_learn():
    gold = paper_gold()
    route = noisy(gold, 1.5, seed=1)
    found, _ = counted(gold, route)
    for p in (0, 1):
        truth, predicted = gold.labels[..., p], route.labels[..., p]
        p_, r_ = (f(truth, predicted, average="macro", zero_division=0) for f in (precision_score, recall_score))
        expected = [
            f1_score(truth, predicted, average="weighted", zero_division=0),
            f1_score(truth, predicted, average="macro", zero_division=0),
            2 * p_ * r_ / (p_ + r_),
        ]
        assert point_averages(found)[p] == pytest.approx(expected, abs=1e-9)


def test_values_are_those_of_scikit_learn():
    gold = paper_gold()
    route = noisy(gold, 1.5, seed=1)
    figures = counted(gold, route)[1][Polarity.PRESENT]
    assert [f.value for f in figures] == list(CIRCLE)
    for v, found in enumerate(figures):
        truth, predicted = gold.labels[:, v, 0], route.labels[:, v, 0]
        expected = [f(truth, predicted, zero_division=0) for f in (precision_score, recall_score, f1_score)]
        assert [found.precision, found.recall, found.f1] == pytest.approx(expected, abs=1e-6)
        ranked = average_precision_score(truth, route.probabilities[:, v, 0])
        assert found.average_precision == pytest.approx(ranked, abs=1e-6)
        assert found.support == COUNTS[Value(CIRCLE[v])][0]
        assert found.items == ITEMS


def test_always_yes_reaches_what_the_paper_s_counts_say():
    gold = paper_gold()
    enough = support(gold.labels, all_assess(gold.labels)) >= 30
    found, _ = counted(gold, matrix(np.ones_like(gold.labels)), values=enough)
    assert enough.sum(axis=0).tolist() == [14, 7]
    weighted = point_averages(found)[:, 0]
    assert np.round(weighted, 2).tolist() == [0.34, 0.25]
    # By the formula 2p / (1 + p), from the counts alone.
    for p in (0, 1):
        kept = np.array([counts[p] for counts in COUNTS.values() if counts[p] >= 30])
        assert weighted[p] == pytest.approx((kept * 2 * kept / (ITEMS + kept)).sum() / kept.sum())


def test_a_value_that_is_not_assessed_is_no_absence():
    gold = matrix(np.ones((4, 19, 2)))
    holds = np.ones((4, 19, 2))
    holds[:2, 0, 0] = np.nan
    holds[:, 1, 0] = np.nan
    _, figures = counted(gold, matrix(holds))
    first = figures[Polarity.PRESENT][0]
    assert (first.items, first.support, first.recall, first.f1) == (2, 2, 1, 1)
    assert CIRCLE[1] not in [f.value for f in figures[Polarity.PRESENT]]
    assert CIRCLE[1] in [f.value for f in figures[Polarity.CONFLICTED]]


def test_figures_of_runs_are_their_mean():
    gold = paper_gold()
    runs = [noisy(gold, signal, seed) for signal, seed in ((0.5, 1), (2, 2))]
    each = [point_averages(counted(gold, run)[0]) for run in runs]
    assert point_averages(counted(gold, *runs)[0]) == pytest.approx(np.mean(each, axis=0))
    f1 = [counted(gold, *r)[1][Polarity.CONFLICTED][7].f1 for r in ([runs[0]], [runs[1]], runs)]
    assert f1[2] == pytest.approx((f1[0] + f1[1]) / 2, abs=1e-6)


def test_nothing_to_divide_by_counts_as_0_and_is_reported():
    gold = matrix(np.zeros((3, 19, 2)))
    gold.labels[0, 0, 0] = 1
    _, figures = counted(gold, matrix(np.zeros((3, 19, 2))))
    seen, never = figures[Polarity.PRESENT][:2]
    assert (seen.precision, seen.recall, seen.f1) == (0, 0, 0)
    assert seen.zero_division == ("precision",)
    assert never.zero_division == ("precision", "recall", "f1")
    assert never.average_precision is None


def test_no_average_precision_without_probabilities():
    gold = paper_gold()
    route = noisy(gold, 1, seed=1)
    route.probabilities[5, 0, 0] = np.nan
    present = counted(gold, route)[1][Polarity.PRESENT]
    assert present[0].average_precision is None
    assert present[1].average_precision is not None


@settings(max_examples=20)
@given(labelled())
def test_all_figures_lie_between_0_and_1_and_touche_is_never_below_macro(made):
    gold, *runs = made
    found, figures = counted(gold, *runs)
    averages = point_averages(found)
    assert ((averages >= 0) & (averages <= 1 + 1e-12)).all()
    assert (averages[:, 2] >= averages[:, 1] - 1e-12).all()
    for value in (value for values in figures.values() for value in values):
        assert all(0 <= figure <= 1 for figure in (value.precision, value.recall, value.f1))
        assert value.f1 <= (value.precision + value.recall) / 2 + 1e-6


@settings(max_examples=20)
@given(labelled(), st.randoms())
def test_the_order_of_texts_changes_nothing(made, random):
    order = list(range(len(made[0])))
    random.shuffle(order)
    mixed = [one.take(order) for one in made]
    before, after = counted(*made), counted(*mixed)
    assert point_averages(after[0]) == pytest.approx(point_averages(before[0]))
    assert after[1] == before[1]


@settings(max_examples=20)
@given(labelled())
def test_each_text_counted_once_gives_the_figure_itself(made):
    found, _ = counted(*made)
    ones = np.ones((1, len(made[0])), dtype=np.float32)
    assert found.averages(ones)[0] == pytest.approx(point_averages(found))
    grouped = found.by_group(np.arange(len(made[0])) % 3)
    assert point_averages(grouped) == pytest.approx(point_averages(found))


@settings(max_examples=20)
@given(labelled(low=2))
def test_a_text_counted_twice_is_as_two_texts(made):
    found, _ = counted(*made)
    weights = np.ones((1, len(made[0])), dtype=np.float32)
    weights[0, 1] = 2
    rows = [*range(len(made[0])), 1]
    twice = [matrix(one.labels[rows], one.probabilities[rows]) for one in made]
    assert found.averages(weights)[0] == pytest.approx(point_averages(counted(*twice)[0]))
