"""`valex check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from rich.table import Table

    from valex_local.evaluation.figures import Estimate
    from valex_local.evaluation.visual_check import VariantFigures, VisualCheck
    from valex_local.study import Study

_NOTHING = "–"


@click.group()
def check() -> None:
    """Say how far scripts keep to their videos."""


@check.command(cls=StudyCommand)
@click.option("--csv", "table", type=click.Path(path_type=Path), help="A CSV file to write, with a row for each line.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def visual(folder: Path | None, table: Path | None, as_json: bool) -> None:
    """Say how well the action lines of a STUDY fit their keyframes, and how many keyframes they speak of.

    Nothing is computed: `valex run` scores the lines where it has a CLIP model.
    """
    from valex_local.evaluation.visual_check import check_visual

    study = open_study(folder)
    found = check_visual(study)
    if table is not None:
        _write(table, study)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
    else:
        _print(found)


def _write(path: Path, study: Study) -> None:
    import csv
    import io

    from valex_local.evaluation.visual_check import LINE_COLUMNS, line_rows
    from valex_local.files.atomic import write_whole
    from valex_local.files.tables import guarded

    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(LINE_COLUMNS)
    for row in line_rows(study):
        writer.writerow([guarded(cell) if isinstance(cell, str) else cell for cell in row])
    write_whole(path, text.getvalue().encode())
    click.echo(f"written: {path}", err=True)


def _print(found: VisualCheck) -> None:
    from rich.console import Console
    from rich.text import Text

    from valex_local.errors import printable

    console = Console(highlight=False)
    scored = [variant for variant in found.variants if variant.posts]
    if scored:
        console.print(_table(scored))
        for note in _notes(found):
            console.print(Text(note, style="dim"), soft_wrap=True)
    if not found.variants:
        click.echo("no post of this study has a script yet; make them with: valex run")
    for variant in found.variants:
        for reason, posts in variant.skipped.items():
            click.echo(f"not scored {posts:>4}  script.{variant.script}: {printable(reason)}")
        for text, posts in variant.notices.items():
            click.echo(f"degraded   {posts:>4}  script.{variant.script}: {printable(text)}")
        if variant.missing:
            click.echo(f"missing    {variant.missing:>4}  script.{variant.script}")
    for hint in found.hints:
        click.echo(printable(hint))


def _notes(found: VisualCheck) -> tuple[str, ...]:
    return (
        "percentile: share of the lines by chance that fit the same keyframes less well; mean over lines, chance 0.50",
        f"below chance: share of the lines with a percentile below {found.below_chance:.2f}",
        f"spoken of: share of the keyframes that a line fits well enough; lines by chance reach "
        f"{1 - found.spoken_of:.2f}",
        f"below each figure: its 95 % interval, by {found.resamples:,} resamples of posts",
    )


def _table(variants: list[VariantFigures]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("script", overflow="fold")
    for name in ("posts", "lines", "below\nchance", "percentile", "no\nkeyframe", "key-\nframes", "spoken\nof"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in variants:
        table.add_row(
            row.script,
            f"{row.posts:,}",
            f"{row.lines:,}",
            _cell(row.below_chance),
            _cell(row.mean_percentile),
            _cell(row.without_keyframes),
            f"{row.keyframes:,}",
            _cell(row.spoken_of),
        )
    return table


def _cell(figure: Estimate | None) -> str:
    """Return a figure, and below it its interval."""
    if figure is None:
        return _NOTHING
    bounds = "" if figure.low is None or figure.high is None else f"\n{figure.low:.2f}–{figure.high:.2f}"
    return f"{figure.value:.2f}{bounds}"
