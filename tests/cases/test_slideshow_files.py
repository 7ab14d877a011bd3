"""Photo posts, sound alone and unmerged halves are posts; what is left out is named and the run is not complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clips import make_clip, tone
from tests.commands import valex
from tests.posts.files import N1, N2, N3, put, put_json
from valex_local.posts import discover
from valex_local.records import Post


@pytest.mark.parametrize("named", ["a.mp3", "a.m4a", "a.mp4"])
def test_a_post_that_is_sound_alone_says_so(tmp_path: Path, named: str) -> None:
    path = make_clip(tmp_path / "made.mp4", [], audio=tone(1.0)).rename(tmp_path / named)
    done = valex("run", path, "-s", tmp_path / "study", "--until", "media")
    assert done.returncode == 0, done.stderr
    assert "notice *   1  media: the post is sound alone" in done.stdout


def names(post: Post) -> tuple[list[str], str | None]:
    """Return the names of the pictures and of the sound of a post."""
    sound = None if post.sound is None else Path(post.sound.path).name
    return [Path(picture.path).name for picture in post.pictures], sound


def test_a_folder_of_photo_posts_and_a_video(tmp_path: Path) -> None:
    files = (f"m_photo_{N1}.m4a", f"m_photo_{N1}_slide_0.jpeg", f"m_photo_{N2}.mp3", f"@m_video_{N3}.mp4")
    folder = put(tmp_path / "videos", *files)
    put_json(folder / f"m_photo_{N1}.info.json", id=N1, uploader="m", description="Slides")
    found = discover([folder])
    one, two, three = found.posts
    assert [post.id for post in found.posts] == [f"m_{N1}", f"m_{N2}", f"m_{N3}"]
    assert names(one) == ([files[1]], files[0])
    assert (one.video, one.text.caption, one.notices) == (None, "Slides", ())
    assert names(two) == ([], files[2])
    assert (three.pictures, three.sound) == ((), None)
    assert (found.failures, found.notices) == ([], [])


@pytest.mark.parametrize(
    ("pictures", "sound"),
    [
        ([f"{N1}_{n:02} A title [{900 + n}].jpg" for n in (1, 2, 3)], f"{N1} A title [7123456789012345678].mp3"),
        ([f"{N1}_{n}.webp" for n in (1, 2, 10)], f"{N1}.m4a"),
        ([f"@maple_photo_{N1}_slide_{n}.jpeg" for n in range(12)], f"@maple_photo_{N1}.mp3"),
        ([f"maple_{N1}_20250615_101530.jpg", f"maple_{N1}_20250615_101530_2.jpg"], None),
        ([f"{N1}/{n}.png" for n in (1, 2, 11)], f"{N1}/audio.mp3"),
        ([f"maple - title - {N1}/image_{n}.jpg" for n in (1, 2)], None),
        ([f"images/{N1}_{n}.jpg" for n in (0, 1)], f"sound/{N1}.mp3"),
    ],
)
def test_pictures_and_sound_are_one_post_in_order(tmp_path: Path, pictures: list[str], sound: str | None) -> None:
    found = discover([put(tmp_path, *reversed(pictures), *([sound] if sound else []), "notes.txt")])
    (post,) = found.posts
    assert names(post) == ([Path(name).name for name in pictures], Path(sound).name if sound else None)
    assert N1 in post.id
    assert [notice.code for notice in found.notices] == ["not-used"]


def test_pictures_without_a_number_are_a_post_if_a_text_next_to_them_says_so(tmp_path: Path) -> None:
    put(tmp_path, "beach_1.jpg", "beach_2.jpg", "beach.mp3", "party_1.jpg", "party_2.jpg")
    put_json(tmp_path / "beach.info.json", description="At the sea", webpage_url="https://www.instagram.com/p/abc/")
    found = discover([tmp_path])
    (post,) = found.posts
    assert names(post) == (["beach_1.jpg", "beach_2.jpg"], "beach.mp3")
    assert post.id.startswith("beach-")
    (notice,) = found.notices
    assert (notice.code, "2 pictures" in notice.text) == ("not-used", True)


def test_thumbnails_covers_and_subtitles_of_videos_are_no_posts(tmp_path: Path) -> None:
    files = ("a.mp4", "a.jpg", "a.en.vtt", f"{N1}.mp4", f"{N1}.webp", f"thumbs/{N1}.jpg", "a.mp3", "cover.jpg")
    found = discover([put(tmp_path, *files)])
    assert len(found.posts) == 2
    assert all(post.video is not None and not post.pictures and post.sound is None for post in found.posts)
    (notice,) = found.notices
    assert notice.code == "not-used"
    assert "4 pictures" in notice.text and "1 sound file" in notice.text


def test_everything_that_yt_dlp_writes_can_be_named_on_the_command_line(tmp_path: Path) -> None:
    stem = f"A coat [{N1}]"
    endings = (".mp4", ".info.json", ".description", ".webp", ".en.vtt", ".live_chat.json")
    put(tmp_path, *(f"{stem}{ending}" for ending in endings))
    put_json(tmp_path / f"{stem}.info.json", id=N1, uploader="maple", description="A coat")
    found = discover(sorted(tmp_path.iterdir()))
    assert [post.id for post in found.posts] == [f"maple_{N1}"]
    assert found.failures == []
    assert found == discover([tmp_path])


@pytest.mark.parametrize(
    ("video", "sound"),
    [
        ("clip.f137.mp4", "clip.f251.webm"),
        ("clip.f399.mp4", "clip.f140.m4a"),
        ("clip.fdash-123v.mp4", "clip.fdash-123a.m4a"),
        ("clip.video.mp4", "clip.audio.m4a"),
        (f"maple_{N1}.f137.mp4", f"maple_{N1}.f251.webm"),
    ],
)
def test_unmerged_halves_are_one_post(tmp_path: Path, video: str, sound: str) -> None:
    put_json(tmp_path / f"{video.split('.', maxsplit=1)[0]}.info.json", description="Both")
    found = discover([put(tmp_path, video, sound)])
    (post,) = found.posts
    assert post.video is not None and Path(post.video.path).name == video
    assert names(post) == ([], sound)
    assert (post.text.caption, found.notices) == ("Both", [])


def test_a_missing_half_is_said_and_halves_next_to_the_whole_are_not_used(tmp_path: Path) -> None:
    (post,) = discover([put(tmp_path / "a", "clip.f137.mp4")]).posts
    assert [notice.code for notice in post.notices] == ["half-download"]
    found = discover([put(tmp_path / "b", "clip.mp4", "clip.f137.mp4", "clip.f251.webm")])
    (post,) = found.posts
    assert post.sound is None and post.video is not None and post.video.path.endswith("clip.mp4")
    assert [notice.code for notice in found.notices] == ["not-used"]


def test_what_should_be_a_post_and_is_none_is_named(tmp_path: Path) -> None:
    files = (
        "fine.mp4",
        "half.mp4.part",
        "fine.mp4.part",
        "voice.mp3",
        f"{N1}.jpg",
        f"user_{N2}.mpga",
        "gone.info.json",
        "playlist.info.json",
    )
    put(tmp_path, *files)
    put_json(tmp_path / "gone.info.json", description="Where is it?")
    put_json(tmp_path / "playlist.info.json", _type="playlist", title="All of it")
    found = discover([tmp_path])
    assert len(found.posts) == 1
    said = " ".join(notice.text for notice in found.notices if notice.code == "left-out")
    for name in ("half.mp4.part", "voice.mp3", f"{N1}.jpg", f"user_{N2}.mpga", "gone.info.json"):
        assert name in said, name
    assert "fine.mp4.part" not in said and "playlist" not in said
    done = valex("run", tmp_path, "-s", tmp_path / "study", "--dry-run", "--until", "media", "--json")
    assert done.returncode == 1
    assert not json.loads(done.stdout)["ok"]


def test_a_row_of_the_table_makes_a_post_of_a_sound_file(tmp_path: Path) -> None:
    put(tmp_path / "v", "voice.mp3", "slide.jpg", "a.mp4")
    (tmp_path / "m.csv").write_text("filename,caption\nvoice.mp3,Listen\n")
    found = discover([tmp_path / "v"], meta=tmp_path / "m.csv")
    assert [post.text.caption for post in found.posts] == [None, "Listen"]
    assert found.unmatched == []
    assert [post.sound is not None for post in discover([tmp_path / "v/voice.mp3"]).posts] == [True]


def test_the_files_that_were_passed_over_are_named_where_nothing_was_found(tmp_path: Path) -> None:
    put(tmp_path / "v", "voice.mp3", "holiday.jpg")
    done = valex("run", tmp_path / "v", "-s", tmp_path / "study", "--until", "media")
    assert done.returncode != 0
    assert "voice.mp3" in done.stderr and "holiday.jpg" in done.stderr


def test_two_sets_of_pictures_for_one_post_are_a_failure_that_names_both(tmp_path: Path) -> None:
    found = discover([put(tmp_path, f"a/{N1}_1.jpg", f"a/{N1}_2.jpg", f"b/{N1}_1.jpg", f"b/{N1}_2.jpg")])
    assert found.posts == []
    (failure,) = found.failures
    assert f"a/{N1}_1.jpg" in failure.what and f"b/{N1}_1.jpg" in failure.what
