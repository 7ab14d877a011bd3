"""The tables of an evaluation as plain cells, which `render` turns into rich tables or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from valex_local.evaluation.agreement import Agreement, ValueAgreement, View, mean
from valex_local.evaluation.bootstrap import Difference
from valex_local.evaluation.circle import Confusion, Relation
from valex_local.evaluation.figures import Estimate, ValueFigures
from valex_local.evaluation.results import Evaluation, PolarityFigures, RouteFigures
from valex_local.files.text import counted
from valex_local.schwartz import CIRCLE, Polarity

NOTHING = "–"
FEWER = "*"
"""Marks an average over fewer values than in the head of the table."""


class RowKind(StrEnum):
    """The kind of a row, which decides its style."""

    ROUTE = "route"
    BASELINE = "baseline"
    FAINT = "faint"
    MEAN = "mean"


@dataclass(frozen=True)
class TableRow:
    """The cells of a row; `best` are the columns in which no route is better."""

    cells: tuple[str, ...]
    kind: RowKind = RowKind.ROUTE
    best: frozenset[int] = frozenset()


@dataclass(frozen=True)
class RenderedTable:
    """A table with `names` columns of names on the left and figures on the right; a column head may have two lines.

    `gaps` are the columns that start a block and have more space before them.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    note: str | None = None
    names: int = 1
    gaps: frozenset[int] = frozenset()


def main_table(evaluation: Evaluation, polarities: Sequence[Polarity], *, intervals: bool = False) -> RenderedTable:
    """Return the paper's table: F1 of routes and baselines, weighted F1 with its interval.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    polarities : sequence of Polarity
        The polarities to show side by side.
    intervals : bool
        Whether to show the intervals of macro and Touché F1 too.

    Returns
    -------
    RenderedTable
        One row for each route and baseline.
    """
    heads, width = [], len(_AVERAGES)
    for polarity in polarities:
        heads += [_head(polarity, i, f"{name}{' [95 %]' if i == 0 or intervals else ''}") for i, name in _AVERAGES]
    ranked = [[rank for p in polarities for rank in _main_ranks(route, p)] for route in evaluation.routes]
    rows = []
    for number, route in enumerate(evaluation.routes):
        cells = [cell for p in polarities for cell in _main_cells(route, p, intervals)]
        rows.append(TableRow((route.name, *cells), _kind(route), _best(ranked, number)))
    rows += [TableRow((lacking.name, *[NOTHING] * len(heads)), RowKind.BASELINE) for lacking in evaluation.missing]
    counts = ", ".join(
        f"{s.polarity} over {counted(len(s.values), 'value')}" for s in evaluation.support if s.polarity in polarities
    )
    gaps = frozenset(range(1, len(heads) + 1, width))
    title = f"F1 of {counted(evaluation.items, 'text')}: {counts} ({evaluation.support_words})"
    return RenderedTable(title, ("\n", *heads), tuple(rows), gaps=gaps)


_AVERAGES = tuple(enumerate(("weighted F1", "macro F1", "Touché F1")))


def _head(polarity: Polarity, number: int, name: str) -> str:
    """Return a column head of two lines, with the polarity above the first column of its block."""
    return f"{polarity if number == 0 else ''}\n{name}"


def assessed(evaluation: Evaluation) -> tuple[Polarity, ...]:
    """Return the polarities in which any route (or baseline, if there are no routes) has averages."""
    shown = [route for route in evaluation.routes if not route.baseline] or evaluation.routes
    return tuple(p for p in Polarity if any(route.of(p).averages for route in shown))


def answered(evaluation: Evaluation) -> tuple[Polarity, ...]:
    """Return the polarities in which any route (or baseline, if there are no routes) has figures, averaged or not."""
    shown = [route for route in evaluation.routes if not route.baseline] or evaluation.routes
    return tuple(p for p in Polarity if any(route.of(p).values for route in shown))


def too_few(evaluation: Evaluation) -> tuple[Polarity, ...]:
    """Return the polarities that have figures of single values, but too few positives for any average."""
    averaged = {p for each in (evaluation, *evaluation.also) for p in assessed(each)}
    return tuple(p for p in answered(evaluation) if p not in averaged)


