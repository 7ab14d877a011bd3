"""Files that are written whole or not at all, and what a user reads when one cannot be written."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valex_local.errors import StudyError


def write_whole(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Write a file so that it is there whole or not at all; its owner alone may read it.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it shall hold.
    shared : bool
        As in `replacing`.

    Raises
    ------
    StudyError
        It cannot be written.
    """
    with writing(path), replacing(path, shared=shared) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


@contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Give a path beside `path` to make a file or folder at, which takes its place once the block has ended well.

    Until then `path` is as it was. The temporary name is always the same, so what an interrupted process has left is
    removed by the next one.

    Parameters
    ----------
    path : Path
        The file or folder to write or replace.
    shared : bool
        Other processes may write it at the same time: the temporary name is then one of this process.

    Raises
    ------
    OSError
        It cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part" if shared else f".{path.name}.part")
    _remove(part)
    try:
        yield part
        if part.is_dir():
            _remove(path)
        else:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        _remove(part)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say what went wrong when a file cannot be written."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            what, hint = "the disk is full", "Make room and run again: finished work is kept"
        else:
            what, hint = f"cannot write ({error.strerror})", "Check the folder's permissions and run again"
        raise StudyError(what, path=path, hint=hint) from error
