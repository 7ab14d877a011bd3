"""Texts beyond what any platform allows are cut with a notice, and files are read only so far."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.posts.files import put, put_json
from valex_local.posts import discover, limits, sidecars
from valex_local.posts.limits import bounded
from valex_local.records import PostText


def test_a_caption_of_two_megabytes_is_cut(tmp_path: Path) -> None:
    put(tmp_path, "clip.mp4")
    put_json(tmp_path / "clip.info.json", description="word " * 400_000, uploader="u" * 10_000)
    (post,) = discover([tmp_path]).posts
    assert post.text.caption == ("word " * 400_000)[: limits.CAPTION]
    assert post.text.author == "u" * limits.FIELDS["author"]
    assert [notice.code for notice in post.notices] == ["text-cut", "text-cut"]
    assert "1,999,999 characters" in post.notices[0].text
    assert len(post.to_json()) < 100_000


def test_a_description_is_read_only_so_far(tmp_path: Path) -> None:
    put(tmp_path, "clip.mp4")
    (tmp_path / "clip.description").write_text("é" * 3_000_000, "utf-8")
    (post,) = discover([tmp_path]).posts
    assert post.text.caption == "é" * limits.CAPTION
    assert "6,000,000 bytes" in post.notices[0].text


def test_a_sidecar_that_is_too_large_is_said(tmp_path: Path) -> None:
    put(tmp_path, "clip.mp4")
    with (tmp_path / "clip.info.json").open("wb") as file:
        file.truncate(sidecars.LARGEST + 1)
    (post,) = discover([tmp_path]).posts
    assert [notice.code for notice in post.notices] == ["post-text"]


def test_a_table_of_long_captions_is_cut_too(tmp_path: Path) -> None:
    put(tmp_path / "v", "clip.mp4")
    (tmp_path / "m.csv").write_text("id,caption\nclip," + "#tag " * 100_000 + "\n")
    (post,) = discover([tmp_path / "v"], meta=tmp_path / "m.csv").posts
    assert len(post.text.caption or "") == limits.CAPTION
    assert [notice.code for notice in post.notices] == ["text-cut"]


@given(
    st.integers(0, 3).map(lambda n: "x" * (n * limits.CAPTION)),
    st.lists(st.integers(0, 400).map(lambda n: "y" * n), max_size=5),
    st.integers(0, 1_000),
)
def test_no_text_is_longer_than_its_limit_and_every_cut_is_said(caption: str, tags: list[str], length: int) -> None:
    text = PostText(caption=caption, hashtags=tuple(tags * 200), author="a" * length)
    cut, notices = bounded(text)
    assert len(cut.caption or "") <= limits.CAPTION and len(cut.author or "") <= limits.FIELDS["author"]
    assert len(cut.hashtags) <= limits.HASHTAGS and all(len(tag) <= limits.HASHTAG for tag in cut.hashtags)
    assert (cut == text) == (notices == ())
    assert bounded(cut) == (cut, ())
