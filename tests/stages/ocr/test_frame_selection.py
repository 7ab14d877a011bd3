"""The frame selector on drawn stroke maps and clips: what is read, and when."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.captioned import Caption, karaoke, make_clip
from valex_local.errors import InputError
from valex_local.stages.ocr.frame_selection import MAP_SIDE, REFRESH, FrameSelector, find_strokes, sample_frames

LETTERS = np.zeros((2, 120, 80), np.bool_)
LETTERS[0, 60:72, 10:70:3] = True
OTHER = np.zeros((2, 120, 80), np.bool_)
OTHER[0, 60:72, 11:71:4] = True
NOTHING = np.zeros((2, 120, 80), np.bool_)


def read(*maps, step=0.2):
    """Return the indices of the frames that the selector picks."""
    selector = FrameSelector()
    due = [i - 1 for i, strokes in enumerate(maps) if selector.push(i * step, i * step + 1 / 24, strokes)]
    return due + [len(maps) - 1] * selector.finish()


def test_a_text_is_read_once_just_before_it_goes():
    assert read(NOTHING, LETTERS, LETTERS, LETTERS, NOTHING, NOTHING) == [3]


def test_a_text_that_stays_to_the_end_is_read_there():
    assert read(NOTHING, LETTERS, LETTERS, LETTERS) == [3]


def test_a_text_that_takes_the_place_of_another_is_read_too():
    assert read(LETTERS, LETTERS, LETTERS, OTHER, OTHER, OTHER, NOTHING) == [2, 5]


def test_a_text_read_because_of_another_is_not_read_again_when_it_goes():
    both = LETTERS.copy()
    both[0, 20:32, 10:70:3] = True
    assert read(both, both, both, LETTERS, LETTERS, NOTHING, NOTHING) == [2]


def test_what_shows_in_one_frame_only_is_no_text():
    assert read(NOTHING, LETTERS, NOTHING, OTHER, NOTHING) == [4]


def test_a_frame_that_is_shown_for_long_enough_is_a_text():
    selector = FrameSelector()
    shown = [LETTERS, OTHER, LETTERS]
    assert [selector.push(3.0 * i, 3.0 * i + 3, strokes) for i, strokes in enumerate(shown)] == [False, True, True]
    assert selector.finish()


def letters(*glyphs):
    """A line of letters, each of the strokes of its number."""
    line = np.zeros((2, 120, 160), np.bool_)
    for place, glyph in enumerate(glyphs):
        shape = np.random.default_rng(glyph).random((12, 10)) < 0.3
        line[0, 60:72, 10 + 12 * place : 20 + 12 * place] = shape
    return line


def test_a_letter_that_gives_way_to_another_is_seen():
    one, other, third = letters(1, 2, 3, 4, 5), letters(1, 2, 3, 4, 6), letters(1, 2, 3, 4, 7)
    assert read(*[one] * 4, *[other] * 4, *[third] * 4) == [3, 7, 11]


def test_a_letter_that_was_not_read_is_read_when_another_letter_of_its_line_changes():
    one, other, third = letters(1, 2, 3, 4, 5), letters(1, 2, 3, 6, 5), letters(1, 2, 7, 6, 5)
    assert read(*[one] * 4, *[other] * 4, *[third] * 4) == [3, 7, 11]


def test_a_line_that_stood_is_read_before_something_is_added():
    short, long = letters(1, 2, 3, 4), letters(1, 2, 3, 4, 5)
    assert read(*[short] * 8, *[long] * 4) == [7, 11]
    assert read(*[short] * 3, *[long] * 4) == [6]


def test_one_frame_is_always_read():
    assert read(NOTHING) == [0]
    assert read(NOTHING, NOTHING) == [1]


def test_a_change_of_the_size_of_the_picture_reads_what_was():
    assert read(LETTERS, LETTERS, np.zeros((2, 50, 90), np.bool_))[0] == 1


def test_a_quiet_video_is_looked_into_now_and_then():
    count = int(4 * REFRESH / 0.2)
    due = read(*[NOTHING] * count)
    assert max(np.diff([0, *due])) * 0.2 <= REFRESH + 0.4


@given(st.lists(arrays(np.bool_, (2, 40, 40)), min_size=1, max_size=6))
def test_any_strokes_are_read_at_least_once_and_in_order(maps):
    due = read(*maps)
    assert due
    assert due == sorted(set(due))


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (30, 20), (3840, 2160)])
def test_maps_of_any_picture_fit_the_size(size):
    strokes = find_strokes(np.full((*size, 3), 90, np.uint8))
    assert strokes.shape[0] == 2
    assert max(strokes.shape) <= MAP_SIDE
    assert not strokes.any()
    assert read(strokes, strokes) == [1]


def test_a_clip_is_read_where_its_captions_show(tmp_path):
    captions = [Caption("Only 0.8 seconds", 0.7, 1.5), Caption("then this at once", 1.5, 2.3), Caption("end", 3, 3.8)]
    path = make_clip(tmp_path / "a.mp4", captions, "shapes", duration=4.0)
    read_at = [frame.time for frame in sample_frames(path, 6.0) if frame.picture is not None]
    for caption in captions:
        assert any(caption.start <= time < caption.end for time in read_at), caption.text
    assert len(read_at) <= len(captions) + 2


def test_a_growing_caption_is_read_when_it_is_complete(tmp_path):
    grown = karaoke("so I said no", 0.4, 0.4, hold=0.6)
    path = make_clip(tmp_path / "a.mp4", grown, "gradient", duration=3.4)
    times = [frame.time for frame in sample_frames(path, 6.0) if frame.picture is not None]
    # Encoders write other bytes from run to run; the noise of some makes one frame more worth reading.
    assert len(times) <= 2
    assert grown[-1].start <= times[-1] < grown[-1].end


def test_what_is_no_video_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_text("no video")
    with pytest.raises(InputError):
        list(sample_frames(path, 6.0))
