"""`valex retain`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, find_posts, open_study
from valex_local.errors import ConfigError
from valex_local.files.text import counted


@click.command(cls=StudyCommand)
@click.argument("posts", nargs=-1)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The last day.")
@click.option("--without-limit", is_flag=True, help="Take back a date.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Take the posts whose files are in this folder, such as those of one collection.",
)
def retain(
    folder: Path | None, posts: tuple[str, ...], until: datetime | None, without_limit: bool, source: Path | None
) -> None:
    """Set until when POSTS may be kept, or the study as a whole. Without options, show the dates.

    After that day `valex status` and the report warn, and `valex expire` removes the posts.
    """
    from valex_local.study.retention import posts_from, read_retention
    from valex_local.study.retention import retain as set_date

    study = open_study(folder)
    if until is not None and without_limit:
        raise ConfigError("--until and --without-limit contradict each other", hint="One of the two")
    if until is None and not without_limit:
        if posts or source is not None:
            raise ConfigError("no date is given", hint="For example: --until 2030-12-31")
        known = read_retention(study.root)
        say(f"study  {known.until or 'without limit'}")
        for name, last in sorted(known.posts.items(), key=lambda item: (item[1], item[0])):
            say(f"{name}  {last}")
        return
    names = set(find_posts(study, posts)) if posts else set()
    if source is not None:
        names |= posts_from(study, source)
        if not names:
            raise ConfigError("no post of this study has files in this folder", path=source)
    day = None if until is None else until.date()
    set_date(study, day, names)
    say(f"{counted(len(names), 'post') if names else 'study'}: {day or 'without limit'}")
