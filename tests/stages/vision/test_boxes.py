from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valex_local.stages.vision.boxes import intersection_over_union, letterboxed, suppressed

edges = st.lists(st.floats(0, 100, allow_nan=False, width=32), min_size=2, max_size=2).map(sorted)


@st.composite
def boxes(draw) -> np.ndarray:
    (left, right), (top, bottom) = draw(edges), draw(edges)
    return np.array([left, top, right, bottom], np.float32)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([32, 256, 416]))
def test_a_picture_lies_whole_in_the_square_and_its_edges_are_0_and_1(width, height, side):
    square, place = letterboxed(np.full((height, width, 3), 255, np.uint8), side)
    assert square.shape == (side, side, 3)
    rows, columns = np.nonzero(square[..., 0])
    seen = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
    # The size in the square is rounded to pixels.
    assert np.allclose(place.fractions(seen), [0, 0, 1, 1], atol=0.51 / (place.scale * min(width, height)))


@given(boxes(), boxes())
def test_overlap_is_symmetric_between_0_and_1_and_1_with_itself(one, other):
    share = intersection_over_union(one, other)
    assert 0 <= share <= 1 + 1e-6
    assert share == intersection_over_union(other, one)
    area = (one[2] - one[0]) * (one[3] - one[1])
    assert area == 0 or abs(intersection_over_union(one, one) - 1) < 1e-5


@given(st.lists(st.tuples(boxes(), st.floats(0, 1, width=32)), max_size=12), st.floats(0.1, 0.9))
def test_what_is_left_overlaps_little_and_what_is_gone_overlaps_a_likelier_one(found, overlap):
    every = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in found], np.float32)
    kept = suppressed(every, scores, overlap)
    assert [scores[one] for one in kept] == sorted((scores[one] for one in kept), reverse=True)
    for at, one in enumerate(kept):
        assert all(intersection_over_union(every[one], every[other]) < overlap for other in kept[:at])
    for gone in set(range(len(found))) - set(kept):
        assert any(
            scores[one] >= scores[gone] and intersection_over_union(every[one], every[gone]) >= overlap for one in kept
        )
