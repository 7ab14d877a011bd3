"""Report or exports are links: nothing is removed until all of it can be."""

import os
from pathlib import Path

import pytest

from tests.commands import valex
from valex_local.errors import StudyError
from valex_local.records import Post
from valex_local.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    made.write("a", "post", Post(id="a"))
    (made.root / "logs" / "1.jsonl").write_text('{"post": "a"}\n')
    (made.root / "sums.json").write_text("{}")
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("name", ["report", "exports", "logs", "gold", "failures", "posts"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_link_is_named_before_anything_goes(study, tmp_path, name, inside):
    elsewhere = (study.root if inside else tmp_path) / "elsewhere"
    place = study.root / name
    place.rename(elsewhere) if place.exists() else elsewhere.mkdir()
    (elsewhere / ".half.part").write_text("a")
    place.symlink_to(elsewhere)
    before = contents(tmp_path)
    done = valex("forget", "-s", study.root, "a", "--yes")
    assert done.returncode == 2 and done.stdout == ""
    assert "nothing was removed" in done.stderr and f"[{place}]" in done.stderr, done.stderr
    assert contents(tmp_path) == before


def test_after_the_link_is_gone_the_same_command_removes_all(study, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (study.root / "report").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StudyError):
        study.forget("a")
    (tmp_path / "elsewhere").rmdir()
    removed = study.forget("a")  # the link that leads nowhere any more goes
    assert removed == ["sums.json", "logs/1.jsonl (1 lines)", "report", "posts/a/"]


def test_a_folder_that_cannot_be_changed_is_found_first(study, tmp_path, monkeypatch):
    locked = study.root / "exports" / "deep"
    locked.mkdir(parents=True)
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked and access(path, mode))
    before = contents(tmp_path)
    with pytest.raises(StudyError, match="cannot be changed") as error:
        study.forget("a")
    assert error.value.path == str(locked)
    assert contents(tmp_path) == before
