"""Render the tables of an evaluation: rich for the terminal, Markdown for papers, CSV and JSON for programs."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from valex_local.errors import printable
from valex_local.evaluation.agreement import Agreement
from valex_local.evaluation.calibration import CalibrationFigures
from valex_local.evaluation.figures import AVERAGES
from valex_local.evaluation.layout import Block, Detail, Layout, blocks
from valex_local.evaluation.notes import notes
from valex_local.evaluation.results import Evaluation, PolarityFigures
from valex_local.evaluation.tables import RenderedTable, RowKind, TableRow
from valex_local.files.tables import Cell, table_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

CSV_COLUMNS = ("table", "route", "versus", "polarity", "of", "figure", "estimate", "low", "high")
"""Columns of the CSV. In averages and pairs, `of` is the support that a value needs."""

_STYLES = {RowKind.ROUTE: "", RowKind.BASELINE: "dim", RowKind.FAINT: "dim", RowKind.MEAN: "bold"}


Form = Literal["table", "json", "csv", "markdown"]

FILE_WIDTH = 120
"""Characters of a line of a table in a file."""


def render(evaluation: Evaluation, form: Form, details: Collection[Detail] = ()) -> str:
    """Return an evaluation as text.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    form : {"table", "json", "csv", "markdown"}
        JSON and CSV contain every figure; the others contain the tables that are shown.
    details : collection of Detail
        Tables to show in addition to the paper's table and the differences.

    Returns
    -------
    str
        The text, ending in a newline.
    """
    match form:
        case "json":
            return evaluation.to_json()
        case "csv":
            return to_csv(evaluation)
        case "markdown":
            return to_markdown(evaluation, details)
        case "table":
            return _as_text(evaluation, details)


def _as_text(evaluation: Evaluation, details: Collection[Detail]) -> str:
    from rich.console import Console

    text = io.StringIO()
    print_evaluation(Console(file=text, width=FILE_WIDTH, highlight=False), evaluation, details)
    return "".join(f"{line.rstrip()}\n" for line in text.getvalue().splitlines())


def print_evaluation(console: Console, evaluation: Evaluation, details: Collection[Detail] = ()) -> None:
    """Print the tables and notes of an evaluation, each table in the widest form that fits the console.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    evaluation : Evaluation
        The evaluation.
    details : collection of Detail
        Tables to print in addition to the paper's table and the differences.
    """
    for block in blocks(evaluation, details):
        print_block(console, block)
    print_notes(console, notes(evaluation))


def print_block(console: Console, block: Block) -> None:
    """Print the tables of a block in the widest form that fits the console."""
    from rich.text import Text

    for table in _fitting(console, block):
        console.print(Text(printable(table.title), style="bold"))
        console.print(_rich(table))
        if table.note:
            console.print(Text(printable(table.note), style="dim"))
        console.print()


def print_notes(console: Console, lines: Iterable[str]) -> None:
    """Print notes as a bulleted list."""
    from rich.table import Table as RichTable
    from rich.text import Text

    points = RichTable.grid(padding=(0, 1, 0, 0))
    for note in lines:
        points.add_row(Text("·", style="dim"), Text(printable(note)))
    console.print(points)


def _fitting(console: Console, block: Block) -> Layout:
    from rich.measure import Measurement

    def fits(form: Layout) -> bool:
        unbound = console.options.update(max_width=10 * console.width)
        return all(Measurement.get(console, unbound, _rich(table)).maximum <= console.width for table in form)

    return next((form for form in block if fits(form)), block[-1])


def _rich(table: RenderedTable) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for number, head in enumerate(table.columns):
        name = number < table.names
        lead = "  " if number in table.gaps else ""
        lines = "\n".join(lead + line for line in head.split("\n"))
        shown.add_column(Text(lines), justify="left" if name else "right", no_wrap=not name, overflow="fold")
    before: TableRow | None = None
    for row in table.rows:
        if before is not None and before.kind is not row.kind and RowKind.FAINT not in (before.kind, row.kind):
            shown.add_section()
        texts = [printable(cell) for cell in row.cells]
        cells = [Text(text, style="bold green" if c in row.best else "") for c, text in enumerate(texts)]
        shown.add_row(*cells, style=_STYLES[row.kind])
        before = row
    return shown


def to_markdown(evaluation: Evaluation, details: Collection[Detail] = ()) -> str:
    """Return an evaluation as Markdown: pipe tables, each with its title as a heading, then the notes."""
    parts = [_markdown(table) for block in blocks(evaluation, details) for table in block[0]]
    points = "\n".join(f"- {_plain(note)}" for note in notes(evaluation))
    return "\n\n".join([*parts, *([points] if points else [])]) + "\n"


def _markdown(table: RenderedTable) -> str:
    heads = [_plain(" ".join(head.split("\n"))) for head in table.columns]
    marks = [":--" if number < table.names else "--:" for number in range(len(heads))]
    lines = [_line(heads), _line(marks)]
    for row in table.rows:
        cells = [_plain(cell) for cell in row.cells]
        lines.append(_line([f"**{cell}**" if c in row.best else cell for c, cell in enumerate(cells)]))
    parts = [f"### {_plain(table.title)}", "\n".join(lines)]
    return "\n\n".join([*parts, _plain(table.note)] if table.note else parts)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(cell: str) -> str:
    """Return a text with all Markdown markup escaped."""
    text = printable(cell).strip()
    for mark in "\\`*_[]<>|":
        text = text.replace(mark, f"\\{mark}")
    return text


def to_csv(evaluation: Evaluation) -> str:
    """Return all figures as one long CSV table, one figure in each row."""
    return table_text([CSV_COLUMNS, *_rows(evaluation)])


Cells = tuple[Cell, ...]


def _rows(evaluation: Evaluation) -> Iterator[Cells]:
    yield from _averages(evaluation, "averages")
    for own in evaluation.own:
        yield from _averages(own.model_copy(update={"routes": own.routes[:2]}), f"own texts of {own.routes[0].name}")
    for other in evaluation.also:
        yield from _averages(other, "averages")
    for route in evaluation.routes:
        for figures in route.polarities:
            for table, of, figure, *numbers in _figures(figures):
                yield table, route.name, "", figures.polarity, of, figure, *numbers
    for each in (evaluation, *evaluation.also):
        yield from _pairs(each)
    for found in evaluation.agreement:
        yield from _agreement(found)


def _averages(evaluation: Evaluation, table: str) -> Iterator[Cells]:
    for route in evaluation.routes:
        for figures in route.polarities:
            for name in AVERAGES if figures.averages is not None else ():
                average = getattr(figures.averages, name)
                head = (table, route.name, "", figures.polarity, evaluation.support_words, name)
                yield *head, average.value, average.low, average.high


def _pairs(evaluation: Evaluation) -> Iterator[Cells]:
    for pair in evaluation.pairs:
        for name in AVERAGES:
            gain = getattr(pair, name)
            head = ("pairs", pair.first, pair.second, pair.polarity, evaluation.support_words)
            yield *head, f"{name}_difference", gain.value, gain.low, gain.high
            yield *head, f"{name}_share_not_above_0", gain.not_above, None, None


def _figures(figures: PolarityFigures) -> Iterator[Cells]:
    """Yield the figures of a route in one polarity as (table, of, figure, estimate, low, high), without averages."""
    for value in figures.values:
        yield "values", value.value, "f1", value.f1, value.f1_low, value.f1_high
        for name in ("precision", "recall", "average_precision", "support", "items"):
            yield "values", value.value, name, getattr(value, name), None, None
    if figures.calibration is not None:
        yield from _calibration(figures.calibration)
    for error in figures.confusion:
        for name in ("observed", "expected", "lift"):
            yield "circle", error.relation, name, getattr(error, name), None, None
    for bin in figures.by_support.bins:
        of = f"{bin.low} to {bin.high - 1}" if bin.high else f"{bin.low} and more"
        yield "support", of, "mean_f1", bin.mean_f1, None, None
        yield "support", of, "always_yes_f1", bin.always_yes_f1, None, None
    yield "support", "", "spearman", figures.by_support.spearman, None, None


def _calibration(found: CalibrationFigures) -> Iterator[Cells]:
    for name in ("brier", "ece_equal_width", "ece_equal_mass", "prevalence", "cases"):
        yield "calibration", "", name, getattr(found, name), None, None
    for one in found.reliability:
        for name in ("mean_probability", "share_holding", "cases"):
            yield "reliability", f"{one.low:.1f} to {one.high:.1f}", name, getattr(one, name), None, None


def _agreement(found: Agreement) -> Iterator[Cells]:
    for view in found.views:
        for value in view.values:
            yield "agreement", found.between, "", view.view, value.value, "alpha", value.alpha, None, None
            for pair in value.pairs:
                head = ("agreement", pair.first, pair.second, view.view, value.value)
                yield *head, "kappa", pair.kappa, None, None
                yield *head, "agreeing", pair.agreeing, None, None
