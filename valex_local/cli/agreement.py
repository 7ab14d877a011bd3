"""`valex agreement`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say, say_json, terminal
from valex_local.cli._progress import working
from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from rich.table import Table

    from valex_local.evaluation.alternative_annotator import AlternativeAnnotator
    from valex_local.evaluation.reliability import Reliability


@click.command(cls=StudyCommand)
@click.argument("files", nargs=-1, metavar="[[NAME=]FILE]...")
@click.option("--labels", multiple=True, metavar="KEY", help="Labels by models to compare too (repeatable).")
@click.option("--conflicted", is_flag=True, help="Compare conflict instead of presence.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="How much closer to the others a coder may be than a model that stands in.",
)
@click.option("--per-value", is_flag=True, help="Show each value for every two that are compared too.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def agreement(
    *,
    folder: Path | None,
    files: tuple[str, ...],
    labels: tuple[str, ...],
    conflicted: bool,
    margin: float,
    per_value: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Show how far coders agree, how far models agree with them, and whether a model may stand in for a coder.

    Coders are those of the gold labels of the study, gold/NAME.csv. FILE holds labels by a model, such as those that
    valex label -o wrote with another --prompt.
    """
    from valex_local.errors import InputError
    from valex_local.evaluation.agreement import View
    from valex_local.evaluation.alternative_annotator import alternative_annotator
    from valex_local.evaluation.coders import labels_of_coders, labels_of_files, labels_of_models
    from valex_local.evaluation.reliability import reliability

    study = open_study(folder)
    view = View.CONFLICTED if conflicted else View.PRESENT
    with working("agreement", quiet=as_json):
        coders, models = labels_of_coders(study), labels_of_models(study, labels)
        models |= labels_of_files(study, files, coders | models)
        if len(coders) + len(models) < 2:
            hint = "Code posts with: valex review start; or name labels by models with --labels"
            raise InputError("there are no two sources to compare", path=study.root, hint=hint)
        tables = {}
        if len(coders) > 1:
            tables[f"coders: {', '.join(coders)}"] = reliability(coders, view, seed=seed)
        if len(coders) > 2:
            for one, other in combinations(coders, 2):
                pair = {one: coders[one], other: coders[other]}
                tables[f"{one} and {other}"] = reliability(pair, view, seed=seed)
        for name, matrix in models.items():
            for coder, own in coders.items():
                tables[f"{name} and {coder}"] = reliability({name: matrix, coder: own}, view, seed=seed)
        if len(models) > 1:
            tables[f"models: {', '.join(models)}"] = reliability(models, view, seed=seed)
        tests = {name: alternative_annotator(name, matrix, coders, margin=margin) for name, matrix in models.items()}
    if as_json:
        found = {title: [row.model_dump() | {"mark": row.mark} for row in rows] for title, rows in tables.items()}
        passed = {name: None if test is None else test.model_dump() for name, test in tests.items()}
        say_json({"view": view, "agreement": found, "alternative_annotator": passed})
        return
    _print(tables, tests if len(coders) > 1 else {}, view, per_value=per_value)


def _print(
    tables: Mapping[str, list[Reliability]],
    tests: Mapping[str, AlternativeAnnotator | None],
    view: str,
    *,
    per_value: bool,
) -> None:
    from valex_local.evaluation.reliability import FEW_POSITIVES, RELIABLE, TENTATIVE

    whole = tables if per_value or len(tables) == 1 else {t: rows for t, rows in tables.items() if ": " in t}
    for title, rows in whole.items():
        say(f"{view}, {title}", style="bold")
        if rows:
            terminal().print(_table({row.of: row for row in rows}, "value"))
        else:
            say("no post is labelled by two of them")
    if pairs := {title: rows[-1] for title, rows in tables.items() if title not in whole and rows}:
        say(f"{view}, all values, two by two", style="bold")
        terminal().print(_table(pairs, ""))
    if any(row.is_thin for rows in tables.values() for row in rows):
        say(f"* fewer than {FEW_POSITIVES} posts in which anybody sees the value: alpha rests on single decisions")
    if any(tables.values()):
        say(f"alpha: Krippendorff's, with its 95 % interval; reliable from {RELIABLE}, tentative from {TENTATIVE}")
    for name, test in tests.items():
        _print_test(name, test)


def _table(rows: Mapping[str, Reliability], head: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(head, overflow="fold")
    for column in ("labels", "positive", "agree", "alpha", "95 %"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for name, row in rows.items():
        alpha = row.alpha
        bounds = "" if alpha is None or alpha.low is None else f"{alpha.low:.2f} to {alpha.high:.2f}"
        table.add_row(
            f"{name}{'*' if row.is_thin else ''}",
            f"{row.items:,}",
            f"{row.positives:,}",
            "–" if row.agreeing is None else f"{row.agreeing:.2f}",
            "–" if alpha is None else f"{alpha.value:.2f}",
            bounds,
            str(row.mark),
        )
    return table


def _print_test(name: str, test: AlternativeAnnotator | None) -> None:
    if test is None:
        say(f"{name}: the alternative annotator test needs 30 posts that a coder shares with another one")
        return
    for one in test.contests:
        said = "wins" if one.wins else "does not win"
        say(
            f"{name} {said} over {one.coder}: at least as close to the others in {one.model_closer:.2f} of {one.posts} "
            f"posts, {one.coder} in {one.coder_closer:.2f} (p {one.p:.3f})"
        )
    rate = f"winning rate {test.winning_rate:.2f}, advantage {test.advantage:.2f}, margin {test.margin:g}"
    verdict = "may stand in for a coder" if test.passes else "may not stand in for a coder"
    say(f"{name} {verdict}: {rate}", style="bold")
    if test.blank_passes:
        say(
            "a model that sees no value in any post would pass too: values are too rare here for this test",
            style="yellow",
        )
    if len(test.contests) + len(test.too_few) < 3:
        say("with two coders, the other one is the only standard: the authors of the test ask for three")
    if test.too_few:
        say(f"left out with fewer than 30 posts in common with others: {', '.join(test.too_few)}")
