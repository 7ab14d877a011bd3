"""Readings followed over drawn stroke maps."""

import numpy as np
import pytest

from valex_local.records import Box
from valex_local.stages.ocr.engines import Reading
from valex_local.stages.ocr.frame_selection import SampledFrame
from valex_local.stages.ocr.spans import follow

PLACE = Box(left=0.1, top=0.5, width=0.8, height=0.1)
ELSEWHERE = Box(left=0.1, top=0.1, width=0.8, height=0.1)
rng = np.random.default_rng(1)
SCENES = rng.random((40, 2, 100, 100)) < 0.02


def text(seed):
    """Strokes of a text: random, as far as another text is concerned."""
    plane = np.random.default_rng(seed).integers(0, 3, (10, 80))
    return np.stack((plane == 1, plane == 2))


A, B = text(10), text(11)


def look(index, strokes=None, read=False, part=1.0, rate=5, until=0.0):
    """A frame of a moving scene in which `strokes` stand in `PLACE`, or their left part."""
    scene = SCENES[index % len(SCENES)].copy()
    if strokes is not None:
        width = int(80 * part)
        scene[:, 50:60, 10 : 10 + width] = strokes[:, :, :width]
    picture = np.full((1, 1, 3), index, np.uint8) if read else None
    return SampledFrame(index / rate, (index + until) / rate, np.packbits(scene), scene.shape, picture)


def spans(looks, found, end=10.0):
    """Follow readings: `found` maps the index of a read frame to its readings."""
    return follow(looks, lambda picture: found[int(picture[0, 0, 0])], end).spans


def reading(text, box=PLACE, confidence=0.9):
    return Reading(text, box, confidence)


def test_a_text_stands_from_half_a_step_before_to_half_a_step_after():
    shown = [look(i, A if 3 <= i <= 8 else None, read=i == 6) for i in range(12)]
    (span,) = spans(shown, {6: [reading("a")]})
    assert (span.start, span.end) == pytest.approx((0.5, 1.7))


@pytest.mark.parametrize("rate", [1 / 4, 1 / 3, 1, 2, 3])
def test_a_text_is_there_as_long_as_the_frames_that_show_it(rate):
    shown = [look(i, (A, B, A)[i], read=True, rate=rate, until=1.0) for i in range(3)]
    found = {0: [reading("a")], 1: [reading("b")], 2: [reading("a")]}
    there = sorted(spans(shown, found, end=3 / rate), key=lambda span: span.start)
    assert [span.start for span in there] == pytest.approx([i / rate for i in range(3)])
    assert [span.end for span in there] == pytest.approx([(i + 1) / rate for i in range(3)])


def with_letter(seed, place=70):
    """Text A with another letter at its end."""
    strokes = A.copy()
    strokes[:, :, place : place + 6] = text(seed)[:, :, :6]
    return strokes


def test_a_text_in_which_a_letter_changes_is_two():
    one, other = with_letter(20), with_letter(21)
    shown = [look(i, one if i < 5 else other, read=i in (4, 9)) for i in range(10)]
    first, second = spans(shown, {4: [reading("Day 1")], 9: [reading("Day 2")]})
    assert (first.text, first.start, second.text, second.end) == ("Day 1", 0.0, "Day 2", 10.0)
    assert first.end == second.start == pytest.approx(0.9)


def test_the_change_is_found_where_no_frame_was_read():
    one, other = with_letter(20), with_letter(21)
    shown = [look(i, one if i < 5 else other, read=i in (1, 9)) for i in range(10)]
    first, second = spans(shown, {1: [reading("Day 1")], 9: [reading("Day 2")]})
    assert first.end == second.start == pytest.approx(0.9)


def test_one_line_that_was_read_in_two_ways_is_one():
    shown = [look(i, A, read=i in (4, 9)) for i in range(10)]
    first, second = spans(shown, {4: [reading("Day 1")], 9: [reading("Day 7")]})
    assert first.end == second.end == 10.0
    assert first.start == second.start == 0.0


def test_a_text_that_is_always_there_spans_the_video():
    (span,) = spans([look(i, A, read=i == 6) for i in range(12)], {6: [reading("a")]}, end=2.6)
    assert (span.start, span.end) == (0.0, 2.6)


def test_another_text_in_the_same_place_ends_the_first():
    shown = [look(i, A if i < 5 else B, read=i in (4, 9)) for i in range(10)]
    first, second = spans(shown, {4: [reading("a")], 9: [reading("b")]})
    assert first.end == second.start == pytest.approx(0.9)


def test_a_flash_of_one_frame_does_not_part_a_text():
    shown = [look(i, None if i in (3, 8) else A, read=i == 6) for i in range(11)]
    (span,) = spans(shown, {6: [reading("a")]})
    assert (span.start, span.end) == (0.0, 10.0)


def test_a_growing_text_begins_with_its_first_word():
    shown = [look(i, A if i > 1 else None, part=min(1, i / 8), read=i == 9) for i in range(10)]
    (span,) = spans(shown, {9: [reading("a")]})
    assert span.start == pytest.approx(0.3)


def test_lasting_strokes_of_the_scene_beside_a_text_are_not_its_beginning():
    shown = [look(i, A, part=1.0 if i >= 5 else 0.1, read=i == 8) for i in range(10)]
    (span,) = spans(shown, {8: [reading("a")]})
    assert span.start == pytest.approx(0.9)


def test_a_faint_text_stands_from_one_reading_to_the_next_that_finds_it():
    shown = [look(i, read=i in (2, 6, 9), rate=2) for i in range(12)]
    faint = Box(left=0.3, top=0.3, width=0.02, height=0.02)
    found = {2: [reading("faint", faint)], 6: [reading("faint", faint)], 9: []}
    first, second = spans(shown, found)
    assert first.end >= second.start
    assert second.end < shown[9].time


def test_two_texts_at_once_are_two_spans():
    shown = [look(i, A if i < 5 else None, read=i == 3) for i in range(9)]
    found = {3: [reading("a"), reading("b", ELSEWHERE)]}
    one, other = sorted(spans(shown, found), key=lambda span: span.text)
    assert (one.text, other.text) == ("a", "b")
    assert one.end == pytest.approx(0.9)


def test_frames_are_counted_and_taken_one_by_one():
    taken = []

    def stream():
        for i in range(100):
            taken.append(i)
            yield look(i, read=i % 20 == 0)

    def read(picture):
        assert taken[-1] == taken[int(taken[-1])]
        return []

    followed = follow(stream(), read, 30.0)
    assert (followed.seen, followed.read) == (100, 5)


def test_a_picture_that_changes_its_size_ends_what_stood():
    shown = [look(i, A, read=i == 2) for i in range(4)]
    small = np.zeros((2, 30, 30), np.bool_)
    shown += [SampledFrame(0.8 + i / 5, 0.8 + i / 5, np.packbits(small), small.shape, None) for i in range(3)]
    (span,) = spans(shown, {2: [reading("a")]})
    assert span.end == pytest.approx(0.7)


def test_nothing_seen_is_nothing_found():
    assert spans([], {}) == ()