def own_table(evaluation: Evaluation, *, brief: bool = False) -> RenderedTable:
    """Return F1 of each route on all texts that it covers, next to always-yes on the same texts.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    brief : bool
        Whether to show figures without their intervals.

    Returns
    -------
    RenderedTable
        One row for each route.
    """
    heads = ["\ntexts"]
    for polarity in Polarity:
        names = (f"weighted F1{'' if brief else ' [95 %]'}", "always-yes", "values")
        heads += [_head(polarity, i, name) for i, name in enumerate(names)]
    rows = []
    for own in evaluation.own:
        route, always_yes = own.routes[:2]
        cells = (cell for p in Polarity for cell in _own_cells(route.of(p), always_yes.of(p), brief))
        rows.append(TableRow((route.name, f"{own.items:,}", *cells)))
    note = (
        "Rows are about different texts and may be about different values: compare a row with always-yes on the same "
        "texts, not with other rows."
    )
    title = "Each route on all texts that it covers"
    return RenderedTable(title, ("\n", *heads), tuple(rows), note, gaps=frozenset((2, 5)))


def _own_cells(route: PolarityFigures, always_yes: PolarityFigures, brief: bool) -> tuple[str, ...]:
    if route.averages is None or always_yes.averages is None:
        return (NOTHING,) * 3
    weighted, mark = route.averages.weighted_f1, FEWER if route.not_assessed else ""
    shown = _point(weighted, mark) if brief else interval(weighted, mark)
    return shown, _point(always_yes.averages.weighted_f1, ""), str(route.averages.values)


def _main_cells(route: RouteFigures, polarity: Polarity, intervals: bool) -> tuple[str, ...]:
    averages = route.of(polarity).averages
    if averages is None:
        return (NOTHING,) * len(_AVERAGES)
    mark = FEWER if route.of(polarity).not_assessed else ""
    weighted, macro, touche = averages.weighted_f1, averages.macro_f1, averages.touche_f1
    return interval(weighted, mark), *(interval(x, mark) if intervals else _point(x, mark) for x in (macro, touche))


def _main_ranks(route: RouteFigures, polarity: Polarity) -> tuple[float, ...]:
    averages = route.of(polarity).averages
    if route.baseline or averages is None or route.of(polarity).not_assessed:
        return (-1.0,) * len(_AVERAGES)
    return averages.weighted_f1.value, averages.macro_f1.value, averages.touche_f1.value


def _best(ranked: Sequence[Sequence[float]], row: int) -> frozenset[int]:
    """Return the columns, counted from the name as 0, in which a row is the best."""
    return frozenset(c + 1 for c, x in enumerate(ranked[row]) if x >= 0 and x == max(other[c] for other in ranked))


def pairs_table(evaluation: Evaluation, first: str, polarity: Polarity, *, brief: bool = False) -> RenderedTable:
    """Return the differences of a route from those that it is compared with.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    first : str
        Name of the route.
    polarity : Polarity
        The polarity.
    brief : bool
        Whether to show the weighted F1 only, without macro F1.

    Returns
    -------
    RenderedTable
        One row for each route compared with.
    """
    rows = []
    for pair in evaluation.pairs:
        if pair.first == first and pair.polarity is polarity:
            macro = () if brief else _gain(pair.macro_f1, evaluation)
            rows.append(TableRow((pair.second, *_gain(pair.weighted_f1, evaluation), *macro, str(pair.values))))
    columns = ("minus", "weighted F1 [95 %]", "≤ 0", *(() if brief else ("macro F1 [95 %]", "≤ 0")), "values")
    note = "Paired bootstrap on the same texts and values. ≤ 0: share of the resamples in which it is not better."
    return RenderedTable(f"{first} minus others: {polarity}", columns, tuple(rows), note)


def _gain(figure: Difference, evaluation: Evaluation) -> tuple[str, str]:
    if figure.low is None or figure.high is None or figure.not_above is None:
        return f"{figure.value:+.3f}", NOTHING
    share = f"{figure.not_above:.3f}" if figure.not_above else f"<{1 / evaluation.resamples:.1g}"
    return f"{figure.value:+.3f} [{figure.low:.3f}, {figure.high:.3f}]", share


