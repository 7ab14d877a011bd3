"""List folders and read files of a study."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from valex_local.errors import StudyError

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

    Uses `io.FileIO` because checking a study reads a dozen files of each post.

    Raises
    ------
    StudyError
        The file cannot be read.
    """
    try:
        with io.FileIO(path) as file:
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = "Check the permissions of the study and run again"
        raise StudyError(f"cannot read ({error.strerror})", path=Path(path), hint=hint) from error


def failed_post(path: Path) -> str | None:
    """Return the post of a failure record, or None if the file is not one."""
    try:
        data = from_json(read_bytes(path) or b"")
    except ValueError:
        return None
    return data.get("post") if isinstance(data, dict) else None


def no_such_post(root: Path, post_id: str) -> StudyError:
    """Return the error to raise for a post that is not in a study."""
    hint = "List the posts with: valex status -s STUDY --posts"
    return StudyError(f"this study has no post {post_id}", path=root, hint=hint)
