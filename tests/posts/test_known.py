"""Posts that a study has already keep their ids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.posts.files import N1, N2
from valex_local.posts.ids import PostKey
from valex_local.posts.known import KnownPosts, with_known
from valex_local.records import Post, PostText, SourceFile


def post(name: str, video: str | None = None, digest: str = "0" * 64, **text: Any) -> Post:
    file = None if video is None else SourceFile(path=f"/no/such/folder/{video}", sha256=digest, size=1)
    return Post(id=name, video=file, text=PostText.model_validate(text))


def known(*posts: Post) -> KnownPosts:
    by_id = {post.id: post for post in posts}
    return KnownPosts(by_id, by_id.get)


@pytest.mark.parametrize(
    ("old", "found", "key"),
    [
        (post(f"video_{N1}"), post(f"maple_{N1}"), PostKey("maple", N1)),
        (post(f"__{N1}"), post(f"maple_{N1}"), PostKey("maple", N1)),
        (post(f"title_{N1}-12345678"), post(f"maple_{N1}"), PostKey("maple", N1)),
        (post("clip-12345678", url=f"https://www.tiktok.com/@m/video/{N1}"), post(f"m_{N1}"), PostKey("m", N1)),
        (post("a_1800000000000000000", "a.mp4"), post("a_18-00000000", "a.mp4"), None),
    ],
)
def test_a_post_keeps_its_id(old: Post, found: Post, key: PostKey | None) -> None:
    assert known(post("other"), old).id_of(found, key) == old.id


def test_other_posts_get_their_own() -> None:
    posts = known(post(f"a_{N1}", "video.mp4"), post(f"b_{N2}_part2-12345678", f"b_{N2}_part2.mp4", "1" * 64))
    assert posts.id_of(post(f"b_{N2}"), PostKey("b", N2)) == f"b_{N2}"
    assert posts.id_of(post(f"c_{N2}", "video.mp4"), PostKey("c", N2)) == f"c_{N2}"
    assert posts.id_of(post("new-1", "new.mp4", "2" * 64), None) == "new-1"


def test_no_record_is_read_for_a_post_that_the_study_has() -> None:
    asked: list[str] = []
    posts = KnownPosts([f"a_{N1}"], asked.append)
    assert posts.id_of(post(f"a_{N1}"), PostKey("a", N1)) == f"a_{N1}"
    assert asked == []


def test_text_is_completed_but_made_up_captions_and_users_are_not_kept() -> None:
    text: dict[str, Any] = {
        "caption": f"TikTok video #{N1}",
        "hashtags": (N1,),
        "author": "video",
        "sound_title": "song",
    }
    old = post(f"video_{N1}", "v.mp4", **text)
    now = with_known(post(f"video_{N1}", "v.mp4"), old)
    assert now.text == PostText(sound_title="song")
    assert with_known(post("a"), post("a", caption="Words", author="video")).text.author == "video"


def test_pictures_of_a_later_run_join_the_sound_of_an_earlier_one() -> None:
    file = SourceFile(path="/x/1.jpg", sha256="0" * 64, size=1)
    sound = SourceFile(path="/x/1.mp3", sha256="1" * 64, size=1)
    joined = with_known(Post(id="a", pictures=(file,)), Post(id="a", sound=sound))
    assert (joined.pictures, joined.sound) == ((file,), sound)
