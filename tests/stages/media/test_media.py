"""What the media stage finds in clips with known content."""

import hashlib
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise

import cv2
import numpy as np
import pytest

from tests.clips import BLUE, GREEN, RED, YELLOW, Scene, make_clip, silence, tone
from valex_local.records import Media
from valex_local.stages.media import keyframes
from valex_local.stages.media.audio import encode_flac, level_db, load_audio
from valex_local.stages.media.keyframes import Candidate, alike, thumbnail

SCENES = [Scene(2.0, RED), Scene(1.5, GREEN, 1), Scene(3.0, BLUE, 2), Scene(1.5, YELLOW, 3)]
CUTS = [2.0, 3.5, 6.5]


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def colour(image: np.ndarray) -> tuple[int, int, int]:
    """Return which of the scenes' colours a picture has."""
    return min((RED, GREEN, BLUE, YELLOW), key=lambda c: np.abs(np.median(image, (0, 1)) - c).sum())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "a.mp4", SCENES, audio=tone(8.0))


def test_facts(clip, run):
    media = run(clip).record
    assert media.duration == pytest.approx(8.0, abs=0.05)
    assert (media.video.width, media.video.height, media.video.rotation) == (128, 224, 0)
    assert (media.video.codec, media.video.frame_rate, media.video.variable_frame_rate) == ("h264", 25.0, False)
    assert (media.audio.codec, media.audio.sample_rate, media.audio.channels) == ("aac", 44100, 1)
    assert media.notices == ()
    assert media.skipped is None
    assert Media.parse(media.to_json()) == media


def test_shots_begin_at_the_cuts(clip, run):
    shots = run(clip).record.shots
    assert [s.start for s in shots] == [0.0, *(pytest.approx(c, abs=0.081) for c in CUTS)]
    assert all(a.end == b.start for a, b in pairwise(shots))
    assert shots[-1].end == pytest.approx(8.0, abs=0.05)


def test_every_shot_has_a_keyframe_that_shows_it(clip, run):
    output = run(clip)
    keyframes = output.record.keyframes
    assert [k.id for k in keyframes] == ["K1", "K2", "K3", "K4"]
    assert [k.shot for k in keyframes] == [0, 1, 2, 3]
    assert [colour(decode(output.files[k.file])) for k in keyframes] == [RED, GREEN, BLUE, YELLOW]
    for k in keyframes:
        assert output.record.shots[k.shot].start <= k.time < output.record.shots[k.shot].end
        assert decode(output.files[k.file]).shape == (k.height, k.width, 3)
    assert set(output.files) == {"audio.flac", *(k.file for k in keyframes)}


def test_equal_input_gives_equal_bytes(clip, run, tmp_path):
    copy = tmp_path / "other name.mp4"
    copy.write_bytes(clip.read_bytes())
    one, two = run(clip), run(copy)
    assert one.record.to_json() == two.record.to_json()
    assert dict(one.files) == dict(two.files)


def test_cuts_in_a_variable_frame_rate(tmp_path, run):
    """Half of the pictures come at 25, half at 5 a second; the cut lies where it is shown, not where it is counted."""
    fast, slow = [i / 25 for i in range(50)], [2 + i / 5 for i in range(10)]
    path = make_clip(tmp_path / "a.mp4", [Scene(2, RED), Scene(0.4, BLUE, 1)], times=fast + slow)
    media = run(path).record
    assert [s.start for s in media.shots] == [0.0, pytest.approx(2.0, abs=0.081)]
    assert media.video.variable_frame_rate
    assert media.video.frame_rate == pytest.approx(59 / 3.8, abs=0.1)
    assert media.duration == pytest.approx(4.0, abs=0.21)
    assert [k.shot for k in media.keyframes] == [0, 1]


def test_short_shots_are_joined(tmp_path, run):
    path = make_clip(
        tmp_path / "a.mp4", [Scene(2, RED), Scene(0.2, BLUE, 1), Scene(2, GREEN, 2), Scene(0.3, YELLOW, 3)]
    )
    shots = run(path).record.shots
    assert [s.start for s in shots] == [0.0, pytest.approx(2.0, abs=0.081)]
    assert shots[-1].end == pytest.approx(4.52, abs=0.05)


def test_a_long_still_shot_has_one_keyframe_a_moving_one_several(tmp_path, run):
    still = run(make_clip(tmp_path / "still.mp4", [Scene(14, RED, motion=0)], rate=10)).record
    assert len(still.keyframes) == 1
    scenes = [Scene(14, RED, motion=0.11)]
    moving = run(make_clip(tmp_path / "moving.mp4", scenes, rate=10, height=96), keyframe_every_seconds=3).record
    assert len(moving.shots) == 1
    assert 2 <= len(moving.keyframes) <= 5


