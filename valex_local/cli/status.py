"""`valex status`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._study import StudyCommand, open_study
from valex_local.cli._summary import print_json, print_summary


@click.command(cls=StudyCommand)
@click.option("--posts", is_flag=True, help="List the posts as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path | None, posts: bool, as_json: bool) -> None:
    """Show how far a study is: what is done, due, failed or skipped, and why."""
    from valex_local.pipeline.run import study_status

    study = open_study(folder)
    summary = study_status(study)
    if as_json:
        print_json(summary)
        return
    if posts:
        for post_id in study.post_ids():
            click.echo(post_id)
    print_summary(summary, dry=True)
