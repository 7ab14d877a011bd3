"""Write files and folders completely or not at all, and report why one cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valex_local.errors import StudyError
from valex_local.files.removing import remove


def write_whole(path: Path, content: bytes, *, shared: bool = False) -> None:
    """Write a file completely or not at all; only its owner may read it.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        Its content.
    shared : bool
        As for `replacing`.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    with writing(path), replacing(path, shared=shared) as part:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)


@contextmanager
def replacing(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yield a temporary path for a new file or folder, which replaces `path` if the block ends without an exception.

    Until then `path` is unchanged. The temporary name is always the same, so the next process cleans up after an
    interrupted one.

    Parameters
    ----------
    path : Path
        The file or folder to write or replace.
    shared : bool
        Whether other processes may write it at the same time; the temporary name is then unique to this process.

    Raises
    ------
    OSError
        The file or folder cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part" if shared else f".{path.name}.part")
    remove(part, inside=path.parent)
    try:
        yield part
        if part.is_dir():
            remove(path, inside=path.parent)
        else:
            with part.open("rb") as file:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        remove(part, inside=path.parent)
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise StudyError with the reason if a file cannot be written in the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            what, hint = "the disk is full", "Free some space and run again; finished work is kept"
        else:
            what, hint = f"cannot write ({error.strerror})", "Check the folder's permissions and run again"
        raise StudyError(what, path=path, hint=hint) from error
