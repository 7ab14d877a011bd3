"""`valex export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._output import say, say_json
from valex_local.cli._pseudonyms import pseudonyms_option
from valex_local.cli._study import StudyCommand, find_posts, open_study
from valex_local.exchange.export.formats import ALIASES, FORMATS
from valex_local.files.text import counted

if TYPE_CHECKING:
    from valex_local.exchange.export.run import Exported


def _help() -> str:
    """Return the help text with the table of formats, by what they hold."""

    def named(*, has_labels: bool, one_file: bool) -> list[str]:
        return [n for n, form in FORMATS.items() if (form.has_labels, bool(form.suffixes)) == (has_labels, one_file)]

    kinds = {
        "Scripts, files for each post": named(has_labels=False, one_file=False),
        "Posts and codings, one file": [
            name for name, form in FORMATS.items() if not form.has_labels and form.suffixes
        ],
        "Labels, one file": named(has_labels=True, one_file=True),
        "Both, a folder": named(has_labels=True, one_file=False),
    }
    lines = ["Export a study for other tools.", "", "\b"]  # click keeps the lines after \b as they are
    for kind, names in kinds.items():
        lines += [f"{kind}:", *(f"  {name:<13}{FORMATS[name].about}" for name in names)]
    lines += ["", f"Other names: {', '.join(f'{alias} is {name}' for alias, name in ALIASES.items())}."]
    return "\n".join(lines)


@click.command(cls=StudyCommand, help=_help())
@click.argument("form", metavar="FORMAT", type=click.Choice([*FORMATS, *ALIASES]))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="File or new folder to write. Default: in exports/ of the study.",
)
@click.option("--script", help="Variant of the scripts. Default: the one that most posts show first.")
@click.option("--route", help="Labelling route, or ROUTE@NAME of another model. Default: all, or the only one.")
@click.option("--post", "posts", multiple=True, help="A post, or the beginning of its id (repeatable). Default: all.")
@click.option("--blind", is_flag=True, help="labelstudio: leave out labels by models, so that people code unaided.")
@pseudonyms_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def export(
    folder: Path | None, form: str, out: Path | None, posts: tuple[str, ...], as_json: bool, **given: Any
) -> None:
    """Write the posts of a study in a format."""
    from valex_local.cli._progress import working
    from valex_local.exchange.export.run import export_study
    from valex_local.study.custody import logged

    study = open_study(folder)
    with logged(study, "export") as details, working("export", quiet=as_json):
        found = export_study(study, form, out, posts=find_posts(study, posts) if posts else None, **given)
        details |= {
            "format": found.format,
            "posts": found.posts,
            "to": "exports" if out is None else "elsewhere",
            "pseudonyms": "yes" if given["pseudonyms"] else "no",
        }
    if as_json:
        _print_json(found)
    else:
        _print(found)


def _print(found: Exported) -> None:
    from valex_local.cli._corpus import print_list

    print_list("left out", [f"{post}: {reason}" for post, reason in found.left_out.items()], say)
    for notice in found.notices:
        say(f"notice: {notice}")
    for line in found.states:
        say(f"states: {line}")
    files = "1 file" if found.files == 1 else f"{found.files} files"
    posts = counted(found.posts, "post")
    say(f"{found.format}: {posts}, {files} · {found.path}")


def _print_json(found: Exported) -> None:
    from dataclasses import asdict

    say_json(asdict(found))
