"""Until when posts may be kept, and what happens afterwards."""

from __future__ import annotations

import io
import json
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Call, call
from valex_local.errors import StudyError
from valex_local.records import Post, SourceFile
from valex_local.report import write_report
from valex_local.study import Study
from valex_local.study.left_out import exclude
from valex_local.study.retention import FILE, expired, read_retention, retain

__all__ = ["call"]  # a fixture

POSTS = ("a_1", "b_2", "c_3")
YESTERDAY, TOMORROW = (date.today() + timedelta(days) for days in (-1, 1))
FIRST, LAST = date(2020, 1, 1), date(2020, 1, 9)


def make(root: Path) -> Study:
    study = Study(root / "study", create=True)
    for number, post in enumerate(POSTS):
        path = root / f"wave {number % 2}" / f"{post}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.touch()
        study.write(post, "post", Post(id=post, video=SourceFile(path=str(path), sha256="0" * 64, size=1)))
    return study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make(tmp_path)


dates = st.none() | st.dates(FIRST, LAST)


@given(whole=dates, single=st.dictionaries(st.sampled_from(POSTS), dates), on=st.dates(FIRST, LAST))
def test_the_date_of_a_post_counts_before_that_of_the_study(
    whole: date | None, single: dict[str, date | None], on: date
):
    with tempfile.TemporaryDirectory() as root:
        study = make(Path(root))
        retain(study, whole)
        for post, until in single.items():
            retain(study, until, [post])
        found = expired(study, on)
        last = {post: single.get(post) or whole for post in POSTS}
        assert found == {post: until for post, until in last.items() if until is not None and on > until}
        assert list(found.values()) == sorted(found.values())


def test_what_expired_is_listed_warned_of_and_removed(call: Call, study: Study, monkeypatch: pytest.MonkeyPatch):
    exclude(study, [POSTS[1]], "not in English", "anna")
    assert call("retain", "-s", study.root, "--until", TOMORROW).out == f"study: {TOMORROW}\n"
    assert call("retain", "-s", study.root, *POSTS[:2], "--until", YESTERDAY).out == f"2 posts: {YESTERDAY}\n"
    note = f"2 posts may not be kept any longer (first: {YESTERDAY}). Remove with: valex expire"
    assert note in " ".join(call("status", "-s", study.root).out.split())
    assert note in write_report(study).index.read_text("utf-8")
    listed = call("expire", "-s", study.root, "--on", date.today())
    assert (listed.code, listed.out.splitlines()[0]) == (0, f"{POSTS[0]}  {YESTERDAY}")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert call("expire", "-s", study.root).code == 1
    assert set(study.post_ids(excluded=True)) == set(POSTS)
    done = call("expire", "-s", study.root, "--yes")
    assert (done.code, f"removed posts/{POSTS[1]}/" in done.out) == (0, True)
    assert study.post_ids(excluded=True) == [POSTS[2]]
    assert read_retention(study.root).posts == {}, "the dates of posts that are gone go too"
    assert read_retention(study.root).until == TOMORROW
    log = [json.loads(line) for line in (study.root / "custody.jsonl").read_text().splitlines()]
    assert log[-1]["details"] == {"posts": 2, "why": "kept until the date set"}
    rest = b"".join(path.read_bytes() for path in study.root.rglob("*") if path.is_file())
    assert not any(post.encode() in rest for post in POSTS[:2])
    assert call("expire", "-s", study.root, "--yes").out == "0 posts past the date\n"


def test_posts_of_a_collection_get_a_date_together(call: Call, study: Study, tmp_path: Path):
    assert call("retain", "-s", study.root, "--from", tmp_path / "wave 0", "--until", "2030-01-31").code == 0
    assert read_retention(study.root).posts == dict.fromkeys(("a_1", "c_3"), date(2030, 1, 31))
    assert call("retain", "-s", study.root).out == "study  without limit\na_1  2030-01-31\nc_3  2030-01-31\n"
    assert call("retain", "-s", study.root, "a_1", "--without-limit").code == 0
    assert read_retention(study.root).posts == {"c_3": date(2030, 1, 31)}
    (tmp_path / "empty").mkdir()
    words = ("--until", "2030-01-01", "--from", tmp_path / "empty")
    assert "no post of this study has files" in call("retain", *words, "-s", study.root).err


@pytest.mark.parametrize("words", [["a_1"], ["--until", "2030-01-01", "--without-limit"], ["--until", "31.1.2030"]])
def test_what_is_no_date_changes_nothing(call: Call, study: Study, words: list[str]):
    assert call("retain", *words, "-s", study.root).code == 2
    assert not (study.root / FILE).exists()


def test_dates_that_cannot_be_read_are_not_lost(study: Study):
    (study.root / FILE).write_text('{"until": "soon"}')
    with pytest.raises(StudyError, match="not a readable Retention record") as refused:
        study.forget(POSTS[0])
    assert "restore it from a backup" in (refused.value.hint or "")
    assert study.post_ids() == list(POSTS)
