"""`valex import labels`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._blank import blank_option
from valex_local.cli._output import say, say_json
from valex_local.cli._pseudonyms import key_option
from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from valex_local.exchange.labels import ImportedLabels


@click.command(cls=StudyCommand, short_help="Import gold labels.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--annotator", help="Name of the annotator, if the files do not name one or name another.")
@click.option("--replace", is_flag=True, help="Replace different labels by the same annotator.")
@blank_option
@key_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def labels(folder: Path | None, paths: tuple[Path, ...], as_json: bool, **given: Any) -> None:
    """Import gold labels into a study, from label sheets and Label Studio exports (JSON).

    They go into the label sheet gold/ANNOTATOR.csv of the study.
    """
    from valex_local.cli._progress import working
    from valex_local.exchange.labels import import_labels
    from valex_local.study.custody import add

    study = open_study(folder)
    with working("import", quiet=as_json):
        found = import_labels(paths, study.root, **given)
    for name, gold in found.annotators.items():
        add(study, "import", what=f"labels by {name}", posts=gold.posts)
    if as_json:
        _print_json(found)
    else:
        _print(found)
    sys.exit((0 if found.ok else 1) if found.annotators else 2)


def _print(found: ImportedLabels) -> None:
    from valex_local.cli._corpus import print_list

    for notice in found.notices:
        say(f"notice: {notice}")
    print_list("unmatched", found.unmatched, say)
    for name, gold in found.annotators.items():
        say(
            f"{name}: {gold.posts} × post, {gold.labels} × label "
            f"({gold.added} new, {gold.replaced} replaced) · {gold.file}"
        )
    if not found.annotators:
        say("no label is about a post of this study", err=True)


def _print_json(found: ImportedLabels) -> None:
    from dataclasses import asdict

    say_json({**asdict(found), "ok": found.ok})