def value_table(
    evaluation: Evaluation, route: RouteFigures, polarities: Sequence[Polarity], *, brief: bool = False
) -> RenderedTable:
    """Return the figures of each value, polarities side by side.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    route : RouteFigures
        One of its routes.
    polarities : sequence of Polarity
        The polarities to show.
    brief : bool
        Whether to leave out average precision.

    Returns
    -------
    RenderedTable
        One row for each value.
    """
    names = ("precision", "recall", "F1 [95 %]", "yes", *(() if brief else ("AP",)), "support")
    heads = [_head(polarity, i, name) for polarity in polarities for i, name in enumerate(names)]
    found = [{value.value: value for value in route.of(polarity).values} for polarity in polarities]
    averaged = any(one.in_averages for values in found for one in values.values())
    rows = []
    for value in CIRCLE:
        each = [values.get(value) for values in found]
        plain = any(one is not None and (one.in_averages if averaged else one.support) for one in each)
        kind = RowKind.ROUTE if plain else RowKind.FAINT
        rows.append(TableRow((value.value, *(cell for one in each for cell in _value_cells(one, brief))), kind))
    gaps = frozenset(range(1, len(heads) + 1, len(names))) if len(polarities) > 1 else frozenset[int]()
    title = f"{route.name} by value, {counted(evaluation.items, 'text')}"
    return RenderedTable(title, ("\nvalue", *heads), tuple(rows), f"{'' if brief else _AP}{_BRACKETS}", gaps=gaps)


_AP = "AP: average precision. "
_BRACKETS = (
    "yes: F1 of always-yes. Support in brackets: too low for the averages. –: nothing can be said; in averages it "
    "counts as 0. Intervals as if texts were independent of one another."
)


def _value_cells(value: ValueFigures | None, brief: bool) -> tuple[str, ...]:
    if value is None:
        return (NOTHING,) * (5 if brief else 6)
    if value.support:
        bounds = "" if value.f1_low is None else f" [{value.f1_low:.2f}, {value.f1_high:.2f}]"
        f1, always_yes = f"{value.f1:.2f}{bounds}", f"{2 * value.support / (value.items + value.support):.2f}"
    else:
        f1 = always_yes = NOTHING
    shares = (
        NOTHING if name in value.zero_division and not share else f"{share:.2f}"
        for name, share in (("precision", value.precision), ("recall", value.recall))
    )
    ranked = () if brief else (_figure(value.average_precision),)
    count = f"{value.support:,}" if value.in_averages else f"({value.support:,})"
    return *shares, f1, always_yes, *ranked, count


def support_table(evaluation: Evaluation, polarity: Polarity) -> RenderedTable:
    """Return F1 by the support of a value: the paper's frequency analysis."""
    bins = sorted({(b.low, b.high or 0) for r in evaluation.routes for b in r.of(polarity).by_support.bins})
    rows = []
    for route, figures in _with_values(evaluation, polarity):
        found = {b.low: b for b in figures.by_support.bins}
        rank = figures.by_support.spearman
        cells = (f"{found[low].mean_f1:.2f} ({len(found[low].values)})" if low in found else NOTHING for low, _ in bins)
        rows.append(TableRow((route.name, *cells, NOTHING if rank is None else f"{rank:+.2f}"), _kind(route)))
    heads = (f"{low:,}–{high - 1:,}" if high else f"{low:,} and more" for low, high in bins)
    note = "Mean F1 (number of values). F1 grows with support for any route, so compare it with always-yes."
    return RenderedTable(f"F1 by support: {polarity}", ("route", *heads, "Spearman"), tuple(rows), note)


def calibration_table(evaluation: Evaluation) -> RenderedTable:
    """Return the calibration of each route's probabilities."""
    rows = []
    for route in evaluation.routes:
        for figures in route.polarities:
            c = figures.calibration
            if c is not None:
                cells = (c.brier, c.ece_equal_width, c.ece_equal_mass, c.prevalence)
                names = (route.name, figures.polarity.value)
                rows.append(TableRow((*names, *(f"{x:.3f}" for x in cells), f"{c.cases:,}"), _kind(route)))
    columns = ("\n", "\n", "\nBrier", "ECE\nequal width", "ECE\nequal mass", "share of\npositives", "\ncases")
    note = "ECE: expected calibration error over ten bins. A case is one value of one text."
    return RenderedTable("Calibration", columns, tuple(rows), note, names=2)


def reliability_table(route: RouteFigures, polarity: Polarity) -> RenderedTable | None:
    """Return the reliability of a route's probabilities in bins of equal width; None if it gives none."""
    found = route.of(polarity).calibration
    if found is None:
        return None
    rows = (
        TableRow((f"{b.low:.1f}–{b.high:.1f}", f"{b.mean_probability:.2f}", f"{b.share_holding:.2f}", f"{b.cases:,}"))
        for b in found.reliability
    )
    return RenderedTable(
        f"{route.name}: {polarity}, reliability",
        ("bin", "mean probability", "share of positives", "cases"),
        tuple(rows),
    )


