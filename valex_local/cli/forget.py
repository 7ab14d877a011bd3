"""`valex forget`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from valex_local.cli._output import confirm, say
from valex_local.cli._study import StudyCommand, find_posts, missing_from, open_study
from valex_local.errors import ConfigError


@click.command(cls=StudyCommand)
@click.argument("posts", nargs=-1)
@click.option(
    "--missing-from",
    "listed",
    type=click.Path(path_type=Path),
    help="Forget all posts that this file does not name: a line each, such as what the platform still has.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def forget(posts: tuple[str, ...], folder: Path | None, listed: Path | None, yes: bool) -> None:
    """Delete every trace of POSTS from a study, with all reports and exports. The videos themselves stay.

    The beginning of a post's id is enough. A keyed hash of the id stays, so that the post does not come back with the
    next run; to add it again after all: valex include.
    """
    from valex_local.cli._erasure import erase
    from valex_local.study.disk import DERIVED

    study = open_study(folder)
    if (listed is None) == (not posts):
        raise ConfigError("name the posts to forget, or a list with --missing-from", hint="One of the two")
    names = find_posts(study, posts, partial=True) if listed is None else missing_from(study, listed)
    if not names:
        say("the list names every post of the study")
        return
    made = " and ".join(f"{name}/" for name in DERIVED if (study.root / name).exists())
    also = f", and {made} of all posts, which can be made again" if made else ""
    if not yes and not confirm(f"Remove {', '.join(names)} from {study.root}{also}?"):
        say("nothing was removed")
        sys.exit(1)
    erase(study, names, "asked for" if listed is None else "missing from a list")
