"""The option ``--blank``: what a blank cell of a label sheet means, where the sheet does not say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def blank_option(command: F) -> F:
    """Add the option to a command."""
    return click.option(
        "--blank",
        type=click.Choice(["absent", "missing"]),
        help="What blank cells of label sheets mean. Default: as the kind of sheet says.",
    )(command)
