"""Operating-system locks, which allow one run at a time in a study, or in each shard of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valex_local.errors import StudyError
from valex_local.files.atomic import writing


@contextmanager
def run_lock(root: Path, shard: tuple[int, int] | None = None) -> Iterator[None]:
    """Lock a study, or one shard ``(i, N)`` of it, against other runs.

    Raises
    ------
    StudyError
        Another run has locked it.
    """
    if shard is None:
        with _flock(root / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    else:
        own = root / f".lock.{shard[0]}-of-{shard[1]}"
        with _flock(root / ".lock", fcntl.LOCK_SH | fcntl.LOCK_NB), _flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield


@contextmanager
def settings_lock(root: Path) -> Iterator[None]:
    """Lock the settings of a study, waiting for other processes that write them."""
    with _flock(root / ".lock.settings", fcntl.LOCK_EX):
        yield


@contextmanager
def _flock(path: Path, how: int) -> Iterator[None]:
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with writing(path):
            _take_lock(descriptor, how, path.parent)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, how: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError as error:
        raise StudyError(
            "another run is active in this study", path=folder, hint="Wait for it, or use --shard i/N in all runs"
        ) from error
