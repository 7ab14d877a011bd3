"""Upright pictures with presentation times."""

from fractions import Fraction

import numpy as np
import pytest

from tests.clips import BLUE, GREEN, RED, Scene, make_clip, tone
from valex_local.errors import InputError
from valex_local.stages.media.decode import Clock, Geometry, iter_frames, open_video, video_stream

WHITE, PURE_RED, BLACK = (255, 255, 255), (255, 0, 0), (0, 0, 0)


@pytest.fixture
def corners():
    """Wide and black; the upper left corner white, the upper right red."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:16, :24] = WHITE
    image[:16, -24:] = PURE_RED
    return image


def seen(frame):
    """Return the colours of the corners: upper left, upper right, lower left, lower right."""
    rgb = frame.rgb.astype(int)
    names = {WHITE: "white", PURE_RED: "red", BLACK: "black"}
    spots = [rgb[4, 4], rgb[4, -5], rgb[-5, 4], rgb[-5, -5]]
    return [next(names[c] for c in names if abs(spot - c).max() < 40) for spot in spots]


@pytest.mark.parametrize(
    ("rotation", "size", "expected"),
    [
        (0, (96, 64), ["white", "red", "black", "black"]),
        (90, (64, 96), ["black", "white", "black", "red"]),
        (180, (96, 64), ["black", "black", "red", "white"]),
        (270, (64, 96), ["red", "black", "white", "black"]),
    ],
)
def test_rotation(tmp_path, corners, rotation, size, expected):
    path = make_clip(tmp_path / "a.mp4", frames=[corners] * 5, rotation=rotation)
    frame = next(iter_frames(path, fps=None))
    assert frame.rgb.shape == (size[1], size[0], 3)
    assert seen(frame) == expected
    with open_video(path) as container:
        stream = video_stream(container)
        geometry = Geometry.of(stream, next(container.decode(stream)))
    assert geometry.rotation == rotation
    assert geometry.displayed == size


def test_mirrored_pictures(corners):
    """The display matrix of a selfie camera: mirrored, and turned besides."""
    from av import VideoFrame

    frame = VideoFrame.from_ndarray(corners, format="rgb24")

    def colours(**turn):
        rgb = Geometry(96, 64, Fraction(1), **turn).render(frame)
        return seen(type("F", (), {"rgb": rgb}))

    assert colours(swap=False, flip_x=True, flip_y=False) == ["red", "white", "black", "black"]
    assert colours(swap=True, flip_x=False, flip_y=False) == ["white", "black", "red", "black"]


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(Fraction(2), (192, 64)), (Fraction(1, 2), (96, 128)), (Fraction(4, 3), (128, 64)), (None, (96, 64))],
)
def test_pixel_aspect(tmp_path, corners, aspect, size):
    path = make_clip(tmp_path / "a.mp4", frames=[corners] * 5, pixel_aspect=aspect)
    frame = next(iter_frames(path, fps=None))
    assert frame.rgb.shape == (size[1], size[0], 3)
    assert seen(frame) == ["white", "red", "black", "black"]


def test_pixel_aspect_is_applied_before_rotation(tmp_path, corners):
    path = make_clip(tmp_path / "a.mp4", frames=[corners] * 5, pixel_aspect=Fraction(2), rotation=90)
    assert next(iter_frames(path, fps=None)).rgb.shape == (192, 64, 3)


@pytest.mark.parametrize("max_side", [48, 1000])
def test_pictures_are_only_scaled_down(tmp_path, corners, max_side):
    path = make_clip(tmp_path / "a.mp4", frames=[corners] * 5)
    assert max(next(iter_frames(path, fps=None, max_side=max_side)).rgb.shape) == min(96, max_side)


def test_times_are_presentation_times(tmp_path, corners):
    times = [0, 0.1, 0.5, 0.6, 2.0, 2.1, 2.15]
    path = make_clip(tmp_path / "a.mp4", frames=[corners] * 7, times=times)
    assert [round(f.time, 3) for f in iter_frames(path, fps=None)] == times
    # Between the ticks, but shown for longer than one.
    assert [round(f.time, 3) for f in iter_frames(path, fps=1)] == [0, 0.6, 2.0]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mov", "a.ts", "a.avi", "a.webm", "a.flv"])
def test_containers(tmp_path, name):
    codec = {"a.webm": "libvpx-vp9", "a.avi": "mpeg4"}.get(name, "libx264")
    path = make_clip(
        tmp_path / name, [Scene(1, RED), Scene(1, BLUE, 1)], codec=codec, audio=tone(2) if name != "a.webm" else None
    )
    frames = list(iter_frames(path, fps=None))
    assert len(frames) == 50
    assert abs(frames[0].time) < 0.1
    assert abs(frames[25].time - frames[0].time - 1) < 0.03
    assert frames[0].rgb[:, :, 0].mean() > 150
    assert frames[-1].rgb[:, :, 2].mean() > 150


def test_a_late_start_counts_as_zero(tmp_path, corners):
    path = make_clip(tmp_path / "a.ts", frames=[corners] * 5, times=[5 + i / 25 for i in range(5)])
    assert next(iter_frames(path, fps=None)).time == pytest.approx(0)


@pytest.mark.parametrize("bframes", ["0", "8"])
def test_sparse_pictures_lie_close_to_their_ticks(tmp_path, bframes):
    path = make_clip(tmp_path / "a.mp4", [Scene(4, GREEN)], codec_options={"bf": bframes, "b-pyramid": "none"})
    times = [f.time for f in iter_frames(path, fps=2)]
    assert len(times) == 8
    assert all(0 <= time - tick / 2 <= 0.4 for tick, time in enumerate(times))


def test_sparse_decoding_stops_skipping_where_nothing_else_is_left(tmp_path):
    """In intra-refresh streams with bf=16 the pictures that others need are further apart than asked for."""
    path = make_clip(
        tmp_path / "a.mp4",
        [Scene(8, GREEN)],
        codec_options={"bf": "16", "b-pyramid": "none", "b_strategy": "0", "g": "250", "sc_threshold": "0"},
    )
    times = [f.time for f in iter_frames(path, fps=12)]
    gaps = np.diff(times)
    assert gaps.max() > 0.3
    assert np.median(gaps) < 0.13


def test_colours_of_high_definition(tmp_path):
    """Rec. 709 pictures are not taken for Rec. 601."""
    import av

    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        stream.codec_context.colorspace = 1
        for i in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((128, 128, 3), (20, 200, 40), np.uint8), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    rgb = next(iter_frames(path, fps=None)).rgb.mean((0, 1))
    assert np.abs(rgb - (20, 200, 40)).max() < 4


def test_the_clock_only_goes_forward():
    clock = Clock(zero=1.0, step=0.04)
    stamps = [1.0, 1.04, None, 1.04, 0.5, 1.24, 1e9, 1.36]
    assert [round(clock.advance(s), 3) for s in stamps] == [0, 0.04, 0.08, 0.12, 0.16, 0.24, 0.28, 0.36]
    assert clock.broken == 4
    assert Clock(zero=0.0, step=0.04).advance(None) == 0
    assert Clock(zero=0.0, step=0.04).advance(-3.0) == 0


def test_a_sound_file_has_no_pictures(tmp_path):
    assert list(iter_frames(make_clip(tmp_path / "a.m4a", [], audio=tone(1)), fps=1)) == []


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        next(iter_frames(tmp_path / "none.mp4", fps=1))