def test_keyframes_of_a_shot_differ(tmp_path, run):
    path = make_clip(tmp_path / "a.mp4", [Scene(20, RED, motion=0.1), Scene(5, BLUE, 1)], rate=10, height=96)
    output = run(path, keyframe_every_seconds=1)
    small = [thumbnail(decode(output.files[k.file])) for k in output.record.keyframes if k.shot == 0]
    first = [Candidate(0.0, 0, 0.0, picture, b"", 0, 0) for picture in small]
    assert len(first) > 2
    assert not any(alike(a, b) for i, a in enumerate(first) for b in first[:i])


def test_a_thing_held_into_the_picture_is_worth_a_keyframe(tmp_path, run):
    without = np.full((256, 256, 3), 90, np.uint8)
    held = without.copy()
    held[100:164, 180:244] = RED
    moved = without.copy()
    moved[120:130, 120:130] = 255
    frames = [without] * 60 + [moved] * 60 + [held] * 60
    keyframes = run(make_clip(tmp_path / "a.mp4", frames=frames, rate=10)).record.keyframes
    assert len(keyframes) == 2
    assert keyframes[1].time >= 12


def test_the_sharp_picture_is_taken(tmp_path, run):
    scenes = [Scene(1, RED, 7, blur=15), Scene(0.4, RED, 7), Scene(1, RED, 7, blur=15)]
    (keyframe,) = run(make_clip(tmp_path / "a.mp4", scenes, width=256, height=256)).record.keyframes
    assert 1.0 <= keyframe.time < 1.4


def test_of_equally_sharp_pictures_the_last_is_taken(tmp_path, run):
    plain = np.full((256, 256, 3), 90, np.uint8)
    written = plain.copy()
    cv2.putText(written, "two words", (40, 120), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 3)
    moved = np.roll(written, 2, axis=0)
    frames = [plain] * 5 + [written, moved] * 10 + [plain] * 5
    (keyframe,) = run(make_clip(tmp_path / "a.mp4", frames=frames, rate=10)).record.keyframes
    assert keyframe.time == pytest.approx(2.4, abs=0.11)


@pytest.mark.parametrize(
    ("sharp", "chosen"),
    [([100, 92, 84, 70], 1), ([100, 70, 95, 89], 2), ([0, 0, 0], 2), ([50, 100, 60], 1)],
    ids=["creeping down", "up and down", "black", "one peak"],
)
def test_sharp_enough_is_measured_by_the_sharpest(monkeypatch, sharp, chosen):
    monkeypatch.setattr(keyframes, "sharpness", lambda picture: float(picture[0, 0, 0]))
    chooser = keyframes.KeyframeChooser(every_seconds=10, most=9, max_side=64)
    monkeypatch.setattr(chooser, "_render", lambda best: Candidate(best.time, 0, 0.0, np.zeros(768), b"", 0, 0))
    for number, level in enumerate(sharp):
        chooser.add(number / 10, np.full((4, 4, 3), level, np.uint8), None, None, cut=False)
    assert [candidate.time for candidate in chooser.choose(len(sharp) / 10, 1)] == [chosen / 10]


def test_every_span_and_shot_measures_anew(monkeypatch):
    monkeypatch.setattr(keyframes, "sharpness", lambda picture: float(picture[0, 0, 0]))
    chooser = keyframes.KeyframeChooser(every_seconds=0.2, most=9, max_side=64)
    monkeypatch.setattr(
        chooser, "_render", lambda best: Candidate(best.time, chooser._shot, 0.0, np.full(768, best.time), b"", 0, 0)
    )
    for number, level in enumerate([100, 20, 30, 29, 10, 9]):
        chooser.add(number / 10, np.full((4, 4, 3), level, np.uint8), None, None, cut=number == 4)
    assert [candidate.time for candidate in chooser.choose(0.6, 2)] == [0, 0.3, 0.5]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_keyframes_than_allowed(clip, run, most):
    keyframes = run(clip, max_keyframes=most).record.keyframes
    assert len(keyframes) == most
    assert [k.id for k in keyframes] == [f"K{n}" for n in range(1, most + 1)]
    assert [k.time for k in keyframes] == sorted(k.time for k in keyframes)


