"""A placeholder in an address is not a user, and two names for one number are one post."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.posts.files import N1, put, put_json
from valex_local.posts import discover


@pytest.mark.parametrize("placeholder", ["_", "6800000000000000001", "undefined", "null", "."])
def test_the_uploader_is_the_user_where_the_address_has_none(tmp_path: Path, placeholder: str) -> None:
    folder = put(tmp_path / "videos", f"A coat [{N1}].mp4")
    page = f"https://www.tiktok.com/@{placeholder}/video/{N1}"
    put_json(folder / f"A coat [{N1}].info.json", id=N1, webpage_url=page, uploader="maple.test", description="A coat")
    table = tmp_path / "posts.csv"
    table.write_text(f"tiktok_url,body\nhttps://www.tiktok.com/@maple.test/video/{N1},Caption\n")
    found = discover([folder], meta=table)
    (post,) = found.posts
    assert (post.id, post.text.author, post.text.caption) == (f"maple.test_{N1}", "maple.test", "Caption")
    assert found.unmatched == []
    (post,) = discover([folder]).posts
    assert post.id == f"maple.test_{N1}"


def test_files_under_two_names_of_a_user_are_one_post(tmp_path: Path) -> None:
    for name in (f"old.name_{N1}.mp4", f"new.name_{N1}.mp4"):
        put(tmp_path, name)
        (tmp_path / name).write_bytes(b"the same")
    found = discover([tmp_path])
    (post,) = found.posts
    assert post.id in (f"old.name_{N1}", f"new.name_{N1}")
    assert found.failures == []


def test_a_user_that_changed_is_said(tmp_path: Path) -> None:
    put(tmp_path, f"old.name_{N1}.mp4")
    put_json(tmp_path / f"old.name_{N1}.info.json", webpage_url=f"https://www.tiktok.com/@new.name/video/{N1}")
    (post,) = discover([tmp_path]).posts
    assert (post.id, post.text.author) == (f"new.name_{N1}", "new.name")
    (notice,) = post.notices
    assert notice.code == "user-differs"
    assert "new.name" in notice.text and "old.name" in notice.text


def test_a_number_in_the_name_of_another_platforms_video_is_no_post_of_tiktok(tmp_path: Path) -> None:
    put(tmp_path, f"user_{N1}.mp4")
    put_json(tmp_path / f"user_{N1}.info.json", id=N1, extractor_key="Likee", webpage_url="https://likee.video/x")
    (post,) = discover([tmp_path]).posts
    assert post.id.startswith(f"user_{N1}-")
