"""The threshold with the best F1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from valex_local.evaluation.thresholds import tune

scored = st.lists(
    st.tuples(st.floats(0, 1) | st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1, max_size=30
).filter(lambda pairs: any(holds for _, holds in pairs))


def f1_at(threshold, probabilities, truth):
    return f1_score(truth, probabilities >= threshold, zero_division=0)


@pytest.mark.parametrize(
    ("probabilities", "truth", "expected"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], 0.5),
        ([0.1, 0.2, 0.4, 0.9], [0, 0, 1, 1], 0.3),
        ([0.6, 0.7], [1, 1], 0.3),
        ([0.0], [1], 0.0),
        ([1.0], [1], 0.5),
        ([0.5, 0.5, 0.5], [1, 0, 1], 0.25),
        # F1 is 2/3 from 0.2 on as from 0.8 on: 0.5 is nearer to the midpoint of 0.3 and 0.8.
        ([0.2, 0.3, 0.8, 0.1], [1, 0, 1, 0], 0.15),
    ],
)
def test_known_thresholds(probabilities, truth, expected):
    assert tune(np.array(probabilities), np.array(truth)) == pytest.approx(expected)


def test_of_two_equally_good_the_one_nearest_to_a_half_is_taken():
    # Yes from 0.3 on: 2 right of 4, F1 2/3; yes from 0.8 on: 1 right of 1, F1 2/3.
    probabilities, truth = np.array([0.3, 0.4, 0.7, 0.8]), np.array([1, 0, 0, 1])
    assert f1_at(0.15, probabilities, truth) == f1_at(0.75, probabilities, truth)
    assert tune(probabilities, truth) == pytest.approx(0.75)


@settings(deadline=None)
@given(scored)
def test_no_threshold_is_better(pairs):
    probabilities, truth = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    threshold = tune(probabilities, truth)
    assert 0 <= threshold <= 1
    every = [f1_at(t, probabilities, truth) for t in {0.0, 1.0, *probabilities}]
    assert f1_at(threshold, probabilities, truth) == pytest.approx(max(every))


@settings(deadline=None)
@given(scored, st.randoms())
def test_the_order_changes_nothing(pairs, random):
    mixed = list(pairs)
    random.shuffle(mixed)
    one, other = (tune(*(np.array(c, dtype=float) for c in zip(*p, strict=True))) for p in (pairs, mixed))
    assert one == other


@pytest.mark.parametrize(
    ("probabilities", "truth", "message"),
    [
        ([0.5, 0.6], [0, 0], "never holds"),
        ([0.5, 1.2], [0, 1], "in \\[0, 1\\]"),
        ([0.5, np.nan], [0, 1], "in \\[0, 1\\]"),
        ([0.5, 0.5], [np.nan, 1], "0 and 1"),
        ([0.5], [0, 1], "the same length"),
    ],
)
def test_what_cannot_be_tuned_is_refused(probabilities, truth, message):
    with pytest.raises(ValueError, match=message):
        tune(np.array(probabilities), np.array(truth))
