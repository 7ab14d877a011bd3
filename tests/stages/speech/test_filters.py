from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Segment
from valex_local.settings import SpeechSettings
from valex_local.stages.speech.engine import RawSegment
from valex_local.stages.speech.filters import facts, reason_to_drop

SETTINGS = SpeechSettings()
GOOD = RawSegment(0.0, 2.0, "We landed it.", (), avg_logprob=-0.3, no_speech_probability=0.1, compression_ratio=1.2)

figures = st.builds(
    RawSegment,
    start=st.just(0.0),
    end=st.floats(0.1, 30),
    text=st.sampled_from(["We landed it.", "Thank you.", "♪", "…", "谢谢"]),
    words=st.just(()),
    avg_logprob=st.floats(-3, 0),
    no_speech_probability=st.floats(0, 1),
    compression_ratio=st.floats(0, 30),
)
settings = st.builds(
    SpeechSettings,
    max_no_speech=st.floats(0, 1),
    min_avg_logprob=st.floats(-3, 0),
    max_compression=st.floats(0.1, 30),
    min_voice=st.floats(0, 1),
    min_speech_voice=st.floats(0, 1),
)
shares = st.floats(0, 1)


def segment(voice: float, *, start: float = 0.0, end: float = 1.0) -> Segment:
    return Segment(
        id="S1",
        start=start,
        end=end,
        text="x",
        avg_logprob=-0.1,
        no_speech_probability=0.1,
        compression_ratio=1.0,
        voice=voice,
    )


def test_good_speech_counts() -> None:
    assert reason_to_drop(GOOD, 0.9, SETTINGS) is None


@pytest.mark.parametrize(
    ("heard", "voice", "reason"),
    [
        (replace(GOOD, no_speech_probability=0.61), 0.9, "no-speech probability 0.61 above 0.6"),
        (replace(GOOD, avg_logprob=-0.81), 0.9, "mean log-probability -0.81 below -0.8"),
        (replace(GOOD, compression_ratio=2.5), 0.9, "compression ratio 2.5 above 2.4"),
        (GOOD, 0.19, "share of voice 0.19 below 0.2"),
        (replace(GOOD, text=" ♪ ..."), 0.9, "no words"),
    ],
)
def test_each_threshold_alone_drops_and_is_named(heard: RawSegment, voice: float, reason: str) -> None:
    assert reason_to_drop(heard, voice, SETTINGS) == reason


def test_all_reasons_are_named() -> None:
    bad = RawSegment(0, 1, "...", (), avg_logprob=-2, no_speech_probability=1, compression_ratio=9)
    found = reason_to_drop(bad, 0.0, SETTINGS)
    assert found is not None
    assert len(found.split("; ")) == 5


@given(figures, settings)
def test_a_figure_at_its_threshold_passes(heard: RawSegment, s: SpeechSettings) -> None:
    at = replace(
        heard,
        text="words",
        no_speech_probability=s.max_no_speech,
        avg_logprob=s.min_avg_logprob,
        compression_ratio=s.max_compression,
    )
    assert reason_to_drop(at, s.min_voice, s) is None


@given(figures, shares, settings, st.floats(0, 1), st.floats(0, 3))
def test_worse_figures_never_help(heard: RawSegment, voice: float, s: SpeechSettings, more: float, much: float) -> None:
    if reason_to_drop(heard, voice, s) is not None:
        worse = [
            (replace(heard, no_speech_probability=min(1, heard.no_speech_probability + more)), voice),
            (replace(heard, avg_logprob=heard.avg_logprob - much), voice),
            (replace(heard, compression_ratio=heard.compression_ratio + much), voice),
            (heard, max(0.0, voice - more)),
        ]
        assert all(reason_to_drop(h, v, s) is not None for h, v in worse)


@given(figures, shares, settings)
def test_kept_means_every_threshold_is_met(heard: RawSegment, voice: float, s: SpeechSettings) -> None:
    met = (
        any(c.isalnum() for c in heard.text)
        and voice >= s.min_voice
        and heard.no_speech_probability <= s.max_no_speech
        and heard.avg_logprob >= s.min_avg_logprob
        and heard.compression_ratio <= s.max_compression
    )
    assert (reason_to_drop(heard, voice, s) is None) == met


def test_the_words_themselves_decide_nothing() -> None:
    """People do say "thank you"; only figures tell it from an invention."""
    for text in ("Thank you.", "Thanks for watching!", "you"):
        assert reason_to_drop(replace(GOOD, text=text), 0.9, SETTINGS) is None
        assert reason_to_drop(replace(GOOD, text=text), 0.0, SETTINGS) is not None


@given(st.lists(st.tuples(shares, st.floats(0.01, 30)), max_size=6), settings, st.booleans())
def test_facts(kept: list[tuple[float, float]], s: SpeechSettings, has_sound: bool) -> None:
    segments = [segment(voice, end=seconds) for voice, seconds in kept]
    sound = facts(has_sound=has_sound, kept=segments, settings=s)
    assert sound.has_sound == has_sound
    assert sound.has_verbal_sound == bool(kept)
    assert sound.has_verbal_sound or not sound.has_speech
    if kept and all(x.voice >= s.min_speech_voice + 1e-3 for x in segments):
        assert sound.has_speech
    if kept and all(x.voice < s.min_speech_voice - 1e-3 for x in segments):
        assert not sound.has_speech


@pytest.mark.parametrize(("voice", "spoken"), [(0.49, False), (0.5, True), (1.0, True), (0.2, False)])
def test_spoken_from_half_of_the_time(voice: float, spoken: bool) -> None:
    assert facts(has_sound=True, kept=[segment(voice)], settings=SETTINGS).has_speech is spoken


def test_a_word_of_speech_does_not_make_a_song_spoken() -> None:
    kept = [segment(0.3, end=20.0), segment(1.0, start=20.0, end=21.0)]
    assert not facts(has_sound=True, kept=kept, settings=SETTINGS).has_speech
