"""Photo posts: every picture is a keyframe, in order; what cannot be read is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from valex_local.errors import InputError
from valex_local.records import AudioTrack, Media
from valex_local.stages.base import Output
from valex_local.stages.media.parts import PICTURE_SECONDS, joined, slideshow
from valex_local.stages.media.pictures import MAX_PIXELS, open_picture

COLOURS = ("red", "green", "blue")


def picture(path: Path, colour: object = "red", size: tuple[int, int] = (60, 90), mode: str = "RGB") -> Path:
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


@pytest.fixture
def slides(tmp_path: Path) -> list[Path]:
    return [picture(tmp_path / f"{number}.png", colour) for number, colour in enumerate(COLOURS)]


def sound(seconds: float) -> Output:
    track = AudioTrack(
        codec="mp3", sample_rate=44100, channels=2, duration=seconds, rms_db=-20, peak_db=-1, file="audio.flac",
        sha256="a" * 64,
    )  # fmt: skip
    return Output(Media(container="mp3", duration=seconds, audio=track), {"audio.flac": b"sound"})


def media(output: Output) -> Media:
    assert isinstance(output.record, Media)
    return output.record


@pytest.mark.parametrize(("heard", "each"), [(0.0, PICTURE_SECONDS), (5.0, PICTURE_SECONDS), (30.0, 10.0)])
def test_every_picture_has_an_equal_part_of_the_sound(slides: list[Path], heard: float, each: float) -> None:
    found = slideshow(slides, sound(heard) if heard else Output(Media()), 80)
    record = media(found)
    assert [shot.start for shot in record.shots] == [0, each, 2 * each]
    assert record.duration == 3 * each
    assert [(k.id, k.shot, k.time) for k in record.keyframes] == [
        (f"K{number + 1}", number, (number + 0.5) * each) for number in range(3)
    ]
    assert [(k.width, k.height) for k in record.keyframes] == [(53, 80)] * 3
    assert (record.audio is not None, "audio.flac" in found.files) == ((True, True) if heard else (False, False))
    (notice,) = record.notices
    assert notice.code == "picture-times" and f"{each:.1f} seconds" in notice.text


def test_a_picture_that_cannot_be_read_is_said_and_the_others_keep_their_place(slides: list[Path]) -> None:
    slides[1].write_bytes(b"\xff\xd8 half a picture")
    record = media(slideshow(slides, Output(Media()), 80))
    assert [(k.id, k.shot) for k in record.keyframes] == [("K1", 0), ("K2", 2)]
    assert [n.text for n in record.notices if n.code == "picture-unreadable"] == [
        "picture 2 is missing: this is not a picture that can be read"
    ]


def test_a_post_without_a_picture_that_can_be_read_fails(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="not a picture"):
        slideshow([tmp_path / "a.jpg"], Output(Media()), 80)


def test_pictures_are_shown_upright_and_on_white(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[0x0112] = 6  # rotate by a quarter to show it
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg", 100).size == (20, 40)
    clear = open_picture(picture(tmp_path / "clear.png", (0, 0, 0, 0), mode="RGBA"), 100)
    assert clear.getpixel((5, 5)) == (255, 255, 255)
    assert open_picture(picture(tmp_path / "palette.gif", 0, mode="P"), 100).mode == "RGB"
    assert open_picture(picture(tmp_path / "grey.png", 7, mode="I;16"), 100).mode == "RGB"


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    picture(tmp_path / "bomb.png", 0, (side, side), mode="1")
    with pytest.raises(InputError, match="too large"):
        open_picture(tmp_path / "bomb.png", 100)


def test_a_video_and_the_sound_next_to_it_are_one_post() -> None:
    video = Output(Media(container="mp4", duration=4), {"keyframes/K1.jpg": b"picture"})
    both = joined(video, sound(6))
    assert (media(both).duration, media(both).container) == (6, "mp4")
    assert media(both).audio == media(sound(6)).audio
    assert set(both.files) == {"keyframes/K1.jpg", "audio.flac"}
    kept = joined(sound(4), sound(6))
    assert media(kept).duration == 4
    assert [notice.code for notice in media(kept).notices] == ["sound-tracks"]
