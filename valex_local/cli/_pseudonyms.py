"""The option ``--pseudonyms``: posts, users and links under keyed pseudonyms in what is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def key_option(command: F) -> F:
    """Add the option to a command that reads files with pseudonyms."""
    return click.option(
        "--pseudonyms",
        metavar="KEYFILE",
        type=click.Path(path_type=Path),
        help="The key, if the files name posts by pseudonyms.",
    )(command)


def pseudonyms_option(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--pseudonyms",
        metavar="KEYFILE",
        type=click.Path(path_type=Path),
        help="Put pseudonyms in place of posts, users, mentions and links. Make a key with: valex pseudonyms new.",
    )(command)
