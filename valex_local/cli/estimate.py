"""`valex estimate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from valex_local.cli._output import say, say_json, terminal
from valex_local.cli._progress import working
from valex_local.cli._pseudonyms import pseudonyms_option
from valex_local.cli._study import StudyCommand, open_study
from valex_local.schwartz import CIRCLE

if TYPE_CHECKING:
    from valex_local.inference.questions import Answer, Material
    from valex_local.schwartz import Value
    from valex_local.study import Study

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def estimate() -> None:
    """Estimate shares, differences and regressions from machine labels and a coded sample."""


def _common(command: F) -> F:
    """Add the options that all questions share."""
    for option in reversed((
        click.option("--labels", required=True, metavar="KEY", help="Labels by a model, such as template.encoder."),
        click.option("--sample", required=True, metavar="NAME", help="The sample that was coded, samples/NAME.csv."),
        click.option(
            "--value", "values", multiple=True, type=click.Choice([str(value) for value in CIRCLE]), metavar="VALUE",
            help="A value (repeatable). Default: all.",
        ),
        click.option("--conflicted", is_flag=True, help="Ask about conflict instead of presence."),
        click.option("--annotator", help="Annotator whose gold labels count. Default: the majority."),
    )):  # fmt: skip
        command = option(command)
    return command


def _printed(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(_common(command))


@estimate.command(cls=StudyCommand)
@_printed
def prevalence(folder: Path | None, as_json: bool, **given: Any) -> None:
    """Estimate in which share of the posts values are present."""
    from valex_local.inference import questions

    _answer(folder, given, questions.prevalence, as_json)


@estimate.command(cls=StudyCommand)
@click.option("--by", required=True, metavar="FACT", help="Groups of posts: author, month, genre or language.")
@click.option("--groups", nargs=2, metavar="A B", help="The two groups. Default: the two largest.")
@_printed
def difference(folder: Path | None, by: str, groups: tuple[str, str] | None, as_json: bool, **given: Any) -> None:
    """Estimate how much more often values are present in the second group of posts than in the first."""
    from valex_local.inference import questions

    _answer(folder, given, lambda material, values: questions.difference(material, values, by, groups), as_json)


@estimate.command(cls=StudyCommand)
@click.option("--on", required=True, metavar="FACTS", help="Covariates, by commas; see valex export posts.")
@_printed
def regression(folder: Path | None, on: str, as_json: bool, **given: Any) -> None:
    """Estimate a logistic regression of values on facts of posts: log odds ratios, numbers per standard deviation."""
    from valex_local.inference import questions

    names = [name.strip() for name in on.split(",") if name.strip()]
    _answer(folder, given, lambda material, values: questions.regression(material, values, names), as_json)


@estimate.command(cls=StudyCommand)
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="CSV file to write.")
@pseudonyms_option
@_common
def table(folder: Path | None, out: Path, pseudonyms: Path | None, **given: Any) -> None:
    """Write labels, facts and the design of the sample as one table, for R's dsl and other programs."""
    from valex_local.files.tables import write_table
    from valex_local.inference import questions
    from valex_local.privacy.copies import shown
    from valex_local.study import output

    with output(out), working("estimate"), shown(open_study(folder), pseudonyms) as seen:
        material, values = _read(seen.study, given)
        write_table(out, questions.table(material, values))
    for notice in material.notices:
        say(f"notice: {notice}")
    say(f"written: {out}")


def _material(folder: Path | None, given: dict[str, Any]) -> tuple[Material, list[Value]]:
    return _read(open_study(folder), given)


def _read(study: Study, given: dict[str, Any]) -> tuple[Material, list[Value]]:
    from valex_local.inference.questions import read_material
    from valex_local.schwartz import Polarity, Value
    from valex_local.study import LabelKey

    polarity = Polarity.CONFLICTED if given["conflicted"] else Polarity.PRESENT
    key = LabelKey.of(given["labels"])
    material = read_material(study, key, given["sample"], annotator=given["annotator"], polarity=polarity)
    return material, [Value(name) for name in given["values"]] or list(CIRCLE)


def _answer(
    folder: Path | None,
    given: dict[str, Any],
    ask: Callable[[Material, list[Value]], Iterable[Answer]],
    as_json: bool,
) -> None:
    with working("estimate", quiet=as_json):
        material, values = _material(folder, given)
        found = list(ask(material, values))
    if as_json:
        say_json({"notices": material.notices, "answers": [_plain(answer) for answer in found]})
        return
    _print(found)
    for notice in material.notices:
        say(f"notice: {notice}")
    if any(answer.is_thin for answer in found):
        say("* fewer than 10 posts of the sample show the value, or do not: such an interval is unreliable")
    for reason in dict.fromkeys(answer.why_not for answer in found if answer.why_not):
        say(f"not estimated: {reason}")


def _plain(answer: Answer) -> dict[str, Any]:
    return {
        "value": str(answer.value),
        "what": answer.what,
        "coded": answer.coded,
        "showing": answer.showing,
        "why_not": answer.why_not or None,
        **{str(method): interval for method, interval in answer.methods.items()},
    }


def _print(found: list[Answer]) -> None:
    from rich import box
    from rich.table import Table

    from valex_local.inference.estimators import Method

    several = len({answer.what for answer in found}) > 1 or found[0].what != "share"
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    shown.add_column("value", overflow="fold")
    if several:
        shown.add_column("what", overflow="fold")
    shown.add_column("coded", justify="right")
    for method in Method:
        shown.add_column("\n".join(str(method).split(" ", 1)), justify="right", no_wrap=True)
    for answer in found:
        cells = [f"{answer.value}{'*' if answer.is_thin else ''}", *([answer.what] if several else [])]
        coded = f"{answer.showing}/{answer.coded}"
        shown.add_row(*cells, coded, *(_cell(answer.methods[method]) for method in Method))
    terminal().print(shown)
    say("corrected: machine labels of all posts, corrected by the coded sample; below each figure its 95 % interval")


def _cell(interval: tuple[float, float, float] | None) -> str:
    if interval is None:
        return "–"
    value, low, high = interval
    return f"{value:.3f}\n{low:.2f} to {high:.2f}"
