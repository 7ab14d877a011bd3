"""Clusters of vectors: their number, and what becomes of small ones."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valex_local.stages.speakers.clustering import centres, clusters


def around(centre: int, count: int, seed: int) -> np.ndarray:
    """Return vectors of length 1 near one axis of a space of 8 dimensions."""
    found = np.random.default_rng(seed).normal(0, 0.15, (count, 8))
    found[:, centre] += 1
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_as_many_clusters_as_voices() -> None:
    for voices in (1, 2, 3, 4):
        vectors = np.concatenate([around(n, 10, n) for n in range(voices)])
        labels = clusters(vectors, 0.65, least=3)
        assert len(set(labels)) == voices
        assert all(len(set(labels[10 * n : 10 * n + 10])) == 1 for n in range(voices))
        nearest = (vectors @ centres(vectors, labels).T).argmax(axis=1)
        assert (nearest == labels).all()


def test_a_small_cluster_joins_the_nearest() -> None:
    between = around(2, 2, 5) + 0.5 * around(1, 2, 6)
    vectors = np.concatenate([around(0, 10, 0), around(1, 10, 1), between / np.linalg.norm(between, axis=1)[:, None]])
    assert len(set(clusters(vectors, 0.65, least=1))) == 3
    labels = clusters(vectors, 0.65, least=3)
    assert set(labels[20:]) == {labels[10]} != {labels[0]}


@given(st.integers(0, 12), st.integers(0, 2**16), st.floats(0, 1), st.integers(1, 4))
def test_clusters_are_numbered_without_gaps_and_none_is_small(
    count: int, seed: int, threshold: float, least: int
) -> None:
    vectors = np.abs(np.random.default_rng(seed).normal(size=(count, 4))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = clusters(vectors, threshold, least=least)
    assert len(labels) == count
    sizes = np.bincount(labels) if count else np.zeros(0)
    assert (sizes > 0).all()
    assert len(sizes) <= 1 or sizes.min() >= least
