"""`valex dossier`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Folder to write. Default: exports/dossier.")
def dossier(folder: Path | None, out: Path | None) -> None:
    """Write a dossier for data-protection officers and ethics boards: a page, Markdown, and metadata for an archive.

    It holds a record of processing, an annex for an impact assessment, the evidence that nothing was sent, models,
    people, retention and custody. What only people know is a blank until study.toml states it, in [governance].
    """
    from valex_local.errors import ConfigError
    from valex_local.files.text import counted
    from valex_local.report.dossier import default_folder, describe_processing
    from valex_local.report.dossier_files import PAGE, write_dossier
    from valex_local.store import Store
    from valex_local.study import output

    study = open_study(folder)
    place = default_folder(study) if out is None else out
    if place.exists() and (not place.is_dir() or (any(place.iterdir()) and not (place / PAGE).is_file())):
        raise ConfigError("this is something else than a dossier", path=place, hint="Name a new folder with -o")
    with output(place):
        described = describe_processing(study, Store())
        files = write_dossier(described, place)
    say(f"{counted(described.blanks, 'blank')} to be filled in: study.toml, [governance] · {files[0]}")
