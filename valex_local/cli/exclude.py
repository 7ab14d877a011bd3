"""`valex exclude`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, find_posts, open_study


@click.command(cls=StudyCommand)
@click.argument("posts", nargs=-1)
@click.option("--reason", metavar="TEXT", help="Why; shown in the report. Required with POSTS.")
@click.option("--by", metavar="NAME", help="Who excludes. Default: your user name on this machine.")
def exclude(folder: Path | None, posts: tuple[str, ...], reason: str | None, by: str | None) -> None:
    """Leave POSTS out of runs, reports, tables and figures; their records stay. Without POSTS, list excluded ones.

    To take it back: `valex include`.
    """
    from valex_local.study.custody import account
    from valex_local.study.left_out import exclude as leave_out

    study = open_study(folder)
    if posts:
        names = find_posts(study, posts)
        leave_out(study, names, reason or "", by or account())
        for name in names:
            say(f"excluded {name}")
        return
    for name, why in study.left_out().excluded.items():
        say(f"{name}  {why.reason}  ({why.by}, {why.on:%Y-%m-%d})")
