"""A few bytes that claim hours of sound are refused before they are spent; the other posts are done."""

from pathlib import Path

import numpy as np
import pytest

from tests.clips import Scene, make_clip, tone
from tests.commands import valex
from tests.sounds import Track, beep, make_sound
from valex_local.errors import InputError
from valex_local.settings import MediaSettings
from valex_local.stages.media import audio, budget
from valex_local.stages.media.stage import read_media
from valex_local.study import Study


def bomb(path: Path, packets: int) -> Path:
    return make_sound(path, Track([(59.0 * n, np.full(16, 0.001)) for n in range(packets)]))


def test_the_bomb_is_a_failure_and_the_next_post_is_done(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    bomb(tmp_path / "videos" / "a.mkv", 500)
    make_clip(tmp_path / "videos" / "z.mp4", [Scene(1)], audio=tone(1))
    done = valex("run", tmp_path / "videos", "-s", tmp_path / "study", "--profile", "cpu", "--until", "media")
    assert done.returncode == 1, done.stderr
    study = Study(tmp_path / "study")
    failed = {post: study.failure(post, "media") for post in study.post_ids()}
    said = {post[0]: failure.what if failure else None for post, failure in failed.items()}
    assert said["z"] is None and "longer than 15 minutes, too long for a file of 37 kB" in said["a"]


def test_nothing_is_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence that is allowed is encoded in pieces."""
    longest = 0
    write = audio.FlacWriter.write

    def watched(self: audio.FlacWriter, samples: np.ndarray) -> None:
        nonlocal longest
        longest = max(longest, len(samples))
        write(self, samples)

    monkeypatch.setattr(audio.FlacWriter, "write", watched)
    output = read_media(make_sound(tmp_path / "a.mkv", Track([(0, beep(1)), (500, beep(1))])), MediaSettings())
    assert output.record.audio.duration == pytest.approx(501, abs=0.1)
    assert longest <= 1 << 18 and len(output.files["audio.flac"]) < 200_000


def test_frames_beyond_the_budget_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "a.mp4", [Scene(2)])
    monkeypatch.setattr(budget, "FREE_PIXELS", 20 * 128 * 224)
    monkeypatch.setattr(budget, "PIXELS_PER_BYTE", 0)
    with pytest.raises(InputError, match="longer than plausible"):
        read_media(path, MediaSettings())
    monkeypatch.setattr(budget, "MAX_PIXELS", 100 * 100)
    with pytest.raises(InputError, match="frames are too large"):
        read_media(path, MediaSettings())


def test_long_files_may_be_long() -> None:
    kbit = 32_000 / 8  # the least that anybody records speech with
    for seconds in (60, 600, 3600, 2 * 3600):
        budget.Budget(Path("a.mp4"), round(seconds * kbit)).check_seconds(seconds)
    with pytest.raises(InputError, match=r"longer than 180 minutes \["):
        budget.Budget(Path("a.mp4"), 10**9).check_seconds(4 * 3600)
