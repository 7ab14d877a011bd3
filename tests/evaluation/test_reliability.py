"""Agreement with intervals, and the alternative annotator test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.evaluation.agreement import View
from valex_local.evaluation.alternative_annotator import _rejected, alternative_annotator
from valex_local.evaluation.reliability import Mark, reliability
from valex_local.schwartz import CIRCLE

krippendorff = pytest.importorskip("krippendorff")


def labels(present: np.ndarray, conflicted: np.ndarray | None = None) -> LabelMatrix:
    """Return labels from (N, 19) of 0, 1 and NaN."""
    matrix = LabelMatrix.empty([f"p{n}" for n in range(len(present))])
    matrix.labels[:, :, 0] = present
    matrix.labels[:, :, 1] = np.where(np.isnan(present), np.nan, 0.0) if conflicted is None else conflicted
    return matrix


def column(cells: np.ndarray) -> np.ndarray:
    """Return cells, (N,), as the labels of the first value, with nothing known of the others."""
    found = np.full((len(cells), len(CIRCLE)), np.nan)
    found[:, 0] = cells
    return found


CELLS = st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=3, max_size=3), min_size=2, max_size=30).map(
    lambda rows: np.array(rows).T
)


@settings(max_examples=60)
@given(CELLS)
def test_alpha_is_that_of_the_reference(cells: np.ndarray):
    coded = np.where(np.isnan(cells), np.nan, cells)
    shared = (~np.isnan(coded)).sum(axis=0) >= 2
    assume(shared.any())
    known = {*coded[:, shared][~np.isnan(coded[:, shared])].tolist()}
    found = reliability({str(n): labels(column(row)) for n, row in enumerate(cells)}, View.PRESENT, resamples=0)[0]
    if len(known) < 2:
        assert found.alpha is None
        assert found.mark is Mark.UNKNOWN
    else:
        expected = krippendorff.alpha(reliability_data=coded[:, shared], level_of_measurement="nominal")
        assert found.alpha.value == pytest.approx(expected, abs=1e-5)
    assert found.items == shared.sum()
    assert found.positives == (shared & (coded == 1).any(axis=0)).sum()


def coders(n: int, seed: int, errors: tuple[float, ...], share: float = 0.2) -> list[np.ndarray]:
    """Return labels of coders who err about a common truth."""
    rng = np.random.default_rng(seed)
    truth = (rng.uniform(size=(n, len(CIRCLE))) < share).astype(float)
    return [np.where(rng.uniform(size=truth.shape) < error, 1 - truth, truth) for error in errors]


def test_intervals_cover_what_many_posts_say():
    everything = dict(zip("ab", map(labels, coders(20_000, 0, (0.05, 0.05))), strict=True))
    truth = reliability(everything, View.PRESENT, resamples=0)[-1].alpha.value
    inside = 0
    for seed in range(1, 41):
        some = dict(zip("ab", map(labels, coders(60, seed, (0.05, 0.05))), strict=True))
        alpha = reliability(some, View.PRESENT, resamples=400)[-1].alpha
        inside += alpha.low <= truth <= alpha.high
    assert inside >= 34


def test_all_values_stand_last_and_rare_ones_are_marked():
    first, second = coders(50, 3, (0.0, 0.02))
    first[:, 2] = second[:, 2] = 0
    first[0, 2] = second[0, 2] = 1
    rows = reliability({"a": labels(first), "b": labels(second)}, View.PRESENT, resamples=50)
    assert [row.of for row in rows] == [*map(str, CIRCLE), "all values"]
    assert (rows[2].is_thin, rows[2].positives, rows[2].alpha.value) == (True, 1, 1.0), "one post makes it perfect"
    assert not rows[-1].is_thin
    assert rows[-1].mark is Mark.RELIABLE


def test_the_states_are_three_categories():
    present = column(np.array([1.0, 0.0, 0.0, 0.0]))
    conflicted = column(np.array([0.0, 1.0, 0.0, 0.0]))
    same = {"a": labels(present, conflicted), "b": labels(present, conflicted)}
    (row,) = reliability(same, View.STATE, resamples=0)
    assert (row.alpha.value, row.agreeing, row.positives) == (1.0, 1.0, 2)


def test_sources_with_nothing_in_common():
    a, b = LabelMatrix.empty(["p0"]), LabelMatrix.empty(["p1"])
    a.labels[:], b.labels[:] = 0, 1
    assert reliability({"a": a, "b": b}, View.PRESENT) == []


def test_a_model_as_good_as_coders_may_stand_in_and_one_that_guesses_may_not():
    three = dict(zip("abc", map(labels, coders(80, 5, (0.05, 0.05, 0.05))), strict=True))
    good, bad = (labels(coders(80, 5, (0.05,) * 3 + (error,))[3]) for error in (0.03, 0.4))
    found = alternative_annotator("good", good, three)
    assert found.passes
    assert found.winning_rate == 1.0
    assert found.advantage > 0.5
    assert [contest.posts for contest in found.contests] == [80, 80, 80]
    found = alternative_annotator("bad", bad, three)
    assert not found.passes
    assert found.winning_rate == 0.0


def test_too_few_posts_are_no_test():
    two = dict(zip("ab", map(labels, coders(29, 5, (0.05, 0.05))), strict=True))
    assert alternative_annotator("m", labels(coders(29, 5, (0.0,))[0]), two) is None


def test_a_wide_margin_helps_the_model():
    three = dict(zip("abc", map(labels, coders(60, 8, (0.03, 0.03, 0.03))), strict=True))
    model = labels(coders(60, 8, (0.03,) * 3 + (0.08,))[3])
    rates = [alternative_annotator("m", model, three, margin=margin).winning_rate for margin in (0.0, 0.3, 1.0)]
    assert rates == sorted(rates)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_several_tests_are_harder_than_one(ps: list[float]):
    stats = pytest.importorskip("scipy.stats")
    adjusted = stats.false_discovery_control(ps, method="by")
    assert _rejected(ps) == [bool(p <= 0.05) for p in adjusted]
