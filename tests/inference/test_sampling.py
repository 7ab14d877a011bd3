"""Samples: the stated probabilities are those with which posts are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.inference.sampling import (
    LEAST,
    allocate,
    entropy,
    probabilities,
    random_sample,
    stratified_sample,
    weighted_sample,
)

WEIGHTS = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=40).map(np.array)


def posts(count: int) -> list[str]:
    return [f"p{n}" for n in range(count)]


@given(WEIGHTS, st.data())
def test_probabilities_add_up_to_the_size_and_none_is_0(weights: np.ndarray, data: st.DataObject):
    size = data.draw(st.integers(1, len(weights)))
    chances = probabilities(weights, size)
    assert chances.sum() == pytest.approx(size)
    assert (chances > 0).all()
    assert (chances <= 1).all()
    assert chances.min() >= LEAST * size / len(weights) * 0.999
    order = np.argsort(weights)
    assert (np.diff(chances[order]) >= -1e-9).all(), "who is wanted more is at least as likely"


@given(WEIGHTS, st.data(), st.integers(0, 1000))
def test_a_weighted_sample_has_its_size_and_no_post_twice(weights: np.ndarray, data: st.DataObject, seed: int):
    size = data.draw(st.integers(1, len(weights) + 2))
    drawn = weighted_sample(posts(len(weights)), weights, size, np.random.default_rng(seed))
    assert len({one.post for one in drawn}) == len(drawn) == min(size, len(weights))


def frequencies(draw, count: int, times: int = 4000) -> tuple[dict[str, float], dict[str, float]]:
    """Return how often each post is drawn, and how often it should be."""
    rng, seen, stated = np.random.default_rng(7), dict.fromkeys(posts(count), 0), {}
    for _ in range(times):
        for one in draw(rng):
            seen[one.post] += 1
            stated[one.post] = one.probability
    return {post: number / times for post, number in seen.items()}, stated


STRATA = {post: "a" if n < 3 else "b" for n, post in enumerate(posts(9))}
SOME = np.array([0.0, 0.1, 0.2, 0.5, 1.0, 3.0, 0.1, 0.0, 9.0])


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: random_sample(posts(9), 4, rng),
        lambda rng: stratified_sample(STRATA, 4, rng),
        lambda rng: stratified_sample(STRATA, 4, rng, equal=True),
        lambda rng: weighted_sample(posts(9), SOME, 4, rng),
    ],
    ids=["random", "stratified", "equal", "weighted"],
)
def test_posts_are_drawn_as_often_as_stated(draw):
    seen, stated = frequencies(draw, 9)
    assert set(stated) == set(posts(9)), "every post has a chance"
    for post, share in seen.items():
        error = np.sqrt(stated[post] * (1 - stated[post]) / 4000)
        assert abs(share - stated[post]) <= 5 * error + 1e-9, post


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(1, 100), st.booleans())
def test_every_stratum_gives_something_and_none_more_than_it_has(sizes: list[int], total: int, equal: bool):
    given_ = allocate(sizes, total, equal=equal)
    assert all(1 <= g <= n for g, n in zip(given_, sizes, strict=True))
    assert sum(given_) == min(max(total, len(sizes)), sum(sizes))


def test_entropy_is_greatest_where_nobody_knows():
    assert entropy(np.array([0.0, 0.5, 1.0, np.nan])) == pytest.approx([0, 1, 0, 0], abs=1e-9)
