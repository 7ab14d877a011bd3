"""The user's options: which videos, how many cores, which file to write."""

from __future__ import annotations

import os
from pathlib import Path

from valex_local.errors import ConfigError, InputError
from valex_local.posts import discover
from valex_local.system.devices import usable_cores


def find_videos(folder: Path) -> tuple[Path, ...]:
    """Return the videos of a folder, without duplicates, sorted by post.

    Raises
    ------
    InputError
        There is no such folder, or it contains no videos.
    """
    posts = discover([folder]).posts
    by_checksum = {post.video.sha256: Path(post.video.path) for post in posts if post.video is not None}
    if not by_checksum:
        raise InputError("no videos were found", path=folder, hint="Name a folder that contains some")
    return tuple(by_checksum.values())


def limit_cores(cores: int) -> None:
    """Limit this thread, and all threads and processes it starts from now on, to a number of physical cores.

    Raises
    ------
    ConfigError
        There are fewer, or the system does not support it.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise ConfigError("this system cannot limit a process to some of its cores", hint="Leave out --cores")
    allowed = os.sched_getaffinity(0)
    chosen: set[int] = set()
    for cpu in sorted(allowed):
        os.sched_setaffinity(0, chosen | {cpu})
        if usable_cores() > len(chosen):  # not the second thread of a core that is already chosen
            chosen.add(cpu)
        if len(chosen) == cores:
            os.sched_setaffinity(0, chosen)
            return
    os.sched_setaffinity(0, allowed)
    raise ConfigError(f"--cores {cores}: this process may use {usable_cores()}", hint="Give fewer, or leave it out")


def check_file(path: Path) -> None:
    """Check that a file can be written, before an hour of measuring.

    Raises
    ------
    ConfigError
        It is a folder, or its folder does not exist or is not writable.
    """
    if path.is_dir():
        raise ConfigError("this is a folder, not a file", path=path, hint="Name a JSON file with -o")
    if not path.absolute().parent.is_dir():
        raise ConfigError("there is no such folder", path=path.parent, hint="Create it, or name another file with -o")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise ConfigError("the file cannot be written", path=path, hint="Name another file with -o")
