"""Files and folders that are written completely or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from valex_local.errors import StudyError
from valex_local.files.atomic import replacing, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_another_and_is_its_owners(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        write_whole(tmp_path / "a.txt", content)
        assert (tmp_path / "a.txt").read_bytes() == content
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o600
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("as_folder", [False, True])
def test_what_was_there_stays_when_the_block_fails(tmp_path: Path, error: BaseException, as_folder: bool) -> None:
    path = tmp_path / "made"
    path.write_text("before")
    with pytest.raises(type(error)), replacing(path) as part:
        part.mkdir() if as_folder else part.touch()
        raise error
    assert names(tmp_path) == ["made"]
    assert path.read_text() == "before"


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with replacing(tmp_path / "folder") as part:
            part.mkdir()
            (part / name).touch()
            assert not part.samefile(tmp_path) and names(tmp_path)[0].endswith(".part")
        assert names(tmp_path) == ["folder"]
        assert names(tmp_path / "folder") == [name]


@pytest.mark.parametrize("as_folder", [False, True])
def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path: Path, as_folder: bool) -> None:
    left = tmp_path / ".a.txt.part"
    left.mkdir() if as_folder else left.write_text("half")
    write_whole(tmp_path / "a.txt", b"whole")
    assert names(tmp_path) == ["a.txt"]


def test_two_processes_that_share_a_file_do_not_share_the_temporary_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing(tmp_path / "a", shared=True) as mine:
        mine.write_text("mine")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        write_whole(tmp_path / "a", b"another's", shared=True)
        assert (tmp_path / "a").read_text() == "another's"
    assert (tmp_path / "a").read_text() == "mine"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot write"):
        write_whole(tmp_path / "none" / "a", b"")
