"""The tables and notes of a comparison as plain cells, for the terminal and the index page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.comparison.results import Comparison, FigureRow, Measures, RouteComparison, Shared
from valex_local.evaluation import layout
from valex_local.evaluation.bootstrap import FEW_GROUPS, Difference
from valex_local.evaluation.figures import Estimate
from valex_local.evaluation.layout import Block
from valex_local.evaluation.notes import notes as gold_notes
from valex_local.evaluation.tables import NOTHING, RenderedTable, agreement_table
from valex_local.evaluation.tables import TableRow as Cells
from valex_local.files.text import counted
from valex_local.rendering.views import script_of

TITLES = {
    "speech_kept": "speech kept",
    "speech_added": "speech added",
    "text_kept": "screen text kept",
    "text_added": "screen text added",
    "text_words_added": "screen text, words added",
    "order_in_time": "chronological order, τ",
    "speakers": "speakers",
    "telling_speakers": "descriptive names",
    "speech_lines": "lines of speech",
    "speech_words": "words of speech",
    "text_lines": "screen texts",
    "action_words": "words of action",
    "headings": "headings",
    "actions_match": "actions match pictures",
    "keyframes_spoken": "keyframes mentioned",
    "things_not_found": "named things not found",
    "speech_shared": "speech shared",
    "text_shared": "screen text shared",
    "order": "order in both, τ",
    "matched_lines": "lines in both",
    "similarity": "similarity of meaning, cosine",
}
"""The name of each figure in tables."""

_NUMBERS = {name for kind in (Measures, Shared) for name, field in kind.model_fields.items() if field.annotation is int}
_MOST = 5


def blocks(comparison: Comparison) -> Iterator[Block]:
    """Yield the tables of a comparison, each in all widths, the widest first; those of gold labels come last."""
    yield tuple((scripts_table(comparison, intervals=intervals),) for intervals in (True, False))
    yield ((shared_table(comparison),),)
    for route in comparison.routes:
        if route.agreement is not None:
            yield tuple((agreement_table(route.agreement, brief=brief),) for brief in (False, True))
        yield ((changes_table(comparison, route),),)
    if comparison.gold is not None:
        yield from layout.blocks(comparison.gold)


def scripts_table(comparison: Comparison, *, intervals: bool = True) -> RenderedTable:
    """Return the figures of each script and the differences; with `intervals`, also the intervals of each script."""
    first, second = comparison.first, comparison.second
    mark = " [95 %]" if intervals else ""
    columns = ("", f"{first}{mark}", f"{second}{mark}", f"{first} − {second} [95 %]", "posts")
    rows = tuple(Cells((TITLES[row.name], *_cells(row, intervals), str(row.posts))) for row in comparison.rows)
    title = f"The scripts, {counted(len(comparison.posts), 'post')}"
    note = "Means over the posts that have the figure for both scripts. –: not assessed in any post."
    if "template" in map(script_of, (first, second)):
        note += " The template's script is the transcript and the on-screen text, so it keeps both by construction."
    return RenderedTable(title, columns, rows, note)


def _cells(row: FigureRow, intervals: bool) -> tuple[str, str, str]:
    digits = digits_of(row.name)
    each = (row.first, row.second) if intervals else (_point(row.first), _point(row.second))
    return figure(each[0], digits), figure(each[1], digits), figure(row.difference, digits, sign="+")


def _point(found: Estimate | None) -> Estimate | None:
    return None if found is None else Estimate(value=found.value)


def shared_table(comparison: Comparison) -> RenderedTable:
    """Return what the scripts have in common."""
    rows = (
        Cells((TITLES[row.name], figure(row.mean, digits_of(row.name)), str(row.posts))) for row in comparison.shared
    )
    return RenderedTable("In common", ("", "mean [95 %]", "posts"), tuple(rows))


def changes_table(comparison: Comparison, route: RouteComparison) -> RenderedTable:
    """Return the states that differ, by value."""
    kinds = sorted({(c.first, c.second) for c in route.changes}, key=lambda kind: [str(state) for state in kind])
    counts = {(c.value, c.first, c.second): c.posts for c in route.changes}
    values = dict.fromkeys(c.value for c in route.changes)
    rows = (Cells((v.value, *(str(counts.get((v, *kind), NOTHING)) for kind in kinds))) for v in values)
    heads = (f"{first}\n→ {second}" for first, second in kinds)
    title = f"States that differ, labels by {route.route}: {comparison.first} → {comparison.second}"
    note = (
        f"Same state in both scripts: {figure(route.agreeing, 3)} of the values, averaged over "
        f"{counted(route.posts, 'post')}."
    )
    return RenderedTable(title, ("\nvalue", *heads), tuple(rows), note)


def digits_of(name: str) -> int:
    """Return the number of decimals with which a figure is shown."""
    return 1 if name in _NUMBERS else 3


def figure(found: Estimate | Difference | float | None, digits: int, sign: str = "") -> str:
    """Return a figure as text, with its interval if it has one.

    Parameters
    ----------
    found : Estimate, Difference, float or None
        The figure; None is shown as a dash.
    digits : int
        Number of decimals.
    sign : str
        ``+`` to show the sign of positive figures too.

    Returns
    -------
    str
        Such as ``0.812 [0.774, 0.851]``.
    """
    if found is None:
        return NOTHING
    if isinstance(found, (int, float)):
        return f"{found:{sign}.{digits}f}"
    bounds = "" if found.low is None or found.high is None else f" [{found.low:.{digits}f}, {found.high:.{digits}f}]"
    return f"{found.value:{sign}.{digits}f}{bounds}"


# --- notes ----------------------------------------------------------------------------------------------------------


def notes(comparison: Comparison) -> list[str]:
    """Return the notes to the figures, each a sentence or two."""
    return [
        _intervals(comparison),
        *(f"{notice[:1].upper()}{notice[1:]}." for notice in comparison.notices),
        *(f"{counted(len(left.texts), 'post')}: {left.why}: {_some(left.texts)}." for left in comparison.left_out),
        *(f"Gold labels: {note}" for note in (gold_notes(comparison.gold) if comparison.gold is not None else ())),
    ]


def _intervals(comparison: Comparison) -> str:
    count = comparison.groups if comparison.groups is not None else len(comparison.posts)
    unit = "author" if comparison.groups is not None else "single post"
    if count < 2 or not comparison.resamples:
        return f"No intervals: nothing was resampled ({counted(count, unit)})."
    few = f" With fewer than {FEW_GROUPS} they are unreliable." if count < FEW_GROUPS else ""
    return f"Intervals: 95 %, {comparison.resamples:,} resamples of {counted(count, unit)}.{few}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST:,} more (all in comparison.json)" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
