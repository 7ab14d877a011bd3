"""Operating-system locks, which allow one run at a time in a study, or in each shard of it.

A lock file is empty unless a command works under it. One that is not, when nobody holds it, was left by a command that
was killed: then the next command that has the study to itself removes the files that were being written.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from valex_local.errors import ConfigError, StudyError
from valex_local.files.atomic import is_part, part_of, writing
from valex_local.files.removing import remove
from valex_local.study.disk import DERIVED

_NAME = ".lock"
_WITH_SETTINGS = ("study.toml", "left-out.json", "custody.jsonl")
"""Files of the study that are written under the lock of the settings alone."""


@contextmanager
def run_lock(root: Path, shard: tuple[int, int] | None = None) -> Iterator[None]:
    """Lock a study, or one shard ``(i, N)`` of it, against other runs.

    Raises
    ------
    StudyError
        Another run has locked it.
    """
    if shard is None:
        with _flock(root / _NAME, fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
            _clean_up(root)
            with _marked(lock):
                yield
    else:
        own = root / f"{_NAME}.{shard[0]}-of-{shard[1]}"
        with (
            _flock(root / _NAME, fcntl.LOCK_SH | fcntl.LOCK_NB),
            _flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB) as lock,
            _marked(lock),
        ):
            yield


@contextmanager
def settings_lock(root: Path) -> Iterator[None]:
    """Lock the settings of a study, waiting for other processes that write them."""
    with _flock(root / f"{_NAME}.settings", fcntl.LOCK_EX) as lock:
        if os.fstat(lock).st_size > 0:  # a command was killed while it wrote one of these
            for name in _WITH_SETTINGS:
                remove(part_of(root / name), inside=root)
        with _marked(lock):
            yield


@contextmanager
def output(path: Path | None) -> Iterator[None]:
    """Let a file or folder be written in the block; if it is in a study, the study is locked.

    Otherwise an export could write out a post that `forget` is just removing.

    Parameters
    ----------
    path : Path or None
        What is written, in a study or elsewhere; None if nothing is.

    Raises
    ------
    ConfigError
        It is in a part of a study from which `forget` would not remove it.
    StudyError
        Another run has locked the study.
    """
    if path is None:
        yield
        return
    # As it is written and as links lead: exports/ may be a link to another disk, another folder one into a study.
    places = (Path(os.path.abspath(path)), path.resolve())  # noqa: PTH100 - absolute() keeps ".."
    found = ((place, root) for place in places for root in place.parents if (root / "study.toml").is_file())
    place, root = next(found, (path, None))
    if root is None:
        yield
        return
    if place.relative_to(root).parts[0] not in DERIVED:
        raise ConfigError(
            "valex forget would not remove posts from a file written here",
            path=path,
            hint=f"Use {root / DERIVED[-1] / path.name}, or a path outside the study",
        )
    with run_lock(root):
        yield


@contextmanager
def _flock(path: Path, how: int) -> Iterator[int]:
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        with writing(path):
            _take_lock(descriptor, how, path.parent)
        yield descriptor
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, how: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError as error:
        raise StudyError(
            "another run is active in this study", path=folder, hint="Wait for it, or use --shard i/N in all runs"
        ) from error


@contextmanager
def _marked(lock: int) -> Iterator[None]:
    """Mark a lock file while the block runs; a mark that is there already stays."""
    marked = os.fstat(lock).st_size > 0
    with suppress(OSError):  # a full disk must not keep anybody from removing something
        os.pwrite(lock, b"in use\n", 0)
    try:
        yield
    finally:
        if not marked:
            with suppress(OSError):
                os.ftruncate(lock, 0)


def _clean_up(root: Path) -> None:
    """Remove the files of interrupted writes if a command was killed; call it with the whole study locked."""
    locks = (path for path in root.glob(f"{_NAME}*") if path.is_file() and not path.is_symlink())
    marked = [path for path in locks if path.stat().st_size > 0]
    if not marked:
        return
    with settings_lock(root), writing(root):  # what is written under that lock is not interrupted, only unfinished
        for folder, folders, names in os.walk(root):
            for name in filter(is_part, [*folders, *names]):
                remove(Path(folder, name), inside=root)
            folders[:] = [name for name in folders if not is_part(name)]
        for path in marked:
            os.truncate(path, 0)
