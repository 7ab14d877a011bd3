"""`valex status`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say
from valex_local.cli._progress import working
from valex_local.cli._study import StudyCommand, open_study
from valex_local.cli._summary import print_json, print_summary

if TYPE_CHECKING:
    from valex_local.pipeline.status import StepStatus


@click.command(cls=StudyCommand)
@click.option("--posts", is_flag=True, help="List each post first: which steps are not current, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(folder: Path | None, posts: bool, as_json: bool) -> None:
    """Show how far a study is: what is done, due, failed or skipped, and why."""
    from valex_local.pipeline.run import post_statuses, study_status

    study = open_study(folder)
    with working("status", quiet=as_json):
        found = study_status(study)
        by_post = post_statuses(study) if posts and not as_json else {}
    if as_json:
        print_json(found)
        return
    for post_id, statuses in by_post.items():
        say(f"{post_id}  {_describe(statuses)}")
    print_summary(found, dry=True)


def _describe(statuses: Mapping[str, StepStatus]) -> str:
    """Return the steps of a post that are not current, with what differs, and notices that may change its meaning."""
    from valex_local.notices import kind_of
    from valex_local.pipeline.status import StepState

    parts = [
        f"{step} {status.state}" + (f" ({', '.join(status.differences)})" if status.differences else "")
        for step, status in statuses.items()
        if status.state is not StepState.CURRENT
    ]
    notices = [
        f"{step}: {notice.text}"
        for step, status in statuses.items()
        for notice in status.notices
        if kind_of(notice.code).changes_meaning
    ]
    return "; ".join([*(parts or ["current"]), *notices])
