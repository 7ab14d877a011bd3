"""A date or a word before the number of a post is not its user; the table and info.json say who it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import valex
from tests.posts.files import N1, N2, put, put_json
from valex_local.posts import discover
from valex_local.study import Study

ADDRESS = "https://www.tiktok.com/@maple.test/video/"


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = put(tmp_path / "videos", f"20231101_{N1}.mp4", f"video_{N2}.mp4")
    put_json(folder / f"20231101_{N1}.info.json", id=N1, webpage_url=ADDRESS + N1, uploader="maple.test", title="x y")
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "posts.csv"
    path.write_text(f"tiktok_url,body,author\n{ADDRESS}{N1},One #tag,maple.test\n{ADDRESS}{N2},Two,maple.test\n")
    return path


def test_both_rows_find_their_videos(videos: Path, table: Path) -> None:
    found = discover([videos], meta=table)
    assert [post.id for post in found.posts] == [f"maple.test_{N1}", f"maple.test_{N2}"]
    assert [post.text.caption for post in found.posts] == ["One #tag", "Two"]
    assert {post.text.author for post in found.posts} == {"maple.test"}
    assert (found.unmatched, found.notices) == ([], [])


def test_without_a_table_no_word_becomes_a_user(videos: Path) -> None:
    one, two = discover([videos]).posts
    assert (one.id, one.text.author) == (f"maple.test_{N1}", "maple.test")
    assert two.id.startswith(f"video_{N2}-")
    assert two.text.author is None


def test_a_later_run_that_learns_the_user_makes_no_second_post(tmp_path: Path, videos: Path, table: Path) -> None:
    out = tmp_path / "study"
    valex("run", videos, "-s", out, "--until", "media")
    first = Study(out).post_ids()
    valex("run", videos, "-s", out, "--until", "media", "--meta", table)
    study = Study(out)
    assert study.post_ids() == first
    assert {study.post(name).text.author for name in first} == {"maple.test"}


def test_a_study_of_an_earlier_version_keeps_its_ids_and_loses_its_false_users(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "study"
    valex("run", videos, "-s", out, "--until", "media")
    study = Study(out)
    new = study.post_ids()[-1]
    post = study.post(new)
    old = post.model_copy(update={"id": f"video_{N2}", "text": post.text.model_copy(update={"author": "video"})})
    (study.root / "posts" / new).rename(study.root / "posts" / old.id)
    study.write(old.id, "post", old)
    valex("run", videos, "-s", out, "--until", "media")
    assert study.post_ids() == [f"maple.test_{N1}", f"video_{N2}"]
    assert study.post(f"video_{N2}").text.author is None


@pytest.mark.parametrize("name", [f"{ADDRESS}{N1}", N1, f"user_{N1}_720p.mp4", f"maple.test_{N1}"])
def test_a_post_is_named_by_its_number(tmp_path: Path, videos: Path, name: str) -> None:
    valex("run", videos, "-s", tmp_path / "study", "--until", "media")
    done = valex("forget", name, "-s", tmp_path / "study", "--yes")
    assert done.returncode == 0, done.stderr
    assert Study(tmp_path / "study").post_ids() == [p for p in Study(tmp_path / "study").post_ids() if N1 not in p]
