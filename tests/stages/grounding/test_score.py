"""The figures are pure functions of similarities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from valex_local.stages.grounding.score import above_chance, percentile, score_line

cosines = st.floats(-1, 1, width=32)
vectors = arrays(np.float64, st.integers(1, 30), elements=cosines)


def test_a_percentile_is_the_share_that_fits_less_well():
    chance = np.array([0.1, 0.2, 0.3, 0.4])
    assert percentile(0.35, chance) == 0.75
    assert percentile(0.05, chance) == 0.0
    assert percentile(0.5, chance) == 1.0


def test_what_fits_equally_well_counts_half():
    assert percentile(0.2, np.array([0.1, 0.2, 0.2, 0.3])) == 0.5
    assert percentile(0.2, np.full(9, 0.2)) == 0.5


@given(cosines, cosines, vectors)
def test_a_percentile_rises_with_the_similarity_and_stays_a_share(one, other, chance):
    low, high = sorted((one, other))
    assert 0 <= percentile(low, chance) <= percentile(high, chance) <= 1


@given(cosines, vectors, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_percentile_does_not_hang_on_the_level_of_a_model(similarity, chance, factor, offset):
    # Rounded to what is left of a difference after adding.
    one, others = np.round(similarity, 3), np.round(chance, 3)
    same = percentile(np.round(one * factor + offset, 9), np.round(others * factor + offset, 9))
    assert same == pytest.approx(percentile(one, others))


@given(arrays(np.float64, st.integers(1, 30), elements=cosines, unique=True))
def test_lines_by_chance_have_a_half_in_the_mean(chance):
    assert np.mean([percentile(one, chance) for one in chance]) == pytest.approx(0.5)


def test_the_keyframe_that_fits_best_counts_for_every_line():
    similarities = np.array([0.1, 0.3])
    chance = np.array([[0.2, 0.0], [0.0, 0.2], [0.4, 0.0], [0.0, 0.4]])
    found = score_line(similarities, chance)
    assert (found.best, found.similarity, found.percentile) == (1, 0.3, 0.5)
    assert found.z == pytest.approx(0.0)
    assert score_line(similarities[1:], chance[:, 1:]).percentile == 0.75, "one keyframe less, one chance less"


def test_z_is_in_standard_deviations():
    chance = np.array([[0.1], [0.3]])
    assert score_line(np.array([0.4]), chance).z == pytest.approx(2.0)
    assert score_line(np.array([0.4]), np.full((5, 1), 0.1)).z == 0.0, "no spread, no z"


@given(vectors, vectors)
def test_one_line_is_above_chance_by_its_percentile_and_more_lines_by_less(similarities, chance):
    best = percentile(float(similarities.max()), chance)
    assert above_chance(similarities[:1], chance) == percentile(float(similarities[0]), chance)
    assert above_chance(similarities, chance) == pytest.approx(best ** len(similarities))
    assert above_chance(similarities, chance) <= best


@pytest.mark.parametrize("lines", [1, 3, 10])
def test_scripts_by_chance_speak_of_few_keyframes_however_long_they_are(lines):
    """At the threshold 0.9 about one keyframe in ten counts as mentioned by chance."""
    rng = np.random.default_rng(0)
    chance = rng.normal(size=254)
    passing = np.mean([above_chance(rng.choice(chance, lines), chance) >= 0.9 for _ in range(4000)])
    assert passing == pytest.approx(0.1, abs=0.03)
