"""List the files in folders that a user gives, and check names for new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_LONGEST_NAME = 255
"""Maximum length of a file's name, in bytes."""


def visible_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and its subfolders, sorted within each; hidden files and folders are skipped."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent) / name for name in sorted(names) if not name.startswith("."))


def is_plain_name(name: str) -> bool:
    """Whether a text can name a visible file or folder, and nothing but one directly in the folder it is joined to."""
    return (
        bool(name)
        and name.isprintable()
        and name == name.strip()
        and not name.startswith(".")
        and not {"/", "\\"} & set(name)
        and len(name.encode()) <= _LONGEST_NAME
    )
