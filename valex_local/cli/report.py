"""`valex report`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._pseudonyms import pseudonyms_option
from valex_local.cli._study import StudyCommand, open_study
from valex_local.files.text import counted


@click.command(cls=StudyCommand)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write. Default: report/ in the study.")
@pseudonyms_option
def report(folder: Path | None, out: Path | None, pseudonyms: Path | None) -> None:
    """Write web pages about a study: its posts, their scripts and values, and how they were made.

    The pages open in any browser, from disk, and load nothing from a network. Under
    pseudonyms they have neither pictures nor videos, which show people.
    """
    from valex_local.cli._progress import progress
    from valex_local.privacy.copies import shown as shown_of
    from valex_local.report import write_report
    from valex_local.study import output

    study = open_study(folder)
    place = study.root / "report" if out is None else out
    with output(place), shown_of(study, pseudonyms) as seen, progress() as shown:
        shown.step("report", len(study.post_ids()))
        written = write_report(seen.study, place, progress=shown.advance)
    for post in written.removed:
        say(f"removed {post}: it was excluded, or is no longer in the study")
    for problem in written.unreadable:
        say(f"valex: {problem}", err=True)
    if out is not None:
        say("note    valex forget does not reach this folder: delete it too when you forget a post")
    say(f"{counted(written.posts, 'post')} · {written.index}")
    sys.exit(1 if written.unreadable else 0)
