"""`valex sheet`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._progress import working
from valex_local.cli._pseudonyms import pseudonyms_option
from valex_local.cli._study import StudyCommand, find_posts, open_study


@click.command(cls=StudyCommand)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="File to write: .xlsx or .csv.")
@click.option("--sample", metavar="NAME", help="A sample of the study. Default: all posts.")
@click.option("--post", "posts", multiple=True, help="A post, or the beginning of its id (repeatable).")
@click.option("--coder", metavar="NAME", default="", help="Who codes; fills the column annotator.")
@pseudonyms_option
def sheet(
    folder: Path | None, out: Path, sample: str | None, posts: tuple[str, ...], coder: str, *, pseudonyms: Path | None
) -> None:
    """Write an empty label sheet with the posts of a study, and the codebook on a second page or beside it.

    Fill it in with any spreadsheet program, then: valex import labels.
    """
    from valex_local.errors import ConfigError
    from valex_local.files.text import counted
    from valex_local.inference.samples import read_sample
    from valex_local.privacy.copies import shown
    from valex_local.review.coding_sheet import HOW, write_coding_sheet
    from valex_local.study import output
    from valex_local.study.custody import logged

    if sample is not None and posts:
        raise ConfigError("--sample and --post both say which posts", hint="Leave out one of them")
    study = open_study(folder)
    names = find_posts(study, posts) if sample is None else [one.post for one in read_sample(study, sample)]
    with (
        output(out),
        logged(study, "export") as details,
        working("sheet"),
        shown(study, pseudonyms) as seen,
    ):
        files = write_coding_sheet(seen.study, out, seen.posts(names), coder=coder)
        details |= {
            "format": "sheet",
            "posts": len(names),
            "to": "elsewhere",
            "pseudonyms": "yes" if pseudonyms else "no",
        }
    say(f"{counted(len(names), 'post')} · {', '.join(map(str, files))}")
    say(HOW)
    say("Read it back with: valex import labels FILE -s STUDY")