def circle_table(evaluation: Evaluation, polarity: Polarity, *, brief: bool = False) -> RenderedTable:
    """Return the lift of false positives by relation on the circle.

    Parameters
    ----------
    evaluation : Evaluation
        The evaluation.
    polarity : Polarity
        The polarity.
    brief : bool
        Whether to show the lifts only, without the observed and expected shares.

    Returns
    -------
    RenderedTable
        One row for each route with false positives.
    """
    rows = []
    for route, figures in _with_values(evaluation, polarity):
        found = {c.relation: c for c in figures.confusion}
        if found:
            cells = (_lift(found[relation], brief) for relation in Relation)
            rows.append(TableRow((route.name, f"{figures.confusion[0].false_positives:,}", *cells), _kind(route)))
    shape = "lift" if brief else "lift (observed / expected by chance)"
    note = (
        f"False positives in texts that show a value in this relation: {shape}. "
        "A route that confuses neighbours has a higher lift for adjacent than for opposing values."
    )
    heads = ("\n", "false\npositives", "\nadjacent", "within\ntwo steps", "same higher\norder", "\nopposing")
    return RenderedTable(f"Errors on the circle: {polarity}", heads, tuple(rows), note)


def _lift(found: Confusion, brief: bool) -> str:
    lift = _figure(found.lift)
    return lift if brief else f"{lift} ({found.observed:.2f} / {found.expected:.2f})"


def agreement_table(found: Agreement, *, brief: bool = False) -> RenderedTable:
    """Return the agreement on each value, kappa as mean over pairs; `brief` leaves out the number of texts."""

    def texts(cell: str) -> tuple[str, ...]:
        return () if brief else (cell,)

    views = [view for view in found.views if view.values]
    heads: list[str] = []
    for view in views:
        heads += [f"{_VIEWS[view.view]}\nα", "\nκ"]
    gaps = frozenset(range(1, 2 * len(views), 2))
    by_view = [{value.value: value for value in view.values} for view in views]
    rows = []
    for value in CIRCLE:
        each = [values.get(value) for values in by_view]
        items = max((one.items for one in each if one), default=0)
        if items:
            rows.append(
                TableRow((value.value, *(cell for one in each for cell in _agreeing(one)), *texts(f"{items:,}")))
            )
    means = [cell for v in views for cell in (_figure(v.mean_alpha), _figure(v.mean_kappa))]
    rows.append(TableRow(("mean", *means, *texts("")), RowKind.MEAN))
    note = "α: Krippendorff's alpha, nominal. κ: Cohen's kappa. What a source does not assess is missing data."
    title = f"Agreement of {found.between}: {', '.join(found.sources)}"
    return RenderedTable(title, ("\nvalue", *heads, *texts("\ntexts")), tuple(rows), note, gaps=gaps)


_VIEWS = {View.STATE: "state", View.PRESENT: "present", View.CONFLICTED: "conflicted"}


def _agreeing(value: ValueAgreement | None) -> tuple[str, str]:
    return (_figure(value.alpha), _figure(mean([p.kappa for p in value.pairs]))) if value else (NOTHING, NOTHING)


def agreement_pairs_table(found: Agreement) -> RenderedTable:
    """Return Cohen's kappa of every two sources, averaged over values."""
    rows = []
    for first, second in dict.fromkeys((p.first, p.second) for v in found.views for x in v.values for p in x.pairs):
        cells = []
        for view in found.views:
            pairs = (p for x in view.values for p in x.pairs)
            cells.append(_figure(mean([p.kappa for p in pairs if (p.first, p.second) == (first, second)])))
        rows.append(TableRow((first, second, *cells)))
    heads = (f"κ {_VIEWS[view.view]}" for view in found.views)
    title = f"Agreement of {found.between} by pair, mean over values"
    return RenderedTable(title, ("", "", *heads), tuple(rows), names=2)


def _with_values(evaluation: Evaluation, polarity: Polarity) -> Iterator[tuple[RouteFigures, PolarityFigures]]:
    return ((route, route.of(polarity)) for route in evaluation.routes if route.of(polarity).values)


def _kind(route: RouteFigures) -> RowKind:
    return RowKind.BASELINE if route.baseline else RowKind.ROUTE


def interval(figure: Estimate, mark: str = "") -> str:
    """Return a figure with its interval."""
    bounds = "" if figure.low is None or figure.high is None else f" [{figure.low:.3f}, {figure.high:.3f}]"
    return f"{figure.value:.3f}{mark}{bounds}"


def _point(figure: Estimate, mark: str) -> str:
    return f"{figure.value:.3f}{mark}"


def _figure(figure: float | None) -> str:
    return NOTHING if figure is None else f"{round(figure, 2) + 0.0:.2f}"
