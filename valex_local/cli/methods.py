"""`valex methods`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say, say_text
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand)
@click.option("--bibtex", type=click.Path(path_type=Path), help="File to write what to cite to, in BibTeX.")
def methods(folder: Path | None, bibtex: Path | None) -> None:
    """Print paragraphs for the methods section of a paper: posts, models, checksums, filters, and what was lost where.

    They are taken from the records. Where the study has gold labels, the agreement of coders and the quality of labels
    are among them.
    """
    from valex_local.cli._progress import working
    from valex_local.evaluation.in_words import in_words
    from valex_local.files.atomic import write_whole
    from valex_local.report.methods import describe_methods
    from valex_local.study import output

    study = open_study(folder)
    with working("methods"):
        found = describe_methods(study, in_words(study))
    say_text(found.text)
    if bibtex is not None:
        with output(bibtex):
            write_whole(bibtex, found.bibtex.encode())
        say(f"written: {bibtex}", err=True)
