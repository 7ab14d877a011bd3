"""What a user says about where to measure is taken, or refused before an hour is spent."""

import shutil
import subprocess
import sys

import pytest

from benchmarks.options import check_file, find_videos
from valex_local.errors import ConfigError, InputError
from valex_local.system.devices import usable_cores

KEEP = """
import subprocess, sys
from benchmarks.options import limit_cores
from valex_local.system.devices import usable_cores
limit_cores({cores})
child = "from valex_local.system.devices import usable_cores; print(usable_cores())"
print(usable_cores(), subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout)
"""


def limit_cores(cores):
    return subprocess.run([sys.executable, "-c", KEEP.format(cores=cores)], capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes to cores")
def test_children_are_kept_to_the_cores_too():
    assert limit_cores(1).stdout.split() == ["1", "1"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps processes to cores")
def test_more_cores_than_there_are_are_refused():
    assert f"this process may use {usable_cores()}" in limit_cores(usable_cores() + 1).stderr


def test_videos_are_found_each_content_once(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"one")
    (tmp_path / "in" / "b.mp4").write_bytes(b"two")
    (tmp_path / "in" / "c.mp4").write_bytes(b"one")
    (tmp_path / "notes.txt").write_text("none")
    assert {path.read_bytes() for path in find_videos(tmp_path)} == {b"one", b"two"}
    assert len(find_videos(tmp_path)) == 2


def test_a_folder_without_videos_is_refused(tmp_path):
    with pytest.raises(InputError, match="no videos were found"):
        find_videos(tmp_path)


def test_a_file_that_cannot_be_written_is_refused(tmp_path):
    check_file(tmp_path / "new.json")
    assert not (tmp_path / "new.json").exists()
    with pytest.raises(ConfigError, match="no such folder"):
        check_file(tmp_path / "none" / "new.json")
    with pytest.raises(ConfigError, match="a folder, not a file"):
        check_file(tmp_path)
    shutil.copy(sys.executable, tmp_path / "old.json")
    check_file(tmp_path / "old.json")
