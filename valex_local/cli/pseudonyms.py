"""`valex pseudonyms`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, open_study

_KEY = click.Path(path_type=Path)


@click.group()
def pseudonyms() -> None:
    """Make keys for pseudonyms, and look up with a key whose they are.

    Exports, reports, label sheets and labels in files carry pseudonyms with --pseudonyms KEYFILE.
    """


@pseudonyms.command()
@click.argument("keyfile", type=_KEY)
def new(keyfile: Path) -> None:
    """Write a new key to KEYFILE, outside any study; only you may read it.

    With one key, pseudonyms are the same in all studies. Without it nobody can undo them: whoever deletes the key makes
    what was passed on anonymous to that extent.
    """
    from valex_local.privacy.pseudonyms import make_key

    make_key(keyfile)
    say(f"written: {keyfile}")
    say("Keep it apart from what you pass on, and keep a copy: without it, pseudonyms lead back to nobody")


@pseudonyms.command("list", cls=StudyCommand)
@click.argument("keyfile", type=_KEY)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="CSV file to write.")
def list_(folder: Path | None, keyfile: Path, out: Path) -> None:
    """Write which pseudonym belongs to which post of a study, as a table with the columns pseudonym and post."""
    from valex_local.files.tables import write_table
    from valex_local.files.text import counted
    from valex_local.privacy.copies import own_ids
    from valex_local.study import output
    from valex_local.study.custody import logged

    study = open_study(folder)
    rows = sorted(own_ids(study, keyfile).items())
    with output(out), logged(study, "export") as details:
        write_table(out, [("pseudonym", "post"), *rows])
        details |= {"format": "pseudonyms with their posts", "posts": len(rows), "to": "elsewhere"}
    say(f"{counted(len(rows), 'post')} · {out}")
