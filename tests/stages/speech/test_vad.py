from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.speech.conftest import RATE, WORDLESS
from valex_local.stages.speech.vad import LONGEST_PIECE, MARGIN, SHORTEST_PIECE, Voice, find_voice


@st.composite
def voices(draw: st.DrawFn) -> tuple[Voice, float]:
    """A voice and the length of its track."""
    at, stretches = 0.0, []
    for gap, length in draw(st.lists(st.tuples(st.floats(0.0, 8), st.floats(0.1, LONGEST_PIECE)), max_size=12)):
        stretches.append((at + gap, at + gap + length))
        at += gap + length
    return Voice(tuple(stretches)), at + draw(st.floats(0, 5))


@given(voices())
def test_pieces_are_in_order_apart_and_fit_the_window(given_voice: tuple[Voice, float]) -> None:
    voice, duration = given_voice
    pieces = voice.pieces(duration)
    for piece in pieces:
        assert 0 <= piece.start < piece.end <= duration
        assert piece.end - piece.start <= LONGEST_PIECE + 2 * MARGIN + 1e-6 < 30
        assert piece.voiced >= SHORTEST_PIECE
    assert all(a.end <= b.start for a, b in pairwise(pieces))


@given(voices())
def test_every_long_stretch_is_in_a_piece(given_voice: tuple[Voice, float]) -> None:
    voice, duration = given_voice
    pieces = voice.pieces(duration)
    for start, end in voice.stretches:
        if end - start > SHORTEST_PIECE:
            assert any(p.start <= start + 1e-9 and end - 1e-9 <= p.end for p in pieces)


@given(voices(), st.floats(0, 100), st.floats(0, 100))
def test_share(given_voice: tuple[Voice, float], start: float, end: float) -> None:
    voice, _ = given_voice
    assert 0 <= voice.share(start, end) <= 1
    for a, b in voice.stretches:
        assert voice.share(a, b) == pytest.approx(1)
    assert Voice(()).share(start, end) == 0


@given(voices(), st.lists(st.tuples(st.floats(0, 60), st.floats(0, 20)), max_size=5))
def test_without_leaves_what_lies_outside(given_voice: tuple[Voice, float], cuts: list[tuple[float, float]]) -> None:
    voice, duration = given_voice
    spans = [(a, a + length) for a, length in cuts]
    rest = voice.without(spans)
    assert all(rest.seconds(a, b) == pytest.approx(0, abs=1e-6) for a, b in spans)
    assert rest.without(spans) == rest
    total = sum(b - a for a, b in voice.stretches)
    assert sum(b - a for a, b in rest.stretches) <= total + 1e-6
    assert voice.without([]) == voice
    assert voice.without([(0, duration + 1)]).stretches == ()


def test_short_gaps_are_bridged_and_long_ones_part() -> None:
    pieces = Voice(((1.0, 2.0), (4.0, 5.0), (10.0, 11.0))).pieces(12.0)
    assert [(p.start, p.end, p.voiced) for p in pieces] == [(0.6, 5.4, 2.0), (9.6, 11.4, 1.0)]


def test_speech_has_a_voice(speech: np.ndarray) -> None:
    track = np.concatenate([np.zeros(3 * RATE, np.float32), speech, np.zeros(3 * RATE, np.float32)])
    voice = find_voice(track, threshold=0.5)
    length = len(speech) / RATE
    assert voice.share(3, 3 + length) > 0.8
    assert voice.share(0, 2.8) == 0
    assert voice.share(3 + length + 0.2, 6 + length) == 0


@pytest.mark.parametrize("name", WORDLESS)
def test_nothing_worth_recognising_without_a_voice(name: str) -> None:
    assert find_voice(WORDLESS[name](12), threshold=0.5).pieces(12.0) == ()


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513])
def test_tiny_tracks(length: int) -> None:
    assert find_voice(np.zeros(length, np.float32), threshold=0.5) == Voice(())


def test_endless_speech_is_cut(speech: np.ndarray) -> None:
    track = np.tile(speech, 10)
    pieces = find_voice(track, threshold=0.5).pieces(len(track) / RATE)
    assert len(pieces) >= 3
    assert all(p.end - p.start < 30 for p in pieces)
    assert sum(p.end - p.start for p in pieces) > 0.95 * len(track) / RATE
