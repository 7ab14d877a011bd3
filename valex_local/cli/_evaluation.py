"""Options that commands about the quality of labels share."""

from __future__ import annotations

import click

from valex_local.evaluation.support import support_given

SUPPORT = "N|P%"
"""How a support is shown in help: a number of texts, or a share of them."""


def read_support(context: click.Context, option: click.Parameter, given: str | None) -> int | str | None:
    """Return a support in its plain form."""
    try:
        return None if given is None else support_given(given)
    except ValueError as error:
        raise click.BadParameter(str(error), context, option) from error


def read_supports(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[int | str, ...]:
    """Return the supports in an option that may be repeated, each once."""
    return tuple(dict.fromkeys(one for text in given if (one := read_support(context, option, text)) is not None))


def split_names(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in an option that may be repeated and may hold several, separated by commas."""
    return tuple(dict.fromkeys(name.strip() for text in given for name in text.split(",") if name.strip()))
