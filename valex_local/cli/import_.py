"""`valex import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._study import StudyCommand, study_folder
from valex_local.cli.import_labels import labels

if TYPE_CHECKING:
    from valex_local.exchange.scripts import Imported

# Lists of a summary that are no failure, and those that are.
_DONE = ("imported", "replaced", "unchanged")
_TOLD = ("repeated", "passed_over")
_LEFT = ("unmatched", "refused", "cut", "empty", "conflicting", "unreadable")


@click.group(name="import")
def import_() -> None:
    """Bring what was made elsewhere into a study."""


import_.add_command(labels)


@import_.command(cls=StudyCommand)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the variant: gemini makes script.gemini.json of each post.")
@click.option("--id-column", help="Column of ids in tables.")
@click.option("--text-column", help="Column of scripts in tables.")
@click.option("--new-posts/--no-new-posts", help="Make a post without a video of each script whose post is unknown.")
@click.option("--keep-cut/--no-keep-cut", help="Import scripts, too, that the limit of length has cut.")
@click.option("--origin", metavar="TEXT", help="Where the scripts come from, for the record.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def scripts(folder: Path | None, path: Path, as_json: bool, **given: Any) -> None:
    """Make the scripts in PATH a variant of a study.

    PATH is a folder of text files named after their videos, responses of Gemini in JSON, a Vertex batch in JSONL, saves
    of AI Studio, a CSV or TSV file, or a folder of all these.
    """
    from valex_local.exchange.scripts import import_scripts

    found = import_scripts(path, study_folder(folder), **given)
    if as_json:
        _print_json(found)
    else:
        _print(found)
    sys.exit((0 if found.ok else 1) if found.done else 2)


def _print(found: Imported) -> None:
    from valex_local.cli._corpus import print_list
    from valex_local.errors import printable

    for title in (*_DONE, *_TOLD, *_LEFT):
        print_list(title.replace("_", " "), [str(row) for row in getattr(found, title)], click.echo)
    if found.unmatched:
        click.echo("To make a post without a video of each script whose post is unknown, add --new-posts")
    new = f", {len(found.new_posts)} of them new" if found.new_posts else ""
    click.echo(f"script.{found.name}: {found.done} posts{new} · {printable(found.study)}")


def _print_json(found: Imported) -> None:
    import json
    from dataclasses import asdict

    click.echo(json.dumps({**asdict(found), "ok": found.ok}, indent=1))
