"""A title that a download tool made up is no caption."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.posts.files import N1, put, put_json
from valex_local.posts import discover
from valex_local.posts.sidecars import read_sidecars

TIKTOK = {"id": N1, "uploader": "maple.test", "extractor_key": "TikTok", "description": ""}
INSTAGRAM = {"id": "CxYzAbC1234", "channel": "maple.test", "uploader": "Maple", "extractor_key": "Instagram"}


@pytest.mark.parametrize(
    "info",
    [
        TIKTOK | {"title": f"TikTok video #{N1}"},
        TIKTOK | {"title": f"TikTok photo #{N1}", "description": None},
        TIKTOK | {"title": "maple.test on TikTok"},
        TIKTOK | {"title": "TikTok · maple.test"},
        TIKTOK | {"title": N1},
        TIKTOK | {"title": "TikTok - Make Your Day"},
        INSTAGRAM | {"title": "Video by maple.test"},
        INSTAGRAM | {"title": "Post by Maple", "description": None},
        INSTAGRAM | {"title": "Instagram post by maple.test"},
        INSTAGRAM | {"title": "Reel by maple.test"},
        {"id": "1800000000000000000", "title": "Maple - https://t.co/abc", "uploader": "Maple", "extractor": "twitter"},
        {"id": "1234567890", "title": "facebook video #1234567890", "extractor": "facebook"},
        {"id": "1234567890", "title": "5.1K views · 61 reactions | Maple Test", "uploader": "Maple Test"},
        {"id": "clip", "title": "clip"},
        {"id": "clip", "title": "untitled"},
        TIKTOK | {"title": f"@maple.test_video_{N1}.mp4"},
        TIKTOK | {"title": f"20231101_{N1}"},
        TIKTOK | {"title": "Maple Test Girl (@maple.test) on TikTok"},
        TIKTOK | {"title": "TikTok Video by Maple Test (@maple.test)"},
        INSTAGRAM | {"title": "Photo by Maple Test Girl on November 01, 2023."},
        INSTAGRAM | {"title": "Login • Instagram"},
        {"id": "clip", "title": "Sin título"},
    ],
)
def test_a_made_up_title_is_no_caption_and_is_said(tmp_path: Path, info: dict[str, Any]) -> None:
    put(tmp_path, "clip.mp4")
    put_json(tmp_path / "clip.info.json", **info)
    (post,) = discover([tmp_path]).posts
    assert (post.text.caption, post.text.hashtags) == (None, ())
    assert [notice.code for notice in post.notices] == ["title-made-up"]


@pytest.mark.parametrize(
    "title",
    [
        "A coat for 12 dollars #thrift",
        "My cat video #cute",
        "Video by my little sister, watch to the end",
        "😀",
        "Maple syrup",
        "Video by the sea",
        "Coat on Vimeo",
        "Story from my grandmother",
        "A coat for 12 dollars | TikTok",
    ],
)
def test_a_title_that_somebody_wrote_counts(tmp_path: Path, title: str) -> None:
    said = read_sidecars([put_json(tmp_path / "clip.info.json", **{**INSTAGRAM, "title": title})])
    assert said.text.caption == title
    assert said.notices == ()


def test_a_description_goes_before_a_title(tmp_path: Path) -> None:
    info = TIKTOK | {"title": f"TikTok video #{N1}", "description": "Words #tag"}
    said = read_sidecars([put_json(tmp_path / "clip.info.json", **info)])
    assert (said.text.caption, said.text.hashtags, said.notices) == ("Words #tag", ("tag",), ())


def test_a_made_up_title_in_a_table_is_no_caption(tmp_path: Path) -> None:
    put(tmp_path / "v", f"{N1}.mp4")
    (tmp_path / "m.csv").write_text(f"id,title,author\n{N1},TikTok video #{N1},maple.test\n")
    found = discover([tmp_path / "v"], meta=tmp_path / "m.csv")
    assert found.posts[0].text.caption is None
    assert "title-made-up" in [notice.code for notice in found.notices]
