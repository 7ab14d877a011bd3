"""Remove files and folders. Everything that the package removes, it removes here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from valex_local.errors import StudyError


def remove(path: Path, *, inside: Path) -> None:
    """Remove a file, or a folder with all its content; do nothing if there is none.

    A link is removed itself, never what it leads to.

    Parameters
    ----------
    path : Path
        The file or folder.
    inside : Path
        The folder in which it must be.

    Raises
    ------
    StudyError
        It is not inside that folder.
    OSError
        It cannot be removed.
    """
    check_inside(path, inside)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_inside(path: Path, inside: Path) -> None:
    """Check that a path is inside a folder, whatever links and ``..`` it contains, and is not the folder itself.

    Raises
    ------
    StudyError
        It is not.
    """
    try:
        real = path.parent.resolve() / path.name  # the last part is not followed: a link is itself inside
        fine = path.name != ".." and inside.resolve() in real.parents
    except (OSError, ValueError):  # a loop of links; a NUL
        fine = False
    if not fine:
        raise StudyError(f"nothing was removed because this is not inside {inside}", path=path)


def check_removable(path: Path, *, inside: Path) -> None:
    """Check that `remove` would succeed, as far as permissions show it.

    Raises
    ------
    StudyError
        The path is not inside the folder, or a folder that would change cannot be written to.
    """
    check_inside(path, inside)
    folders = [path.parent]
    if path.is_dir() and not path.is_symlink():
        folders += [Path(folder) for folder, _, _ in os.walk(path)]
    for folder in folders:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise StudyError(
                "nothing was removed because this folder cannot be changed",
                path=folder,
                hint="Check its permissions and run again",
            )
