"""`valex status`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._study import open_study
from valex_local.cli._summary import print_json, print_summary


@click.command()
@click.argument("folder", metavar="[STUDY]", required=False, type=click.Path(path_type=Path))
@click.option("--posts", is_flag=True, help="List the posts too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(folder: Path | None, posts: bool, as_json: bool) -> None:
    """Say how a study stands: what is done, due, failed, skipped, and why."""
    from valex_local.pipeline.run import examine

    study = open_study(folder)
    summary = examine(study)
    if as_json:
        print_json(summary)
        return
    if posts:
        for post_id in study.post_ids():
            click.echo(post_id)
    print_summary(summary, dry=True)
