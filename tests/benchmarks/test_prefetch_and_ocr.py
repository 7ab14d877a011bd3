"""Decoding, reading and looking ahead: each runs for real in its small form, and its gates hold."""

import itertools

import pytest

from benchmarks import decode, ocr, prefetch
from benchmarks.clips import Shown
from benchmarks.environment import Environment
from valex_local.records import Box, ScreenText, Track
from valex_local.stages.ocr.stage import PICTURES_AHEAD, _in_thread
from valex_local.system.devices import Device


@pytest.fixture
def env(store, stored_model, tmp_path, monkeypatch):
    stored_model("ppocrv6")
    monkeypatch.setattr(decode, "QUICK_CLIPS", (1, 3.0))
    monkeypatch.setattr(ocr, "QUICK_CLIPS", (1, 3.0))
    monkeypatch.setattr(ocr, "QUICK_SAMPLED", 1)
    monkeypatch.setattr(prefetch, "QUICK_CLIPS", (2, 1.0))
    monkeypatch.setattr(prefetch, "ROUNDS", 1)
    return Environment(store, Device("cpu", 2), tmp_path, quick=True)


def held(result, *parts):
    """Return the checks whose words hold one of the parts."""
    return [check for check in result.checks if any(part in check.what for part in parts)]


@pytest.mark.slow
def test_decoding_less_misses_nothing(env):
    result = decode.decode(env)
    (near,) = held(result, "share of keyframes")
    assert near.held


@pytest.mark.slow
def test_reading_where_text_changes_misses_nothing(env):
    result = ocr.ocr(env)
    (found,) = held(result, "share of captions")
    assert found.held


@pytest.mark.slow
def test_looking_ahead_makes_the_same_records(env):
    result = prefetch.prefetch(env)
    (equal,) = held(result, "share of equal records")
    assert equal.held


def test_keyframes_that_are_missed_or_too_many_are_noticed():
    assert decode.share_near(((1.0, 2.0),), ((1.05, 2.0),)) == 1.0
    assert decode.share_near(((1.0, 2.0),), ((1.2, 2.0),)) == 0.5
    assert decode.share_near(((1.0,),), ((1.0, 2.0, 3.0),)) == 0.5
    assert decode.share_near(((),), ((),)) == 0.0


def test_a_caption_counts_only_where_it_stood():
    track = Track(
        id="T1",
        text="1. LOST THE GARDEN",
        start=1.0,
        end=2.0,
        confidence=0.9,
        readings=1,
        box=Box(left=0, top=0, width=1, height=1),
    )
    record = ScreenText(tracks=(track,), frames_seen=1, frames_read=1)
    there, later, other = Shown(track.text, 0.9, 2.1), Shown(track.text, 5, 6), Shown("2. BOUGHT A NEW LAMP", 1, 2)
    assert ocr.share_shown([(there, record), (later, record), (other, record)]) == pytest.approx(1 / 3)
    assert ocr.share_shown([]) is None


def test_no_more_is_looked_at_ahead_than_is_said():
    begun = 0

    def coming():
        nonlocal begun
        for number in itertools.count():
            begun = number + 1
            yield number

    frames = _in_thread(coming())
    assert [next(frames) for _ in range(5)] == list(range(5))
    frames.close()
    assert begun <= 5 + PICTURES_AHEAD + 1


def test_what_breaks_while_looking_ahead_is_raised_in_its_place():
    def coming():
        yield 1
        yield 2
        raise OSError("broken off")

    frames = _in_thread(coming())
    assert [next(frames), next(frames)] == [1, 2]
    with pytest.raises(OSError, match="broken off"):
        next(frames)
