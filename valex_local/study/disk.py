"""List folders and read files of a study."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from valex_local.errors import StudyError
from valex_local.files.folders import is_plain_name
from valex_local.records import Failure

DERIVED = ("report", "exports")
"""Folders of a study that can be made again; their whole content is removed when a post is forgotten."""


def visible(folder: Path) -> Iterator[Path]:
    """Yield the files and folders in a folder that are not hidden; none if the folder does not exist."""
    yield from (folder / name for name in visible_names(folder))


def visible_names(folder: Path) -> list[str]:
    """Return the names of files and folders in a folder that are not hidden; none if the folder does not exist."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_bytes(path: Path | str) -> bytes | None:
    """Return the content of a file, or None if there is none.

    Uses `io.FileIO` because checking a study reads a dozen files of each post. Never blocks, as a pipe could.

    Raises
    ------
    StudyError
        The file cannot be read.
    """
    try:
        with io.FileIO(path, opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise StudyError("this is not a regular file", path=Path(path), hint="Remove it and run again")
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = "Check the permissions of the study and run again"
        raise StudyError(f"cannot read ({error.strerror})", path=Path(path), hint=hint) from error


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def read_failure(path: Path, posts: Collection[str]) -> Failure | None:
    """Return the failure in a file ``<post_id>.<step>.json``, or None if there is no such file or it names no post.

    A file that cannot be read, or that is about another post than its name says, is a failure too: that of the post and
    the step in its name.

    Parameters
    ----------
    path : Path
        The file.
    posts : collection of str
        Posts of the study; ids and names of steps may both contain dots.
    """
    try:
        raw = read_bytes(path)
        if raw is None:
            return None
        failure = Failure.parse(raw, path=path)
        if path.name == f"{failure.post}.{failure.stage}.json":
            return failure
    except StudyError:
        pass
    post, _, step = path.stem.rpartition(".")
    post = max((name for name in posts if path.stem.startswith(f"{name}.")), key=len, default=post)
    step = path.stem.removeprefix(f"{post}.") or step
    if not (is_plain_name(post) and is_plain_name(step)):
        return None
    what = "the record of this failure cannot be read"
    return Failure(post=post, stage=step, what=what, hint="Run again: the step will be tried again")


def no_such_post(root: Path, post_id: str) -> StudyError:
    """Return the error to raise for a post that is not in a study."""
    hint = "List the posts with: valex status -s STUDY --posts"
    return StudyError(f"this study has no post {post_id}", path=root, hint=hint)
