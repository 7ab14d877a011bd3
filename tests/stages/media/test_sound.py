"""Where each sample of a sound is put, whatever its timestamps say."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sounds import Track, beep, heard_at, make_sound
from valex_local.errors import InputError
from valex_local.settings import MediaSettings
from valex_local.stages.media.audio import load_audio
from valex_local.stages.media.budget import Budget
from valex_local.stages.media.sound import AudioCollector
from valex_local.stages.media.stage import read_media

FRAME = 0.1


def collected(folder, frames):
    """Collect frames of 0.1 s, each given as (time or None, level); return (the collector, samples)."""
    waiting = []
    for time, level in frames:
        samples = (beep(FRAME, level=level) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16000, None if time is None else round(time * 1000)
        waiting.append(frame)
    codec = SimpleNamespace(name="toy", sample_rate=16000, channels=1, decode=lambda packet: packet or ())
    collector = AudioCollector(
        SimpleNamespace(codec_context=codec, time_base=Fraction(1, 1000)), 0.0, Budget(Path("a"), 10**9)
    )
    collector.decode(waiting)
    collector.finish()
    (folder / "a.flac").write_bytes(collector.result()[1])
    return collector, load_audio(folder / "a.flac")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sound")


@given(st.lists(st.tuples(st.floats(0.7, 100), st.integers(1, 20)), min_size=1, max_size=3))
def test_every_piece_is_heard_at_its_time(folder, pieces):
    frames, expected, now = [], [], 0.0
    for gap, length in pieces:
        now += gap
        expected.append((now, now + length * FRAME))
        frames += [(now + i * FRAME, 0.3) for i in range(length)]
        now += length * FRAME
    if pieces[-1][1] == 1 and pieces[-1][0] > 2:
        frames.append((now, 0.0))  # a single frame after a long pause is not believed
    collector, samples = collected(folder, frames)
    heard = heard_at(samples)
    assert len(heard) == len(expected)
    assert np.allclose(heard, expected, atol=0.05)
    assert list(collector.notices()) == []


@given(st.integers(1, 48).filter(lambda at: at not in (20, 30)), st.one_of(st.none(), st.floats(-1e6, 1e6)))
def test_one_wild_stamp_moves_nothing(folder, at, stamp):
    frames = [(i * FRAME, 0.0 if 20 <= i < 30 else 0.3) for i in range(50)]
    frames[at] = (stamp, frames[at][1])
    _, samples = collected(folder, frames)
    heard = heard_at(samples)
    assert len(heard) == 2
    assert np.allclose(heard, [(0, 2), (3, 5)], atol=0.15)


@given(st.lists(st.floats(-0.09, 0.09), min_size=30, max_size=30))
def test_jitter_adds_nothing_up(folder, jitter):
    frames = [(max(0.0, i * FRAME + by), 0.3) for i, by in enumerate(jitter)]
    collector, samples = collected(folder, frames)
    assert len(samples) / 16000 == pytest.approx(3.0, abs=0.21)
    assert not collector.broken


def test_a_clock_that_begins_again(folder):
    frames = [(i * FRAME, 0.3) for i in range(50)] + [(i * FRAME, 0.3) for i in range(30)]
    collector, samples = collected(folder, frames)
    assert len(samples) / 16000 == pytest.approx(8.0, abs=0.05)
    (notice,) = collector.notices()
    assert notice.code == "timestamps" and "30 timestamps" in notice.text and "up to 5.0 s" in notice.text


def test_two_recordings_in_one_stream(tmp_path):
    """Sample rate and channels change in the middle, as in joined MPEG-TS."""
    frames = []
    for rate, layout, start in ((44100, "mono", 0.0), (48000, "stereo", 2.0)):
        channels = 1 if layout == "mono" else 2
        tone = (beep(2.0, rate=rate) * 32767).astype(np.int16).repeat(channels)
        for at in range(0, 2 * rate, 1024):
            block = tone[at * channels : (at + 1024) * channels]
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block)[None], format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate, round((start + at / rate) * 1000)
            frames.append(frame)
    codec = SimpleNamespace(name="toy", sample_rate=44100, channels=1, decode=lambda packet: packet or ())
    stream = SimpleNamespace(codec_context=codec, time_base=Fraction(1, 1000))
    collector = AudioCollector(stream, 0.0, Budget(Path("a"), 10**6))
    collector.decode(frames)
    collector.finish()
    (tmp_path / "a.flac").write_bytes(collector.result()[1])
    samples = load_audio(tmp_path / "a.flac")
    assert heard_at(samples) == [(pytest.approx(0, abs=0.05), pytest.approx(4.0, abs=0.05))]
    for second in range(4):
        assert np.abs(np.fft.rfft(samples[second * 16000 :][:16000])).argmax() == pytest.approx(440, abs=1)


def test_sample_rates_of_damaged_headers_are_not_decoded(tmp_path):
    path = make_sound(tmp_path / "a.mkv", Track([(0, beep(2.0))]))
    raw = path.read_bytes()
    at = raw.find(b"\xb5\x88") + 2  # the sampling frequency, a double
    path.write_bytes(raw[:at] + np.float64(4).astype(">f8").tobytes() + raw[at + 8 :])
    with pytest.raises(InputError, match="neither video nor audio"):
        read_media(path, MediaSettings())
