"""Slides at few frames per second: each text and each slide is found, and stands as long as it is shown."""

from __future__ import annotations

import random
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.captioned import font
from valex_local.records import Post, SourceFile
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.media.decode import iter_frames
from valex_local.stages.media.stage import read_media
from valex_local.stages.ocr import OcrStage
from valex_local.stages.ocr.frame_selection import sample_frames
from valex_local.system.devices import Device

TEXTS = ("Slide one: eat local", "Slide two: save water", "Slide three: be kind", "Slide four: follow me")
COLOURS = ((250, 238, 220), (208, 226, 248), (218, 247, 219), (247, 218, 229))
NEAR = 0.2


def slide(number):
    """Draw a slide: dark letters on a plain ground."""
    image = Image.new("RGB", (360, 640), COLOURS[number % len(COLOURS)])
    ImageDraw.Draw(image).text((24, 270), TEXTS[number % len(TEXTS)], font=font(27), fill=(20, 20, 20))
    return np.asarray(image)


def show(path, shown, codec="libx264", b_frames=2, rate=Fraction(30)):
    """Write a video of (slide, start, end): frames at the given times."""
    options = {"libx264": {"bf": str(b_frames), "preset": "veryfast"}, "libvpx-vp9": {"deadline": "realtime"}}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, options=options.get(codec, {}))
        stream.width, stream.height, stream.pix_fmt = 360, 640, "yuv420p"
        stream.codec_context.time_base = stream.time_base = tick = min(1 / rate, Fraction(1, 600))
        for number, start, end in shown:
            frame = av.VideoFrame.from_ndarray(slide(number), format="rgb24")
            frame.time_base, frame.pts, frame.duration = tick, round(start / tick), round((end - start) / tick)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def at_rate(lengths, rate):
    """Return the frames of slides that are shown for some seconds each, at a constant rate."""
    ends = np.cumsum(lengths)
    count = round(ends[-1] * rate)
    return [(int(np.searchsorted(ends, (i + 0.5) / rate)), i / rate, (i + 1) / rate) for i in range(count)]


RATES = [Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(5)]


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("rate", RATES, ids=str)
def test_each_slide_is_sampled_read_and_a_keyframe(tmp_path, rate, b_frames):
    length = float(max(1 / rate, 2))
    path = show(tmp_path / "a.mp4", at_rate([length] * 4, float(rate)), b_frames=b_frames, rate=rate)
    starts = [length * n for n in range(4)]
    read = [frame.time for frame in sample_frames(path, 6.0) if frame.picture is not None]
    media = read_media(path, Settings().media).record
    for found in (read, [keyframe.time for keyframe in media.keyframes]):
        assert [sum(start <= time < start + length for time in found) for start in starts] == [1] * 4
    assert media.duration == pytest.approx(4 * length)


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.webm", "libvpx-vp9")])
def test_frames_are_shown_until_the_next_in_any_container(tmp_path, name, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"no encoder {codec}")
    shown = at_rate([3, 3, 3], 1 / 3)
    frames = list(iter_frames(show(tmp_path / name, shown, codec, rate=Fraction(1, 3)), fps=6.0))
    assert [(round(f.time, 2), round(f.until, 2)) for f in frames] == [(start, end) for _, start, end in shown]


def test_a_slide_in_one_frame_of_a_fast_video_is_kept(tmp_path):
    fast = [(0, i / 30, (i + 1) / 30) for i in range(31)]
    shown = [*fast, (1, 31 / 30, 4.0), *((2, 4 + i / 30, 4 + (i + 1) / 30) for i in range(40))]
    path = show(tmp_path / "a.mp4", shown, b_frames=3)
    frames = list(sample_frames(path, 6.0))
    assert any(frame.picture is not None and 31 / 30 - 0.01 <= frame.time < 4 for frame in frames)
    assert max(frame.until - frame.time for frame in frames) == pytest.approx(4 - 31 / 30, abs=0.01)
    keyframes = read_media(path, Settings().media).record.keyframes
    assert any(1 < keyframe.time < 4 for keyframe in keyframes)


@pytest.fixture(scope="module")
def stage(stored_model):
    built = OcrStage(Context(Settings(), {"ocr": stored_model("ppocrv6")}, Device("cpu", 2)))
    yield built
    built.close()


def tracks(stage, path):
    media = read_media(path, Settings().media).record
    post = Post(id="p", video=SourceFile(path=str(path), sha256="0" * 64, size=1))
    (output,) = stage([stage.prepare(Item(post, path.parent, {"media": media}))])
    return output.record.tracks


def check(found, lengths, end=None):
    """Check texts and times; `end` is when the last slide ends by what the file says, if that is not its length."""
    ends = [float(at) for at in np.cumsum(lengths)]
    assert [track.text for track in found] == [TEXTS[n % len(TEXTS)] for n in range(len(lengths))]
    assert [track.start for track in found] == pytest.approx([0, *ends[:-1]], abs=NEAR)
    assert [track.end for track in found] == pytest.approx([*ends[:-1], ends[-1] if end is None else end], abs=NEAR)


@pytest.mark.slow
@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("rate", [Fraction(1, 3), Fraction(1)], ids=str)
def test_four_slides_of_three_seconds(stage, tmp_path, rate, b_frames):
    path = show(tmp_path / "a.mp4", at_rate([3] * 4, float(rate)), b_frames=b_frames, rate=rate)
    check(tracks(stage, path), [3] * 4)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_slides_of_any_lengths_one_frame_each(stage, tmp_path, seed):
    lengths = random.Random(seed).sample(range(1, 11), 4)
    ends = np.cumsum(lengths)
    shown = [(n, float(end - length), float(end)) for n, (end, length) in enumerate(zip(ends, lengths, strict=True))]
    last, start, end = shown.pop()  # repeated: the encoder gives the very last frame a thirtieth of a second
    shown += [(last, at / 2, at / 2 + 0.5) for at in range(round(2 * start), round(2 * end))]
    check(tracks(stage, show(tmp_path / "a.mp4", shown, b_frames=0)), lengths, end=end - 0.5 + 1 / 30)
