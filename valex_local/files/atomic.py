"""Write files and folders completely or not at all, and report why one cannot be written."""

from __future__ import annotations

import errno
import glob
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valex_local.errors import StudyError
from valex_local.files.removing import remove

_ENDING = ".part"


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
    interrupted one; the lock of a study does so for the whole study.

    Parameters
    ----------
    path : Path
        The file or folder to write or replace.
    shared : bool
        Whether other processes may write it at the same time; the temporary name is then unique to this process.

    Raises
    ------
    StudyError
        A pipe or a device is there, which would be replaced.
    OSError
        The file or folder cannot be written.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise StudyError("this is a pipe or a device, not a file", path=path, hint="Name another file")
    part = part_of(path, _own() if shared else "")
    remove(part, inside=path.parent)
    if shared:
        _remove_abandoned(path)
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


def part_of(path: Path, own: str = "") -> Path:
    """Return the temporary path of a file until it is complete; `own` makes it unique to a process."""
    return path.with_name(f".{path.name}{own}{_ENDING}")


def is_part(name: str) -> bool:
    """Whether a name is one that `replacing` gives to a file until it is complete."""
    return name.startswith(".") and name.endswith(_ENDING)


def _own(pid: int | None = None) -> str:
    """Return the part of a temporary name that is unique to a process of this machine, by default this one."""
    return f".{platform.node()}.{os.getpid() if pid is None else pid}"


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary files for `path` of processes of this machine that have ended."""
    head = f".{path.name}{_own().rpartition('.')[0]}."
    for part in path.parent.glob(f"{glob.escape(head)}*{_ENDING}"):
        pid = part.name.removeprefix(head).removesuffix(_ENDING)
        if pid.isdecimal() and not _is_alive(int(pid)):
            remove(part, inside=path.parent)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        pass
    return True


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
