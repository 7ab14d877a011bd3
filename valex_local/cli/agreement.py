"""`valex agreement`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say, say_json, terminal
from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from rich.table import Table

    from valex_local.corpus.label_matrix import LabelMatrix
    from valex_local.evaluation.alternative_annotator import AlternativeAnnotator
    from valex_local.evaluation.reliability import Reliability
    from valex_local.study import Study


@click.command(cls=StudyCommand)
@click.option("--labels", multiple=True, metavar="KEY", help="Labels by models to compare too (repeatable).")
@click.option("--conflicted", is_flag=True, help="Compare conflict instead of presence.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="How much closer to the others a coder may be than a model that stands in.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def agreement(
    *, folder: Path | None, labels: tuple[str, ...], conflicted: bool, margin: float, seed: int, as_json: bool
) -> None:
    """Show how far coders agree, how far models agree with them, and whether a model may stand in for a coder.

    Coders are those of the gold labels of the study, gold/NAME.csv.
    """
    from valex_local.evaluation.agreement import View
    from valex_local.evaluation.alternative_annotator import alternative_annotator
    from valex_local.evaluation.reliability import reliability

    study = open_study(folder)
    view = View.CONFLICTED if conflicted else View.PRESENT
    coders, models = _coders(study), _models(study, labels)
    tables = {}
    if len(coders) > 1:
        tables[f"coders: {', '.join(coders)}"] = reliability(coders, view, seed=seed)
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
    _print(tables, tests if len(coders) > 1 else {}, view)


def _coders(study: Study) -> dict[str, LabelMatrix]:
    from valex_local.corpus import read_sheet
    from valex_local.errors import InputError
    from valex_local.evaluation.posts import gold_files

    found = {
        name or path.stem: labels for path in gold_files(study) for name, labels in read_sheet(path).labels.items()
    }
    if not found:
        raise InputError("this study has no gold labels", path=study.root, hint="Code posts with: valex review start")
    return found


def _models(study: Study, keys: tuple[str, ...]) -> dict[str, LabelMatrix]:
    from valex_local.corpus.label_matrix import LabelMatrix
    from valex_local.errors import InputError
    from valex_local.study import LabelKey

    found = {}
    for text in keys:
        key = LabelKey.of(text)
        posts = [post for post in study.post_ids() if key in study.label_keys(post)]
        records = {post: values for post in posts if (values := study.labels_of(post, key).values)}
        if not records:
            raise InputError(f"no post has labels {text}", path=study.root, hint="List them with: valex status --posts")
        found[text] = LabelMatrix.from_labels(records)
    return found


def _print(
    tables: Mapping[str, list[Reliability]], tests: Mapping[str, AlternativeAnnotator | None], view: str
) -> None:
    from valex_local.evaluation.reliability import FEW_POSITIVES, RELIABLE, TENTATIVE

    for title, rows in tables.items():
        say(f"{view}, {title}", style="bold")
        if rows:
            terminal().print(_table(rows))
        else:
            say("no post is labelled by two of them")
    if not tables:
        say("there is one coder only; name labels by models with --labels, or let another person code")
    elif any(row.is_thin for rows in tables.values() for row in rows):
        say(f"* fewer than {FEW_POSITIVES} posts in which anybody sees the value: alpha rests on single decisions")
    if tables:
        say(f"alpha: Krippendorff's, with its 95 % interval; reliable from {RELIABLE}, tentative from {TENTATIVE}")
    for name, test in tests.items():
        _print_test(name, test)


def _table(rows: list[Reliability]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("value", overflow="fold")
    for name in ("labels", "positive", "agree", "alpha", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows:
        alpha = row.alpha
        bounds = "" if alpha is None or alpha.low is None else f"{alpha.low:.2f} to {alpha.high:.2f}"
        table.add_row(
            f"{row.of}{'*' if row.is_thin else ''}",
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
    if test.too_few:
        say(f"left out with fewer than 30 posts in common with others: {', '.join(test.too_few)}")
