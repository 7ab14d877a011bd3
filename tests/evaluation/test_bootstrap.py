"""Intervals and paired differences."""

import time

import numpy as np
import pytest

from tests.evaluation.made import matrix, noisy, paper_gold
from valex_local.evaluation.bootstrap import difference, draws, estimate, point_averages, resample
from valex_local.evaluation.figures import all_assess, stack, tally

ALL = np.ones((19, 2), dtype=bool)


def counted(gold, *runs):
    holds, _ = stack(runs, gold.ids)
    return tally(gold.labels, holds, all_assess(gold.labels, holds), ALL)


@pytest.fixture(scope="module")
def gold():
    return paper_gold()


def test_every_unit_is_drawn_as_often_as_there_are_units():
    drawn = np.concatenate(list(draws(50, 400, seed=3)))
    assert drawn.shape == (400, 50)
    assert (drawn.sum(axis=1) == 50).all()
    assert drawn.mean(axis=0) == pytest.approx(np.ones(50), abs=0.25)
    assert drawn.var() == pytest.approx(1, abs=0.1)


def test_draws_do_not_hang_on_how_many_fit_into_memory(monkeypatch):
    whole = np.concatenate(list(draws(20, 30, seed=1)))
    monkeypatch.setattr("valex_local.evaluation.bootstrap._CELLS", 100)
    assert len(list(draws(20, 30, seed=1))) == 6
    assert (np.concatenate(list(draws(20, 30, seed=1))) == whole).all()


def test_same_seed_same_interval(gold):
    found = counted(gold, noisy(gold, 1.5, 1))
    one, same, other = (resample([found], resamples=100, seed=seed)[0] for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_an_interval_holds_the_figure_and_is_as_wide_as_theory_says():
    # One value, precision 1 and recall r: F1 is 2r / (1 + r), and r is a share of 400 gold positives.
    items, recall = 400, 0.5
    gold = matrix(np.ones((items, 19, 2)))
    holds = np.zeros((items, 19, 2))
    holds[: int(items * recall)] = 1
    found = counted(gold, matrix(holds))
    draws = resample([found], resamples=4000, seed=0)[0][:, 0, 1]
    interval = estimate(float(point_averages(found)[0, 1]), draws)
    assert interval.low < interval.value < interval.high
    spread = 1.96 * np.sqrt(recall * (1 - recall) / items) * 2 / (1 + recall) ** 2
    assert interval.high - interval.low == pytest.approx(2 * spread, rel=0.1)


def test_groups_that_err_as_one_widen_the_interval():
    items = 400
    gold = matrix(np.ones((items, 19, 2)))
    groups = np.arange(items) // 20
    holds = np.broadcast_to((groups % 2 == 0)[:, None, None], (items, 19, 2)).astype(float)
    found = counted(gold, matrix(holds))
    single, grouped = (
        np.ptp(np.percentile(resample([t], resamples=1000, seed=0)[0][:, 0, 1], [2.5, 97.5]))
        for t in (found, found.by_group(groups))
    )
    assert grouped == pytest.approx(single * np.sqrt(20), rel=0.2)


def test_identical_routes_do_not_differ(gold):
    one = counted(gold, noisy(gold, 1.5, 1))
    draws = resample([one, one], resamples=200, seed=0)
    found = difference(0.0, (draws[0] - draws[1])[:, 0, 0])
    assert (found.low, found.high, found.not_above) == (0, 0, 1)


def test_equally_good_routes_do_not_differ_surely(gold):
    one, other = (counted(gold, noisy(gold, 1.5, seed)) for seed in (1, 2))
    draws = resample([one, other], resamples=1000, seed=0)
    found = difference(float((point_averages(one) - point_averages(other))[0, 0]), (draws[0] - draws[1])[:, 0, 0])
    assert found.low < 0 < found.high
    assert 0.02 < found.not_above < 0.98


def test_a_better_route_is_better_beyond_doubt(gold):
    better, worse = counted(gold, noisy(gold, 2.5, 1)), counted(gold, noisy(gold, 1.5, 2))
    draws = resample([better, worse], resamples=1000, seed=0)
    for sign in (1, -1):
        found = difference(
            sign * float((point_averages(better) - point_averages(worse))[0, 0]), sign * (draws[0] - draws[1])[:, 0, 0]
        )
        assert (found.low > 0) == (sign > 0)
        assert (found.high < 0) == (sign < 0)
        assert found.not_above == (0 if sign > 0 else 1)


def test_a_pair_is_resampled_together(gold):
    """A route and the same route with a few labels corrected differ little in every resample."""
    route = noisy(gold, 1.5, 1)
    corrected = matrix(route.labels.copy(), ids=gold.ids)
    corrected.labels[:20] = gold.labels[:20]
    one, other = counted(gold, corrected), counted(gold, route)
    draws = resample([one, other], resamples=500, seed=0)
    assert (draws[0] - draws[1])[:, 0, 0].std() < draws[0][:, 0, 0].std() / 2


def test_without_resamples_there_is_no_interval(gold):
    found = counted(gold, noisy(gold, 1.5, 1))
    (draws,) = resample([found], resamples=0, seed=0)
    assert draws.shape == (0, 2, 3)
    assert estimate(0.5, draws[:, 0, 0]).low is None
    assert difference(0.5, draws[:, 0, 0]).not_above is None
    assert resample([], resamples=10, seed=0) == []


def test_thousands_of_texts_and_resamples_take_seconds():
    generator = np.random.default_rng(0)
    gold = matrix(generator.random((7289, 19, 2)) < 0.1)
    runs = [matrix(generator.random((7289, 19, 2)) < 0.15) for _ in range(3)]
    started = time.perf_counter()
    (draws,) = resample([counted(gold, *runs)], resamples=2000, seed=0)
    assert draws.shape == (2000, 2, 3)
    assert time.perf_counter() - started < 10
