"""`valex import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._output import say, say_json
from valex_local.cli._study import StudyCommand, open_study, study_folder
from valex_local.cli.import_corrections import corrections
from valex_local.cli.import_labels import labels
from valex_local.files.text import counted

if TYPE_CHECKING:
    from valex_local.exchange.scripts import Imported

# Lists of a summary that are no failure, and those that are.
_DONE = ("imported", "replaced", "unchanged")
_TOLD = ("repeated", "passed_over")
_LEFT = ("unmatched", "refused", "cut", "empty", "conflicting", "unreadable")


@click.group(name="import")
def import_() -> None:
    """Import scripts, labels and corrections made elsewhere into a study."""


import_.add_command(labels)
import_.add_command(corrections)


@import_.command(cls=StudyCommand, short_help="Import scripts as a variant.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the variant, such as gemini.")
@click.option("--id-column", help="Column of ids, in tables.")
@click.option("--text-column", help="Column of scripts, in tables.")
@click.option("--new-posts/--no-new-posts", help="Add a post without a video for each script of an unknown post.")
@click.option("--keep-cut/--no-keep-cut", help="Also import scripts that a length limit cut off.")
@click.option("--origin", metavar="TEXT", help="Where the scripts come from; kept in the records.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def scripts(folder: Path | None, path: Path, as_json: bool, **given: Any) -> None:
    """Import the scripts in PATH into a study as a variant of their own.

    PATH is a folder of text files named after their videos, Gemini responses (JSON), a Vertex AI batch (JSONL), prompts
    saved by AI Studio, a CSV or TSV file, or a folder of any of these.
    """
    from valex_local.cli._progress import working
    from valex_local.exchange.scripts import import_scripts
    from valex_local.study.custody import add

    with working("import", quiet=as_json):
        found = import_scripts(path, study_folder(folder), **given)
    if found.done:
        add(open_study(study_folder(folder)), "import", what=f"scripts {found.name}", posts=found.done)
    if as_json:
        _print_json(found)
    else:
        _print(found)
    sys.exit((0 if found.ok else 1) if found.done else 2)


def _print(found: Imported) -> None:
    from valex_local.cli._corpus import print_list

    for title in (*_DONE, *_TOLD, *_LEFT):
        print_list(title.replace("_", " "), [str(row) for row in getattr(found, title)], say)
    print_list("notice", found.notices, say)
    if found.unmatched:
        say("Add --new-posts to make a post without a video for each script of an unknown post")
    new = f", {len(found.new_posts)} of them new" if found.new_posts else ""
    say(f"script.{found.name}: {counted(found.done, 'post')}{new} · {found.study}")


def _print_json(found: Imported) -> None:
    from dataclasses import asdict

    say_json({**asdict(found), "ok": found.ok})
