"""Looking into the study folder: what is there, and what a file holds."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import from_json

from valex_local.errors import StudyError

DERIVED = ("report", "exports")
"""Folders of a study that can be made again; all that is in them goes when a post is forgotten."""


def visible(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder and not hidden; nothing where there is no such folder."""
    yield from (folder / name for name in visible_names(folder))


def visible_names(folder: Path) -> list[str]:
    """Return the names of what is in a folder and not hidden; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_bytes(path: Path | str) -> bytes | None:
    """Return what a file holds, None where there is none. Examining a study reads a dozen files a post in this way."""
    try:
        with io.FileIO(path) as file:
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = "Check the permissions of the study and run again"
        raise StudyError(f"cannot read ({error.strerror})", path=Path(path), hint=hint) from error


def failed_post(path: Path) -> str | None:
    """Return the post of a failure record, None where the file is no such record."""
    try:
        data = from_json(read_bytes(path) or b"")
    except ValueError:
        return None
    return data.get("post") if isinstance(data, dict) else None


def no_such_post(root: Path, post_id: str) -> StudyError:
    """Return the error that says that a study does not hold a post."""
    hint = "List them with: valex status -s STUDY --posts"
    return StudyError(f"this study holds no post {post_id}", path=root, hint=hint)