def test_where_there_is_room_every_shot_keeps_one(tmp_path, run):
    scenes = [Scene(1, c, i) for i, c in enumerate([RED, GREEN] * 6)] + [Scene(12, BLUE, 50, motion=0.1)]
    media = run(make_clip(tmp_path / "a.mp4", scenes, rate=10), max_keyframes=13, keyframe_every_seconds=1).record
    assert len(media.shots) == 13
    assert [k.shot for k in media.keyframes] == list(range(13))


def test_keyframes_are_displayed_and_fit(tmp_path, run):
    path = make_clip(tmp_path / "a.mp4", [Scene(1, RED)], width=96, height=64, pixel_aspect=Fraction(2), rotation=90)
    media = run(path, keyframe_max_side=100).record
    assert (media.video.width, media.video.height) == (64, 192)
    assert (media.video.rotation, media.video.pixel_aspect) == (90, 2.0)
    assert (media.keyframes[0].width, media.keyframes[0].height) == (33, 100)


# --- sound ----------------------------------------------------------------------------------------------------------


def heard(output, tmp_path):
    (tmp_path / "audio.flac").write_bytes(output.files["audio.flac"])
    return load_audio(tmp_path / "audio.flac")


def test_level_duration_and_sum(clip, run, tmp_path):
    output = run(clip)
    audio, samples = output.record.audio, heard(output, tmp_path)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(audio.duration * 16000, abs=8)
    assert audio.duration == pytest.approx(8.0, abs=0.05)
    assert audio.rms_db == pytest.approx(-12, abs=0.3)
    assert -10 < audio.peak_db < 0
    assert hashlib.sha256((samples * 32768).astype("<i2").tobytes()).hexdigest() == audio.sha256
    spectrum = np.abs(np.fft.rfft(samples[16000:32000]))
    assert spectrum.argmax() == 440


@pytest.mark.parametrize("start", [0.0, 0.75])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_keeps_its_place(tmp_path, run, start, name):
    path = make_clip(tmp_path / name, [Scene(3)], audio=tone(2), audio_start=start)
    samples = heard(run(path), tmp_path)
    assert np.argmax(np.abs(samples) > 0.05) / 16000 == pytest.approx(start, abs=0.03)


def test_stereo_is_mixed_down(tmp_path, run):
    both = np.stack([tone(2, hertz=300), tone(2, hertz=700)], 1)
    output = run(make_clip(tmp_path / "a.mkv", [Scene(2)], audio=both, audio_codec="flac"))
    assert output.record.audio.channels == 2
    spectrum = np.abs(np.fft.rfft(heard(output, tmp_path)[8000:24000]))
    assert set(np.argsort(spectrum)[-2:]) == {300, 700}


def test_flac_is_exact(tmp_path):
    samples = np.random.default_rng(0).integers(-32768, 32768, 50000).astype(np.int16)
    (tmp_path / "a.flac").write_bytes(encode_flac(samples))
    assert (load_audio(tmp_path / "a.flac") * 32768 == samples).all()
    assert encode_flac(samples) == encode_flac(samples)


def test_levels():
    assert level_db(np.zeros(10, np.int16)) == (-120.0, -120.0)
    assert level_db(np.zeros(0, np.int16)) == (-120.0, -120.0)
    assert level_db(np.full(10, -32768, np.int16)) == (0.0, 0.0)


# --- memory ---------------------------------------------------------------------------------------------------------


_MEASURE = """
import sys
from pathlib import Path
from valex_local.settings import MediaSettings
from valex_local.stages.media.stage import read_media
record = read_media(Path(sys.argv[1]), MediaSettings()).record
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(peak.split()[1], *(f"{k.width}x{k.height}" for k in record.keyframes))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_does_not_grow_with_a_4k_video(tmp_path):
    def measure(pictures):
        red, blue = (np.full((3840, 2160, 3), colour, np.uint8) for colour in (RED, BLUE))
        frames = [red] * (pictures // 2) + [blue] * (pictures // 2)
        path = make_clip(tmp_path / "a.mp4", frames=frames, rate=10, codec_options={"preset": "ultrafast"})
        done = subprocess.run([sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True)
        kilobytes, *sizes = done.stdout.split()
        return int(kilobytes) / 1024, sizes

    (small, _), (large, sizes) = measure(20), measure(60)
    print(f"{small:.0f} MB, {large:.0f} MB")
    assert sizes == ["432x768", "432x768"]
    # Forty more pictures of 25 MB each.
    assert large < small + 100


def test_silence_is_a_level(tmp_path, run):
    audio = run(make_clip(tmp_path / "a.mp4", [Scene(1)], audio=silence(1))).record.audio
    assert audio.rms_db == audio.peak_db == -120.0
