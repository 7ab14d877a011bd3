"""The option ``--without``, by which commands read scripts without some of their elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from valex_local.cli._study import is_study
from valex_local.errors import ConfigError

F = TypeVar("F", bound=Callable[..., Any])


def without_option(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--without",
        multiple=True,
        metavar="ELEMENTS",
        help="Read a study's scripts without action, heading, screen_text, post or speech (by commas, or repeated).",
    )(command)


def named_script(given: dict[str, Any], sources: Iterable[Path]) -> str | None:
    """Return the name of the scripts to read: that of a view where elements are left out.

    Parameters
    ----------
    given : dict
        The options ``script`` and ``without``.
    sources : iterable of Path
        Where the texts are.

    Returns
    -------
    str or None
        The name; with nothing before the first mark where no script was named.

    Raises
    ------
    ConfigError
        Texts come from elsewhere, or there are no such elements.
    """
    from valex_local.rendering.views import view_name

    script: str | None = given["script"]
    if not given["without"]:
        return script
    other = next((source for source in sources if not is_study(source)), None)
    if other is not None:
        raise ConfigError("--without is for the scripts of a study", path=other, hint="Leave it out")
    return view_name(script or "", given["without"])
