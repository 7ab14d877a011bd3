"""`valex expire`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="Day to look at. Default: today.")
@click.option("--yes", is_flag=True, help="Delete them; otherwise they are only listed.")
def expire(folder: Path | None, day: datetime | None, yes: bool) -> None:
    """List posts that may not be kept any longer; with --yes, delete every trace of them, as valex forget does.

    Until when posts may be kept is stated in study.toml, in the section [governance].
    """
    from valex_local.cli._erasure import erase
    from valex_local.errors import ConfigError
    from valex_local.files.text import counted
    from valex_local.study.retention import due_posts, today

    study = open_study(folder)
    if yes and day is not None and day.date() > today():
        raise ConfigError("--on names a day to come", hint="Leave out --yes to see what will be due then")
    due = due_posts(study, None if day is None else day.date())
    for one in due:
        say(f"{one.post}  until {one.until}")
    if not due:
        say("no post is due")
        return
    if not yes:
        say(f"{counted(len(due), 'post')} due; nothing was removed. To delete every trace of them: valex expire --yes")
        return
    erase(study, [one.post for one in due], "retention")
