"""Calibration and cut-offs on few gold labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from valex_local.evaluation.platt import LEAST_SLOPE, NEVER, fit_platt, matching_cutoff

probabilities = st.lists(st.floats(0, 1).map(lambda p: round(p, 4)), min_size=1, max_size=40)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sample(number, slope, intercept, *, seed=0, outputs=1):
    chance = np.random.default_rng(seed)
    logits = chance.normal(-2, 1.5, (number, outputs))
    return logits, (chance.random(logits.shape) < sigmoid(slope * logits + intercept)).astype(float)


def test_slope_and_intercept_are_found() -> None:
    slopes, intercepts = fit_platt(*sample(20000, 0.6, 1.5, outputs=2))
    assert slopes == pytest.approx([0.6, 0.6], abs=0.05)
    assert intercepts == pytest.approx([1.5, 1.5], abs=0.1)


def test_the_slope_of_few_texts_is_drawn_towards_that_of_others() -> None:
    logits, truth = sample(3000, 0.5, 1, outputs=4)
    alone = sample(40, 2, 1, seed=5)
    logits[40:, 3], truth[40:, 3] = np.nan, np.nan
    logits[:40, 3:], truth[:40, 3:] = alone
    together, by_itself = fit_platt(logits, truth)[0], fit_platt(*alone)[0]
    assert together[:3] == pytest.approx([0.5] * 3, abs=0.1)
    assert 0.5 < together[3] < by_itself[0]


def test_a_model_that_ranks_backwards_gets_nearly_the_same_probability_for_all_texts() -> None:
    logits, truth = sample(500, -3, -2)
    slopes, intercepts = fit_platt(logits, truth)
    assert slopes[0] == LEAST_SLOPE
    assert sigmoid(slopes * logits + intercepts).mean() == pytest.approx(truth.mean(), abs=0.02)


@settings(max_examples=30)
@given(
    arrays.arrays(float, (12, 3), elements=st.floats(-9, 9)),
    arrays.arrays(float, (12, 3), elements=st.sampled_from([0.0, 1.0, np.nan])),
)
def test_slopes_are_positive_so_no_order_changes(logits, truth) -> None:
    slopes, intercepts = fit_platt(logits, truth)
    assert (slopes >= LEAST_SLOPE).all()
    assert np.isfinite(intercepts).all()


@given(probabilities, st.integers(0, 40))
def test_as_many_texts_are_called_as_ties_allow(found: list[float], positives: int) -> None:
    given_ = np.array(found)
    called = int((given_ >= matching_cutoff(given_, positives)).sum())
    possible = [int((given_ >= level).sum()) for level in (*found, NEVER)]
    assert abs(called - positives) == min(abs(each - positives) for each in possible)


def test_without_positives_nothing_is_called() -> None:
    assert matching_cutoff(np.array([0.2, 1.0]), 0) == NEVER
