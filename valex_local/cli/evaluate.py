"""`valex evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from valex_local.cli._blank import blank_option
from valex_local.cli._evaluation import SUPPORT, read_supports, split_names
from valex_local.cli._output import say, say_json_text, say_text, terminal
from valex_local.cli._views import named_script, without_option

if TYPE_CHECKING:
    from valex_local.corpus.texts import Texts
    from valex_local.evaluation.layout import Detail
    from valex_local.evaluation.render import Form
    from valex_local.evaluation.results import Evaluation

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("paths", nargs=-1, metavar="[[NAME=]PATH]...")
@click.option(
    "--labels",
    multiple=True,
    type=_PATH,
    help="Gold labels (repeatable). Default: those of the models, else those imported into the studies.",
)
@blank_option
@click.option(
    "--routes",
    multiple=True,
    callback=split_names,
    metavar="NAMES",
    help="Routes of a study to evaluate (repeatable): encoder by all models, encoder@MODEL by one. Default: all.",
)
@click.option(
    "--scripts",
    multiple=True,
    callback=split_names,
    metavar="NAMES",
    help="Scripts of a study whose labels to evaluate (repeatable). Default: all.",
)
@click.option("--annotator", help="Annotator whose gold labels count. Default: the majority.")
@click.option("--texts", multiple=True, type=_PATH, help="Texts, for baselines that read them (repeatable).")
@click.option("--id-column", help="Column of ids, in a table of texts.")
@click.option("--text-column", help="Column of texts, in a table of texts.")
@click.option("--script", help="Variant of the scripts, in a study of texts.")
@without_option
@click.option(
    "--group", help="Grouping of texts for the intervals: author, a column, or none. [default: as trained, or author]"
)
@click.option(
    "--min-support",
    multiple=True,
    callback=read_supports,
    metavar=SUPPORT,
    default=("30",),
    show_default=True,
    help="Leave rarer values out: a number of texts, or a share of them such as 5% (repeatable: a table for each).",
)
@click.option("--resamples", type=click.IntRange(min=0), default=2000, show_default=True, help="Bootstrap resamples.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the bootstrap.")
@click.option(
    "--compare",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Compare two routes (repeatable). Default: the first with all others.",
)
@click.option("--agreement", is_flag=True, help="Show how far annotators, or routes, agree.")
@click.option("--per-value", is_flag=True, help="Show figures of each value, and F1 by support.")
@click.option("--calibration", is_flag=True, help="Show how well probabilities match the gold labels.")
@click.option("--circle", is_flag=True, help="Show where on the circle of values errors lie.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
    help="Format.",
)
@click.option("-o", "--out", type=_PATH, help="File to write to.")
def evaluate(paths: tuple[str, ...], form: Form, out: Path | None, **given: Any) -> None:
    """Compare labels with gold labels and with baselines.

    PATH is a label file, a model directory written by `valex train`, or a study, of which each script and route counts
    on its own. JSON and CSV always hold every figure.
    """
    from valex_local.cli._progress import working
    from valex_local.evaluation.render import render
    from valex_local.study import output

    details = _details(given)
    with output(out):
        with working("evaluation"):
            found = _evaluation(paths, given)
        if out is not None:
            _write(out, render(found, form, details))
    if out is not None:
        say(f"written: {out}")
    elif form == "table":
        _print(found, details)
    elif form == "json":
        say_json_text(render(found, form, details))
    else:
        say_text(render(found, form, details))


def _evaluation(arguments: tuple[str, ...], given: dict[str, Any]) -> Evaluation:
    from valex_local.corpus.sheets import read_sheet, sheet_files
    from valex_local.errors import InputError
    from valex_local.evaluation.evaluate import evaluate as measure
    from valex_local.evaluation.inputs import agreements, gold_files_of, prepare
    from valex_local.evaluation.results import Evaluation
    from valex_local.evaluation.routes import choose, read_source

    sources = choose(
        [read_source(argument) for argument in arguments], routes=given["routes"], scripts=given["scripts"]
    )
    named = [read_sheet(path, blank=given["blank"]) for path in sheet_files(given["labels"])]
    sheets = named or [read_sheet(path) for path in gold_files_of(sources)]
    if not sources and not sheets:
        raise InputError("there is nothing to evaluate", hint="Name routes, or gold labels with --labels")
    # Agreement alone needs no gold labels.
    if given["agreement"] and not sheets and all(source.gold is None for source in sources):
        return Evaluation(agreement=agreements(sources, sheets, None))
    prepared = prepare(
        sources,
        sheets=sheets,
        annotator=given["annotator"],
        texts=_texts(given),
        group=given["group"],
        supports=given["min_support"],
        seed=given["seed"],
    )
    found, *also = (
        measure(
            prepared.gold,
            prepared.routes,
            groups=prepared.groups,
            grouped_by=prepared.grouped_by,
            min_support=min_support,
            resamples=given["resamples"],
            seed=given["seed"],
            compare=given["compare"] or None,
            missing=prepared.missing,
            notices=prepared.notices,
        )
        for min_support in given["min_support"]
    )
    agreed = agreements(sources, sheets, prepared) if given["agreement"] else ()
    return found.model_copy(update={"agreement": agreed, "also": tuple(also)})


def _texts(given: dict[str, Any]) -> Texts | None:
    from valex_local.corpus.texts import join_texts, read_texts

    if not given["texts"]:
        return None
    columns = {name: given[name] for name in ("id_column", "text_column")}
    columns["script"] = named_script(given, given["texts"])
    return join_texts({path: read_texts(path, **columns) for path in given["texts"]})


def _details(given: dict[str, Any]) -> tuple[Detail, ...]:
    from valex_local.evaluation.layout import Detail

    asked = {"per_value": Detail.VALUES, "calibration": Detail.CALIBRATION, "circle": Detail.CIRCLE}
    return tuple(detail for option, detail in asked.items() if given[option])


def _print(found: Evaluation, details: tuple[Detail, ...]) -> None:
    from valex_local.evaluation.render import print_evaluation

    print_evaluation(terminal(), found, details)


def _write(path: Path, text: str) -> None:
    from valex_local.files.atomic import write_whole

    write_whole(path, text.encode())
