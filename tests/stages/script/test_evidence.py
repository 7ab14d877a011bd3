from __future__ import annotations

import pytest

from tests.stages.script.evidences import CAPTIONS, SPEECH, evidence, item, segment, track
from valex_local.records import PostText, ScreenText, Transcript, Word
from valex_local.settings import ScriptSettings
from valex_local.stages.script.evidence import find_repeats, gather, post_text


def test_it_collects_what_was_heard_read_and_seen() -> None:
    found = evidence(captions=CAPTIONS)
    assert [s.id for s in found.speech] == ["S1", "S2", "S3", "S4"]
    assert [t.id for t in found.texts] == ["T1", "T2", "T3"]
    assert [(k.id, k.shot.start) for k in found.seen] == [("K1", 0), ("K2", 5), ("K3", 10), ("K4", 15), ("K5", 20)]
    assert found.mumbled == {"S3"}
    assert found.repeats == {"T2": "S2"}
    assert (found.genre, found.language, found.notices) == ("fashion", "en", ())
    assert found.sound is not None and found.sound.has_speech


def test_missing_kinds_are_said() -> None:
    post = item()
    records = dict(post.records) | {
        "transcript": Transcript(skipped="no audio track"),
        "text": ScreenText(skipped="no video track"),
    }
    notices = gather(type(post)(post.post, post.folder, records), ScriptSettings()).notices
    assert [n.code for n in notices] == ["no-speech-evidence", "no-screen-text-evidence", "no-visual-evidence"]
    assert "no audio track" in notices[0].text
    assert "no CLIP weights" in notices[2].text


def test_post_text_can_be_left_out() -> None:
    assert gather(item(), ScriptSettings(include_post_text=False)).post is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PostText(), None),
        (PostText(caption="  "), None),
        (PostText(caption="Hi #Slow", hashtags=("slow", "#fashion")), "Hi #Slow #fashion"),
        (PostText(hashtags=("a", "b")), "#a #b"),
        # A name would teach a classifier the author.
        (PostText(caption="Hi", author="somebody", sound_title="original sound - somebody"), "Hi"),
    ],
)
def test_post_text(text: PostText, expected: str | None) -> None:
    assert post_text(text) == expected


@pytest.mark.parametrize(
    ("shown", "start", "repeats"),
    [
        ("My budget was thirty euros, and here is what I found.", 5.2, True),
        ("MY BUDGET WAS THIRTY EUROS", 5.5, True),
        ("my budget was thirly euros", 5.5, True),  # misread
        ("my budget was thirty euros", 4.5, True),  # a little early
        ("my budget was thirty euros", 15.0, False),  # long after
        ("my budget was not thirty euros", 5.2, False),
        ("my budget was 30 euros", 5.2, False),
        ("what I found will surprise you", 7.0, False),
        ("hi", 5.2, False),  # in "thirty", which is no word of its own
        ("SALE", 5.2, False),
        ("...", 5.2, False),
        ("My budget was thirty euros, and here is what I found. Follow for part two and more!", 5.2, False),
    ],
)
def test_screen_text_that_repeats_speech(shown: str, start: float, repeats: bool) -> None:
    assert find_repeats(SPEECH, [track(1, start, start + 2, shown)]) == ({"T1": "S2"} if repeats else {})


def test_a_subtitle_over_two_segments_repeats_the_one_it_holds_most_of() -> None:
    speech = [segment(1, 0, 2, "so I said"), segment(2, 2, 5, "you will never get me up there again")]
    shown = track(1, 1.0, 4.0, "so I said you will never get me up there")
    assert find_repeats(speech, [shown]) == {"T1": "S2"}


def test_word_times_tell_what_was_said_meanwhile() -> None:
    words = tuple(
        Word(text=f" {w}", start=float(i), end=i + 0.8, probability=1)
        for i, w in enumerate(["one", "two", "three", "four", "five", "six"])
    )
    said = segment(1, 0, 6, " one two three four five six").model_copy(update={"words": words})
    assert find_repeats([said], [track(1, 0.0, 1.0, "one two")]) == {"T1": "S1"}
    assert find_repeats([said], [track(1, 4.5, 6.0, "one two")]) == {}
