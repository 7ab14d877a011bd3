"""Files that are written whole or not at all, and what a user reads when one cannot be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from valex_local.errors import StudyError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; its owner alone may read it.

    Raises
    ------
    StudyError
        It cannot be written.
    """
    with writing(path):
        temporary = path.with_name(f".{path.name}.part")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


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
