"""A time that no decoded frame bears does not stretch a video, nor the report of a study."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.clips import Scene, make_clip
from valex_local.records import Media
from valex_local.report.timeline import axis
from valex_local.settings import MediaSettings
from valex_local.stages.media.stage import read_media


def stretched(folder: Path, at: float, garbage: bytes) -> Path:
    """Copy a clip of 2 s and add a packet at some time that decodes to nothing."""
    source, path = make_clip(folder / "whole.mp4", [Scene(2.0)]), folder / "a.mkv"
    with av.open(str(source)) as whole, av.open(str(path), "w", format="matroska") as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        for packet in whole.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
        last = av.Packet(garbage)
        last.stream, last.time_base = stream, Fraction(1, 1000)
        last.pts = last.dts = round(at * 1000)
        out.mux(last)
    return path


@pytest.mark.parametrize("at", [60.0, 1e4, 1e7, 1e12])
@pytest.mark.parametrize("garbage", [b"\0\0\0\1\x09", bytes(8)])
def test_the_video_ends_with_its_frames(tmp_path: Path, at: float, garbage: bytes) -> None:
    media = read_media(stretched(tmp_path, at, garbage), MediaSettings()).record
    assert media.duration == pytest.approx(2.0, abs=0.1)
    assert media.shots[-1].end == media.duration
    assert "timestamps" in [n.code for n in media.notices]


def test_a_duration_in_the_index_that_nothing_shows(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", [Scene(2.0)], codec_options={"bf": "0"})
    raw = bytearray(path.read_bytes())
    stts = raw.find(b"stts")
    last = stts + 8 + 8 * int.from_bytes(raw[stts + 8 : stts + 12], "big")
    raw[last : last + 4] = (0x7FFFFFF).to_bytes(4, "big")
    path.write_bytes(raw)
    assert read_media(path, MediaSettings()).record.duration < 30


@pytest.mark.parametrize("duration", [4.0, 59, 3599, 32401, 1e6, 1e9, 1e12])
def test_the_axis_has_few_ticks_whatever_a_record_says(duration: float) -> None:
    assert len(axis(duration)) < 3000


def test_a_duration_is_a_number() -> None:
    with pytest.raises(ValueError, match="finite"):
        Media(duration=float("inf"))
