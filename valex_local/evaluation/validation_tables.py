"""The tables and sentences about states before and after calibration."""

from __future__ import annotations

from collections.abc import Iterator

from valex_local.evaluation.bootstrap import LEVEL, RESAMPLES
from valex_local.evaluation.layout import Block
from valex_local.evaluation.tables import RenderedTable, TableRow
from valex_local.evaluation.validate import Validation, ValueComparison
from valex_local.evaluation.validation_figures import CALLED
from valex_local.files.text import counted
from valex_local.records import CalibrationFigure

_INTERVAL = f"[{LEVEL:.0%}]".replace("%", " %")


def validation_blocks(found: Validation) -> Iterator[Block]:
    """Yield the table of figures, then that of values, in forms of decreasing width."""
    rows = tuple(TableRow(_figure_cells(figure)) for figure in found.calibration.figures)
    yield ((RenderedTable("States before and after", ("figure", f"before {_INTERVAL}", f"after {_INTERVAL}"), rows),),)
    columns = ("value", "gold", "called\nbefore", "called\nafter", "F1\nbefore", "F1\nafter")
    more = ("precision\nafter", "recall\nafter")
    yield tuple(
        (RenderedTable("By value", (*columns, *(more if wide else ())), _value_rows(found, wide)),)
        for wide in (True, False)
    )


def _figure_cells(figure: CalibrationFigure) -> tuple[str, ...]:
    digits = 1 if figure.figure == CALLED else 3
    return (
        figure.figure,
        _with_interval(figure.before, figure.before_low, figure.before_high, digits),
        _with_interval(figure.after, figure.after_low, figure.after_high, digits),
    )


def _with_interval(value: float, low: float, high: float, digits: int) -> str:
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _value_rows(found: Validation, wide: bool) -> tuple[TableRow, ...]:
    several = len({row.cutoff.polarity for row in found.values}) > 1
    return tuple(TableRow(_value_cells(row, several, wide)) for row in found.values)


def _value_cells(row: ValueComparison, with_polarity: bool, wide: bool) -> tuple[str, ...]:
    name = f"{row.cutoff.value}, {row.cutoff.polarity}" if with_polarity else str(row.cutoff.value)
    more = (f"{row.after[0]:.2f}", f"{row.after[1]:.2f}") if wide else ()
    counts = map(str, (row.cutoff.support, row.called_before, row.called_after))
    return (name, *counts, f"{row.before[2]:.2f}", f"{row.after[2]:.2f}", *more)


def validation_notes(found: Validation, grouped_by: str | None) -> list[str]:
    """Return what readers of the tables must know.

    Parameters
    ----------
    found : Validation
        The validation.
    grouped_by : str or None
        What posts were grouped by.

    Returns
    -------
    list of str
        Sentences, the most important first.
    """
    posts = counted(len(found.calibration.posts), "post")
    by = posts if found.groups is None else counted(found.groups, grouped_by or "group")
    apart = "" if found.groups is None else f", none of the same {grouped_by}"
    kind = "the language model's answers" if found.before == "answer" else f"{found.before} states"
    return [
        f"{_verdict(found)}.",
        f"Before: {kind}. After: every one of {posts} by cut-offs that were fitted on other posts{apart}.",
        f"People found {found.gold_per_post:.1f} values per post.",
        f"Intervals: {LEVEL:.0%}, {RESAMPLES:,} resamples of {by}.".replace("%,", " %,"),
        *(f"{notice.text[0].upper()}{notice.text[1:]}." for notice in found.calibration.notices),
    ]


def _verdict(found: Validation) -> str:
    gain = found.difference
    if gain.value == 0:
        return f"The states are as good as before, by macro F1 over the {len(found.values)} values"
    size = f"macro F1 over the {len(found.values)} values {abs(gain.value):.3f}"
    interval = "" if gain.low is None or gain.high is None else f" (difference {gain.low:+.3f} to {gain.high:+.3f})"
    if found.worse:
        return f"The states are worse than before, {size} lower{interval}"
    sure = gain.low is not None and gain.low > 0
    doubt = "" if sure else ": that may be chance, as the interval includes 0"
    return f"The states are better than before, {size} higher{interval}{doubt}"
