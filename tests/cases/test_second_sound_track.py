"""Of several sound tracks, the one that a player takes is used, or another if that one is silent."""

from pathlib import Path

import numpy as np
import pytest

from tests.sounds import Track, beep, make_sound
from valex_local.settings import MediaSettings
from valex_local.stages.media.stage import read_media

SILENT, LOUD, SOFT = np.zeros(32000, np.float32), beep(2.0), beep(2.0, level=0.01)


@pytest.mark.parametrize(
    ("tracks", "used", "why"),
    [
        ([Track([(0, SILENT)]), Track([(0, LOUD)], default=True)], 2, "marked as default"),
        ([Track([(0, SILENT)], default=True), Track([(0, LOUD)])], 2, "silent"),
        ([Track([(0, SILENT)]), Track([(0, LOUD)])], 2, "silent"),
        ([Track([(0, LOUD)]), Track([(0, SOFT)], default=True)], 2, "marked as default"),
        ([Track([(0, LOUD)]), Track([(0, SOFT)])], 1, "the first"),
        ([Track([(0, SILENT)]), Track([(0, SILENT)]), Track([(1, LOUD)])], 3, "silent"),
    ],
)
def test_the_track_that_is_heard(tmp_path: Path, tracks: list[Track], used: int, why: str) -> None:
    media = read_media(make_sound(tmp_path / "a.mkv", *tracks, pictures=range(3)), MediaSettings()).record
    (notice,) = media.notices
    assert notice.code == "sound-tracks"
    assert f"{len(tracks)} sound tracks; number {used} was used" in notice.text and why in notice.text
    assert media.audio.rms_db == pytest.approx(-43.0 if tracks[used - 1].pieces[0][1] is SOFT else -13.5, abs=2)


def test_all_silent(tmp_path: Path) -> None:
    path = make_sound(tmp_path / "a.mkv", Track([(0, SILENT)]), Track([(0, SILENT)]))
    media = read_media(path, MediaSettings()).record
    assert media.audio.rms_db == -120 and "number 1 was used, the first" in media.notices[0].text
