"""Estimates: intervals hold where machine labels err, and agree with formulas where there are any."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.estimates import DESIGNS, QUESTIONS, simulate
from valex_local.inference.estimators import Data, Link, Method, estimate

REPEATS = 1000


@pytest.fixture(scope="module")
def rows():
    return {(row.design, row.question, row.method): row for row in simulate(REPEATS)}


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_hold_where_the_machine_s_do_not(rows, design: str, question: str):
    corrected, gold, machine = (rows[design, question, method] for method in Method)
    assert 0.925 <= corrected.coverage <= 0.975
    assert machine.coverage < 0.7
    assert corrected.width < gold.width


def labels(n: int, coded: int, seed: int, *, right: bool = False) -> Data:
    rng = np.random.default_rng(seed)
    truth = (rng.uniform(size=n) < 0.3).astype(float)
    machine = truth if right else (rng.uniform(size=n) < 0.5).astype(float)
    gold, probability = np.full(n, np.nan), np.full(n, np.nan)
    at = rng.choice(n, coded, replace=False)
    gold[at], probability[at] = truth[at], coded / n
    return Data(machine, gold, probability, np.arange(n))


@given(st.integers(0, 50))
def test_gold_alone_is_the_mean_of_a_random_sample(seed: int):
    data = labels(400, 60, seed)
    value, low, high = estimate(data, np.ones((400, 1)), Method.GOLD).interval()
    gold = data.gold[data.sampled]
    assert value == pytest.approx(gold.mean())
    error = gold.std(ddof=1) / np.sqrt(60)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.03)


def test_a_machine_that_is_right_makes_the_interval_narrow_and_one_that_is_not_changes_little():
    ones = np.ones((400, 1))
    for right in (True, False):
        data = labels(400, 60, 3, right=right)
        (_, low, high), (_, gold_low, gold_high) = (
            estimate(data, ones, method).interval() for method in (Method.CORRECTED, Method.GOLD)
        )
        ratio = (high - low) / (gold_high - gold_low)
        assert ratio < 0.6 if right else 0.9 < ratio <= 1.0


def test_a_difference_is_the_difference_of_means():
    data = labels(400, 100, 5)
    second = (np.arange(400) % 2).astype(float)
    covariates = np.column_stack([np.ones(400), second])
    value, *_ = estimate(data, covariates, Method.GOLD).interval(1)
    coded = data.sampled
    means = [data.gold[coded & (second == group)].mean() for group in (0, 1)]
    assert value == pytest.approx(means[1] - means[0])


def test_a_logistic_regression_agrees_with_scikit_learn():
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 2))
    y = (rng.uniform(size=500) < 1 / (1 + np.exp(0.5 - x[:, 0]))).astype(float)
    data = Data(y, np.full(500, np.nan), np.full(500, np.nan), np.arange(500))
    found = estimate(data, np.column_stack([np.ones(500), x]), Method.MACHINE, Link.LOGISTIC).values
    fit = linear.LogisticRegression(C=1e8, tol=1e-8, max_iter=1000).fit(x, y)
    assert found == pytest.approx([*fit.intercept_, *fit.coef_[0]], abs=1e-3)


def test_posts_of_one_author_widen_the_interval():
    n = 300
    author = np.repeat(np.arange(30), 10)
    truth = np.repeat((np.random.default_rng(1).uniform(size=30) < 0.4).astype(float), 10)
    apart = Data(truth, truth, np.ones(n), np.arange(n))
    together = Data(truth, truth, np.ones(n), author)
    ones = np.ones((n, 1))
    widths = [np.diff(estimate(d, ones, Method.GOLD).interval()[1:])[0] for d in (apart, together)]
    assert widths[1] > 2.5 * widths[0]


def test_what_cannot_be_estimated_says_why():
    data = labels(100, 1, 0)
    assert estimate(data, np.ones((100, 1)), Method.CORRECTED).interval() is None
    apart = Data(np.zeros(100), np.zeros(100), np.ones(100), np.arange(100))
    constant = np.ones((100, 2))
    assert "covariates" in estimate(apart, constant, Method.MACHINE).why_not
