"""A failure record, a folder or a word on the command line names a post that is no plain name: it is never a post."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.commands import valex
from valex_local.errors import StudyError
from valex_local.files.folders import is_plain_name
from valex_local.files.removing import check_removable, remove
from valex_local.records import Failure, Post
from valex_local.study import Study

BAD = [
    "",
    ".",
    "..",
    "/",
    "../../victim",
    "a/../..",
    "posts",
    "a/b",
    "a\\b",
    "a\0b",
    " a",
    "a ",
    "a\n",
    ".a",
    "\u202ea",
]


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "in" / "study", create=True)
    made.write("a", "post", Post(id="a"))
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keep").write_text("x")
    (tmp_path / "in" / "victim").mkdir()
    return made


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.name != ".lock"}


@pytest.mark.parametrize("post", BAD)
@pytest.mark.parametrize("file", ["x.intake.json", "a.intake.json", ".json", "...json", "x.json"])
def test_a_failure_record_that_names_no_plain_folder(study, tmp_path, post, file):
    failure = {"post": post, "stage": "intake", "what": "w"}
    (study.root / "failures" / file).write_text(json.dumps(failure))
    before = everything(tmp_path)

    assert post not in study.known_ids()
    with pytest.raises(StudyError):
        study.forget(post)
    done = valex("forget", "-s", study.root, "--yes", "--", post.replace("\0", ""))
    assert done.returncode == 2 and "removed" not in done.stdout
    assert everything(tmp_path) == before


def test_the_failure_is_that_of_the_post_in_the_name_of_the_file_and_goes_with_it(study, tmp_path):
    path = study.root / "failures" / "x.y.intake.json"
    path.write_text(json.dumps({"post": "../../victim", "stage": "intake", "what": "w"}))
    [failure] = study.failures()
    assert (failure.post, failure.stage, failure.what) == ("x.y", "intake", "the record of this failure cannot be read")
    assert study.forget("x.y") == ["failures/x.y.intake.json"]
    assert everything(tmp_path) >= {"victim/keep", "in/study/posts/a/post.json"}


def test_a_record_about_another_step_or_post_removes_nothing_else(study):
    for stage in ("../x", "/", ""):
        with pytest.raises(ValueError, match="cannot name a folder"):
            Failure(post="a", stage=stage, what="w")
    for name in BAD:
        for call in (study.folder, lambda n: study.failure(n, "media"), lambda n: study.clear_failure(n, "media")):
            if name != "posts":
                with pytest.raises(StudyError, match="no post"):
                    call(name)


@pytest.mark.parametrize("words", [["status"], ["status", "--posts"], ["report"], ["show"], ["forget", "a", "--yes"]])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"\xff\0", b"[]", b'{"post": 1}', b'{"post": ["a"]}'])
def test_one_bad_record_stops_no_command_about_other_posts(study, words, content):
    (study.root / "failures" / "b.media.json").write_bytes(content)
    done = valex(*words, "-s", study.root)
    assert "b.media.json" not in done.stderr and "bug" not in done.stderr, done.stderr
    assert done.returncode == 0 or words[0] == "show"  # the post has no script


def test_a_post_that_is_a_link_loses_the_link_alone_and_says_so(study, tmp_path):
    (study.root / "posts" / "b").symlink_to(tmp_path / "victim")
    assert study.forget("b") == [f"posts/b/ (a link; the folder {tmp_path / 'victim'} stays)"]
    assert not (study.root / "posts" / "b").is_symlink()
    assert (tmp_path / "victim" / "keep").exists()


@given(st.text(alphabet=st.sampled_from("a.\\/ \0\n\u202e-"), max_size=6))
@example("posts/..")
def test_what_is_removed_is_always_inside(tmp_path_factory, name):
    root = tmp_path_factory.mktemp("root", numbered=True)
    inside = root / "study" / "posts"
    inside.mkdir(parents=True)
    for path in (root / "a", inside / "a", root / "study" / "a"):
        path.write_text("")
    before = everything(root)
    try:
        remove(inside / name, inside=inside)
    except (StudyError, OSError, ValueError):
        assert everything(root) == before
    gone = before - everything(root)
    assert gone <= {"study/posts/a"}
    if is_plain_name(name):
        assert "/" not in name and os.path.normpath(name) == name


def test_what_is_behind_a_link_is_not_inside(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "victim" / "a").mkdir(parents=True)
    (tmp_path / "study" / "link").symlink_to(tmp_path / "victim")
    for check in (remove, check_removable):
        with pytest.raises(StudyError, match="not inside"):
            check(tmp_path / "study" / "link" / "a", inside=tmp_path / "study")
    remove(tmp_path / "study" / "link", inside=tmp_path / "study")
    assert (tmp_path / "victim" / "a").is_dir()
