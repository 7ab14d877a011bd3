"""`valex custody`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand)
@click.option("--seal", metavar="SUM", help="A seal written down before: check that the log still has it.")
def custody(folder: Path | None, seal: str | None) -> None:
    """Show what came into a study, left it and was erased, by whom and when; check that the log was not changed.

    The log names no post. Write down the seal that is printed last: with it, lines cut off later can be told.
    """
    from valex_local.study.custody import entries

    found = entries(open_study(folder), seal)
    for entry in found:
        details = ", ".join(f"{name} {value}" for name, value in entry.details.items())
        say(f"{entry.number:>4}  {entry.at}  {entry.by}  {entry.event}: {details}")
    say(
        f"{len(found)} lines, unchanged; seal {found[-1].seal}" if found else "nothing was imported, exported or erased"
    )
