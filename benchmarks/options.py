"""What a user says about where to measure: which videos, how many cores, which file to write."""

from __future__ import annotations

import os
from pathlib import Path

from valex_local.errors import ConfigError, InputError
from valex_local.posts import discover
from valex_local.system.devices import usable_cores


def find_videos(folder: Path) -> tuple[Path, ...]:
    """Return the videos of a folder, each content once, sorted by post.

    Raises
    ------
    InputError
        There is no such folder, or it holds no video.
    """
    by_sum = {post.video.sha256: Path(post.video.path) for post in discover([folder]).posts if post.video is not None}
    if not by_sum:
        raise InputError("no videos were found", path=folder, hint="Name a folder that holds some")
    return tuple(by_sum.values())


def keep_to(cores: int) -> None:
    """Keep this thread, and every thread and process it starts from now on, to so many physical cores.

    Raises
    ------
    ConfigError
        There are not so many, or the system cannot keep a process to some.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise ConfigError("this system cannot keep a process to some of its cores", hint="Leave out --cores")
    allowed = os.sched_getaffinity(0)
    chosen: set[int] = set()
    for cpu in sorted(allowed):
        os.sched_setaffinity(0, chosen | {cpu})
        if usable_cores() > len(chosen):  # it is not the second thread of a core taken already
            chosen.add(cpu)
        if len(chosen) == cores:
            os.sched_setaffinity(0, chosen)
            return
    os.sched_setaffinity(0, allowed)
    raise ConfigError(f"--cores {cores}: this process may use {usable_cores()}", hint="Give fewer, or leave it out")


def check_file(path: Path) -> None:
    """Hold, before an hour of measuring, that a file can be written.

    Raises
    ------
    ConfigError
        It is a folder, or its folder is not there or not writable.
    """
    if path.is_dir():
        raise ConfigError("this is a folder, no file", path=path, hint="Name a JSON file with -o")
    if not path.absolute().parent.is_dir():
        raise ConfigError("there is no such folder", path=path.parent, hint="Make it, or name another file with -o")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise ConfigError("it cannot be written", path=path, hint="Name another file with -o")
