"""Sound is at its presentation time, however late it starts and however long it pauses."""

from pathlib import Path

import numpy as np
import pytest

from tests.sounds import Track, beep, heard_at, make_sound
from valex_local.records import Media, Notice
from valex_local.settings import MediaSettings
from valex_local.stages.media.audio import load_audio
from valex_local.stages.media.stage import read_media


def read(path: Path) -> tuple[list[tuple[float, float]], Media, np.ndarray]:
    """Return when something is heard, the media record and the samples."""
    output = read_media(path, MediaSettings())
    (path.parent / "audio.flac").write_bytes(output.files["audio.flac"])
    samples = load_audio(path.parent / "audio.flac")
    return heard_at(samples), output.record, samples


def times(*spans: float) -> object:
    pairs = zip(spans[::2], spans[1::2], strict=True)
    return [(pytest.approx(start, abs=0.05), pytest.approx(end, abs=0.05)) for start, end in pairs]


def test_sound_that_starts_over_a_minute_late(tmp_path: Path) -> None:
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", Track([(70.0, beep(6.5))]), pictures=range(80)))
    assert heard == times(70.0, 76.5)
    assert media.notices == () and media.duration == pytest.approx(79.1, abs=0.2)


def test_a_gap_of_over_a_minute(tmp_path: Path) -> None:
    track = Track([(0.0, beep(6.5)), (80.0, beep(5.6))])
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", track, pictures=range(90)))
    assert heard == times(0, 6.5, 80.0, 85.6)
    assert media.notices == ()


def test_pictures_that_start_late(tmp_path: Path) -> None:
    """Times count from the first track that starts."""
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", Track([(2.0, beep(2))]), pictures=[5, 6, 7]))
    assert heard == times(0, 2.0) and media.keyframes[0].time >= 3


def test_tracks_that_start_late_together(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "a.mkv", Track([(101.0, beep(2))]), pictures=[100, 101, 102])
    heard, media, _ = read(path)
    assert heard == times(1.0, 3.0) and media.notices == ()


def test_overlapping_sound_is_taken_out_and_mentioned(tmp_path: Path) -> None:
    track = Track([(0.0, beep(3.0)), (2.0, beep(3.0)), (8.0, beep(1.0))])
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", track))
    assert heard == times(0, 5.0, 8.0, 9.0)
    (notice,) = media.notices
    assert notice == Notice(code="sound-overlap", text=notice.text) and "1.0 s" in notice.text


@pytest.mark.parametrize("wild", [1e9, 100.0, 5000.0])
def test_one_wild_timestamp_moves_nothing(tmp_path: Path, wild: float) -> None:
    """Packets are written in order of their times; the wild one is the last of the file."""
    track = Track([(0.0, beep(3.0)), (3.1, beep(3.0)), (wild, beep(0.1))])
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", track))
    assert heard == times(0, 6.2)
    (text,) = [n.text for n in media.notices if "timestamps of the sound" in n.text]
    assert ("unknown" in text) == (wild > 3600)


def test_opposite_phases_do_not_cancel(tmp_path: Path) -> None:
    voice, other = beep(4.0), beep(4.0, hertz=700, level=0.1)
    opposite = np.stack([voice, -voice], 1)
    spread = np.stack([voice + other, -voice + other], 1)
    usual = np.stack([voice, voice], 1)
    one_side = np.stack([voice, 0 * voice], 1)
    for number, stereo in enumerate([opposite, spread, usual, one_side]):
        heard, media, samples = read(make_sound(tmp_path / f"{number}.mkv", Track([(0, stereo)], layout="stereo")))
        assert heard == times(0, 4.0)
        assert np.abs(np.fft.rfft(samples[:16000])).argmax() == 440
        assert [n.code for n in media.notices] == (["sound-channels"] if number < 2 else [])


def test_cancelling_in_a_part(tmp_path: Path) -> None:
    voice = beep(8.0)
    stereo = np.stack([voice, np.where(np.arange(len(voice)) < 64000, voice, -voice)], 1)
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", Track([(0, stereo)], layout="stereo")))
    assert heard == times(0, 8.0)
    assert "4.0 s" in media.notices[0].text


def test_speech_in_the_centre_of_surround_sound(tmp_path: Path) -> None:
    channels = np.zeros((32000, 6), np.float32)
    channels[:, 2] = beep(2.0)
    heard, media, _ = read(make_sound(tmp_path / "a.mkv", Track([(1.0, channels)], layout="5.1"), pictures=range(4)))
    assert heard == times(1.0, 3.0)
    assert media.audio.channels == 6 and media.notices == ()
