"""`valex check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say, say_json_text, terminal
from valex_local.cli._study import StudyCommand, open_study
from valex_local.files.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from valex_local.evaluation.figures import Estimate
    from valex_local.evaluation.visual_check import VariantFigures, VisualCheck

_NOTHING = "–"


@click.group()
def check() -> None:
    """Check scripts against their videos."""


@check.command(cls=StudyCommand, short_help="Check action lines against keyframes.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="CSV file to write, with a row per action line.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def visual(folder: Path | None, table: Path | None, as_json: bool) -> None:
    """Show how well the action lines of scripts match their keyframes, and how many keyframes they mention.

    The scores come from `valex run`, which needs a CLIP model for them; detectors tell which things that lines name
    were found.
    """
    from valex_local.cli._progress import working
    from valex_local.evaluation.visual_check import LINE_COLUMNS, check_visual, line_rows
    from valex_local.files.tables import write_table
    from valex_local.study import output

    study = open_study(folder)
    with output(table):
        with working("check", quiet=as_json):
            found = check_visual(study)
        if table is not None:
            write_table(table, [LINE_COLUMNS, *line_rows(study)])
            say(f"written: {table}", err=True)
    if as_json:
        say_json_text(found.model_dump_json(indent=1))
    else:
        _print(found)


def _print(found: VisualCheck) -> None:

    console = terminal()
    scored = [variant for variant in found.variants if variant.posts]
    if scored:
        for table in _tables(scored):
            console.print(table)
        for note in _notes(found):
            say(note, style="dim")
    if not found.variants:
        say("no post of this study has a script yet. Write them with: valex run -s STUDY")
    for variant in found.variants:
        for reason, posts in variant.skipped.items():
            say(f"not scored {posts:>4}  script.{variant.script}: {reason}")
        for text, posts in variant.notices.items():
            say(f"notice     {posts:>4}  script.{variant.script}: {text}")
        if variant.missing:
            say(f"missing    {variant.missing:>4}  script.{variant.script}")
    for hint in found.hints:
        say(hint)


def _notes(found: VisualCheck) -> Iterator[str]:
    if any(variant.mean_percentile is not None for variant in found.variants):
        yield "percentile: share of reference lines that match the same keyframes less well; by chance 0.50"
        yield f"below chance: share of the lines with a percentile below {found.below_chance:.2f}"
        yield f"mentioned: share of the keyframes that a line matches well; by chance {1 - found.spoken_of:.2f}"
    else:
        yield "mentioned: share of the keyframes with a known thing of which a line names one"
    if any(variant.things for variant in found.variants):
        yield "not found: share of the known things named by a line that no detector found in its keyframes"
    numbers, expressions = (sum(getattr(row, of) for row in found.variants) for of in ("numbers", "expressions"))
    if numbers:
        differ = sum(row.numbers_differ for row in found.variants)
        yield f"people: numbers in {counted(numbers, 'line')}; {differ:,} differ from the count in each keyframe"
    if expressions:
        differ = sum(row.expressions_differ for row in found.variants)
        yield f"expressions: {expressions:,} compared with faces; {differ:,} differ from all of them"
    yield f"below each figure: its 95 % interval, from {found.resamples:,} resamples of the posts"


def _tables(variants: Sequence[VariantFigures]) -> Iterator[Table]:
    """Yield a table of what a CLIP model says, and one of what detectors say, where there is something."""
    scored = [row for row in variants if row.mean_percentile is not None]
    by_things = [row for row in variants if row.mean_percentile is None]
    if scored or not any(row.things for row in variants):
        by_clip = ("posts", "lines", "below\nchance", "percentile", "no\nkeyframe", "key-\nframes", "men-\ntioned")
        yield _table(by_clip, {
            row.script: (
                f"{row.posts:,}", f"{row.lines:,}", _cell(row.below_chance), _cell(row.mean_percentile),
                _cell(row.without_keyframes), f"{row.keyframes:,}", _cell(row.spoken_of),
            ) for row in (scored or variants)
        })  # fmt: skip
    if any(row.things for row in variants):
        columns = ("posts", "lines", "no\nkeyframe", "things\nnamed", "not\nfound")
        mentioned = ("key-\nframes", "men-\ntioned") if by_things else ()
        yield _table((*columns, *mentioned), {
            row.script: (
                f"{row.posts:,}", f"{row.lines:,}", _cell(row.without_keyframes), f"{row.things:,}",
                _cell(row.things_not_found),
                *((f"{row.keyframes:,}", _cell(row.spoken_of)) if row in by_things else (_NOTHING,) * len(mentioned)),
            ) for row in variants
        })  # fmt: skip


def _table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("script", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for script, cells in rows.items():
        table.add_row(script, *cells)
    return table


def _cell(figure: Estimate | None) -> str:
    """Return a figure, and below it its interval."""
    if figure is None:
        return _NOTHING
    bounds = "" if figure.low is None or figure.high is None else f"\n{figure.low:.2f}–{figure.high:.2f}"
    return f"{figure.value:.2f}{bounds}"
