"""How commands are told which study and which posts of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from valex_local.errors import InputError
from valex_local.study import Study

F = TypeVar("F", bound=Callable[..., object])


def study_option(command: F) -> F:
    """Give a command the option --study: a folder, by default this one or ./study."""
    return click.option(
        "-s", "--study", "folder", type=click.Path(path_type=Path), help="The study; by default this folder or ./study."
    )(command)


def open_study(folder: Path | None) -> Study:
    """Open the study named, or the one here."""
    if folder is None:
        folder = Path() if Path("study.toml").is_file() else Path("study")
    return Study(folder)


def find_posts(study: Study, names: Sequence[str]) -> list[str]:
    """Return the ids that `names` (ids, or beginnings of one id) stand for; all posts for no names.

    Raises
    ------
    InputError
        A name fits no post or several.
    """
    ids = study.post_ids()
    return [_find(study, ids, name) for name in names] if names else ids


def _find(study: Study, ids: Sequence[str], name: str) -> str:
    if name in ids:
        return name
    near = [post_id for post_id in ids if post_id.startswith(name)]
    if len(near) == 1:
        return near[0]
    what = f"{len(near)} posts begin with {name!r}" if near else f"no post is called {name!r}"
    raise InputError(what, path=study.root, hint=f"Some posts here: {', '.join((near or ids)[:5])}")
