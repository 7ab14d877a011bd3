"""`valex compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._blank import blank_option
from valex_local.cli._evaluation import SUPPORT, read_support, split_names
from valex_local.cli._output import say, terminal
from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from valex_local.comparison.pair import VariantPair
    from valex_local.comparison.results import Comparison

_PATH = click.Path(path_type=Path)


@click.command(cls=StudyCommand)
@click.argument("first")
@click.argument("second")
@click.option(
    "--routes",
    multiple=True,
    callback=split_names,
    metavar="NAMES",
    help="Routes whose labels to compare (repeatable): encoder by all models, encoder@MODEL by one. Default: all.",
)
@click.option("--labels", type=_PATH, help="Gold labels to compare the labels of both scripts with.")
@blank_option
@click.option("--annotator", help="Annotator whose gold labels count. Default: the majority.")
@click.option(
    "--group", type=click.Choice(["author", "none"]), help="Grouping of posts for the intervals. [default: author]"
)
@click.option(
    "--min-support",
    callback=read_support,
    metavar=SUPPORT,
    default="30",
    show_default=True,
    help="Leave rarer values out of F1: a number of posts, or a share of them such as 5%.",
)
@click.option("--resamples", type=click.IntRange(min=0), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--meaning/--no-meaning", default=True, help="Compare meaning with a sentence encoder (default).")
@click.option("-o", "--out", type=_PATH, help="Folder to write figures (JSON, CSV) and pages to.")
@click.option("--report", is_flag=True, help="Write the pages into the study's report, with links both ways.")
def compare(folder: Path | None, first: str, second: str, out: Path | None, *, report: bool, **given: Any) -> None:
    """Compare two scripts of every post: what each keeps and adds, and how their labels differ.

    FIRST and SECOND are variants of the scripts: local, template, or the name of imported ones.
    """
    from valex_local.comparison.files import check_folder, report_folder, write_folder
    from valex_local.comparison.pair import VariantPair
    from valex_local.report import write_report
    from valex_local.study import output

    if report and out is not None:
        raise click.UsageError("--report and -o name two places: choose one")
    pair = VariantPair(open_study(folder), first, second)
    out = report_folder(pair) if report else out
    with output(out):
        if out is not None:
            check_folder(out)
        ids, _ = pair.posts  # before a model is loaded
        found = _compare(pair, len(ids), given)
        _print(found)
        if out is not None:
            write_folder(found, pair, out, in_report=report)
            if report:
                for problem in write_report(pair.study).unreadable:
                    say(f"valex: {problem}", err=True)
            say(f"written: {out}")


def _compare(pair: VariantPair, posts: int, given: dict[str, Any]) -> Comparison:
    from valex_local.cli._progress import progress
    from valex_local.comparison.compare import compare as measure
    from valex_local.comparison.similarity import load_similarity
    from valex_local.corpus.sheets import read_sheet

    sheet = read_sheet(given["labels"], blank=given["blank"]) if given["labels"] is not None else None
    similarity, notices = None, []
    with progress() as shown:
        if given["meaning"]:
            similarity, notice = load_similarity(pair.study)
            notices.append(notice)
        shown.step("compare", posts)
        options = {name: given[name] for name in ("routes", "annotator", "group", "min_support", "resamples", "seed")}
        return measure(pair, sheet=sheet, similarity=similarity, notices=notices, on_progress=shown.advance, **options)


def _print(found: Comparison) -> None:
    from valex_local.comparison.forms import print_comparison

    print_comparison(terminal(), found)
