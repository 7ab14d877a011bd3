"""The error rates themselves."""

from __future__ import annotations

import pytest

from tests.metrics import Errors, caption_errors, match_captions, missed, total, word_errors
from valex_local.records import Box, ScreenText, Track

CAPTION = {
    "text": "Budget: $12",
    "start": 1.0,
    "end": 3.0,
    "box": {"left": 0.2, "top": 0.2, "width": 0.6, "height": 0.06},
}


def track(text: str, start: float = 1.0, end: float = 3.0, top: float = 0.2) -> Track:
    box = Box(left=0.25, top=top, width=0.5, height=0.03)
    return Track(id="T1", text=text, start=start, end=end, box=box, confidence=0.9, readings=3)


@pytest.mark.parametrize(
    ("truth", "heard", "edits"),
    [
        ("Only twelve dollars.", "only $12", 0),
        ("Forty-one tries, and I did it!", "41 tries and I did it", 0),
        ("Lena, I am sorry", "Lina, I am sorry", 1),
        ("red green blue", "", 3),
        ("I did it", "I did it it", 1),
    ],
)
def test_words_count_after_normalising(truth: str, heard: str, edits: int) -> None:
    assert word_errors(truth, heard).edits == edits


def test_a_caption_in_two_lines_is_read_as_one() -> None:
    text = ScreenText(tracks=(track("$12", top=0.23), track("Budget:")))
    assert caption_errors({"captions": [CAPTION]}, text) == Errors(0, 11)


def test_the_lines_of_one_track_are_read_as_one_text() -> None:
    text = ScreenText(tracks=(track("Budget:\n$12"),))
    assert caption_errors({"captions": [CAPTION]}, text) == Errors(0, 11)


def test_lines_of_one_track_may_belong_to_two_captions() -> None:
    title = {**CAPTION, "text": "CHALLENGE", "box": {**CAPTION["box"], "top": 0.1}}
    both = track("CHALLENGE\nBudget: $12").model_copy(update={"box": Box(left=0.25, top=0.1, width=0.5, height=0.15)})
    assert caption_errors({"captions": [title, CAPTION]}, ScreenText(tracks=(both,))) == Errors(0, 20)


def test_a_missing_caption_counts_in_full() -> None:
    assert caption_errors({"captions": [CAPTION]}, ScreenText()).rate == 1.0


@pytest.mark.parametrize("wrong", [track("ABC", top=0.8), track("ABC", start=5, end=6)])
def test_text_elsewhere_or_at_another_time_is_invented(wrong: Track) -> None:
    text = ScreenText(tracks=(track("Budget: $12"), wrong))
    assert caption_errors({"captions": [CAPTION]}, text).edits == 3
    assert match_captions({"captions": [CAPTION]}, text)[1] == [wrong]


def test_a_caption_read_twice_counts_as_an_error() -> None:
    text = ScreenText(tracks=(track("Budget: $12", end=1.5), track("Budget: $12", start=2)))
    assert caption_errors({"captions": [CAPTION]}, text).edits == 12


def test_errors_add_up() -> None:
    assert total([Errors(1, 10), Errors(2, 20)]) == Errors(3, 30)
    assert total([Errors(1, 10), Errors(2, 20)]).rate == 0.1


def test_missed_times() -> None:
    assert missed([1.0, 2.0], [1.05], within=0.1) == [2.0]
