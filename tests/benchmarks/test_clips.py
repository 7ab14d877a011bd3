"""The clips that benchmarks take: what is said to be in them is in them."""

import shutil

import numpy as np
import pytest

from benchmarks import clips
from benchmarks.clips import make_clip
from valex_local.errors import InputError
from valex_local.settings import MediaSettings
from valex_local.stages.media.decode import iter_frames
from valex_local.stages.media.stage import read_media


def test_the_cuts_are_there_and_nothing_is_heard(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 9.5, seed=3, voices=False)
    media = read_media(clip.path, MediaSettings()).record
    assert [shot.start for shot in media.shots[1:]] == pytest.approx(clip.cuts, abs=0.05)
    assert clip.cuts == (4.3, 8.6)
    assert media.duration == pytest.approx(9.5, abs=0.05)
    assert media.audio is None
    assert (media.video.width, media.video.height) == (540, 960)


def test_the_same_seed_makes_the_same_clip_and_another_one_another(tmp_path):
    one, same, other = (
        make_clip(tmp_path / f"{n}.mp4", 2, seed=seed, voices=False) for n, seed in enumerate((1, 1, 2))
    )
    assert one.shown == same.shown != other.shown
    # What is seen, not the bytes of the file: x264 has made others of equal pictures, once in some hundred runs.
    assert _apart(one, same) < 1
    assert _apart(one, other) > 10


def _apart(one: clips.BenchmarkClip, other: clips.BenchmarkClip) -> float:
    """Return the mean difference of the frames of two clips, levels of 255."""
    seen = [np.stack([f.rgb for f in iter_frames(clip.path, fps=5, max_side=160)]) for clip in (one, other)]
    return float(np.abs(seen[0].astype(float) - seen[1]).mean())


def test_every_caption_fits_into_the_picture():
    longest = f"100. {max(clips.DID, key=len)} {max(clips.WHAT, key=len)}".upper()
    usual = clips._lettering("1. LOST THE GARDEN").shape[0]
    height, width = clips._lettering(longest).shape[:2]
    assert width <= clips.WIDTH
    assert 0.7 * usual < height <= usual + 2


@pytest.mark.skipif(shutil.which("flite") is None, reason="there is no flite to speak with")
def test_a_voice_is_heard(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", 6, seed=1)
    audio = read_media(clip.path, MediaSettings()).record.audio
    assert audio.duration == pytest.approx(6, abs=0.1)
    assert audio.rms_db > -40
    assert len(clip.said.split()) > 5


def test_without_flite_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(InputError, match="flite"):
        make_clip(tmp_path / "a.mp4", 6)
