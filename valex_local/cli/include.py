"""`valex include`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand)
@click.argument("posts", nargs=-1, required=True)
def include(folder: Path | None, posts: tuple[str, ...]) -> None:
    """Take POSTS that were excluded into the study again, or let forgotten ones be added again.

    Of a forgotten post nothing is known here: give its whole id, or the name of its file.
    """
    from valex_local.study.left_out import include as take_in

    study = open_study(folder)
    for name in posts:
        say(take_in(study, name))
