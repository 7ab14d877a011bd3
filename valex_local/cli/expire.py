"""`valex expire`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from valex_local.cli._output import confirm, say
from valex_local.cli._study import StudyCommand, open_study
from valex_local.files.text import counted


@click.command(cls=StudyCommand)
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="Ask about this day, and only list."
)
@click.option("--yes", is_flag=True, help="Remove them without asking.")
def expire(folder: Path | None, on: datetime | None, yes: bool) -> None:
    """Delete every trace of the posts that may not be kept any longer, as `valex forget` does.

    The posts are listed first, and you are asked. Until when a post may be kept is set by `valex retain`.
    """
    from valex_local.cli._erasure import erase
    from valex_local.study.retention import expired

    study = open_study(folder)
    found = expired(study, None if on is None else on.date())
    for name, day in found.items():
        say(f"{name}  {day}")
    if not found or on is not None:
        say(f"{counted(len(found), 'post')} past the date")
        return
    if not yes and not confirm(f"Remove {counted(len(found), 'post')} from {study.root}, with report/ and exports/?"):
        say("nothing was removed")
        sys.exit(1)
    erase(study, list(found), "kept until the date set")
