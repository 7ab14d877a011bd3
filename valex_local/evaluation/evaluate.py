"""One evaluation: routes and baselines against gold labels, on the same texts, with all that is to be said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Bools, Floats, LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.baselines import BASELINES, AlwaysYes, Majority
from valex_local.evaluation.bootstrap import RESAMPLES, difference, estimate, once, resample
from valex_local.evaluation.calibration import calibration
from valex_local.evaluation.circle import by_support, confusion
from valex_local.evaluation.figures import (
    AVERAGES,
    MIN_SUPPORT,
    Averages,
    Tally,
    spoken,
    stack,
    support,
    tally,
    value_figures,
)
from valex_local.evaluation.results import (
    Evaluation,
    Missing,
    PairedDifference,
    PolarityFigures,
    PolaritySupport,
    RareValue,
    RouteFigures,
    UncountedTexts,
)
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.system.imports import require_extra


@dataclass(frozen=True, eq=False)
class EvaluatedRoute:
    """Something that labels texts.

    Attributes
    ----------
    name : str
        What it is called in every table.
    runs : tuple of LabelMatrix
        What it says; several where it was run with several seeds.
    baseline : bool
        Whether it stands among the baselines.
    about : str or None
        What a reader must know of how its answers came about.
    """

    name: str
    runs: tuple[LabelMatrix, ...]
    baseline: bool = False
    about: str | None = None


@dataclass(frozen=True, eq=False)
class _Rated:
    """A route laid beside the gold labels: holds and probabilities (R, N, 19, 2), what counts (N, 19, 2)."""

    route: EvaluatedRoute
    holds: Floats
    probabilities: Floats
    where: Bools
    tally: Tally


def evaluate(
    gold: LabelMatrix,
    routes: Sequence[EvaluatedRoute],
    *,
    groups: Mapping[str, str] | None = None,
    grouped_by: str | None = None,
    min_support: int = MIN_SUPPORT,
    resamples: int = RESAMPLES,
    seed: int = 0,
    compare: Sequence[tuple[str, str]] | None = None,
    missing: Sequence[Missing] = (),
    notices: Sequence[str] = (),
) -> Evaluation:
    """Measure routes against gold labels.

    Parameters
    ----------
    gold : LabelMatrix
        What holds.
    routes : sequence of EvaluatedRoute
        Routes and baselines, in the order of the table. Always yes and the majority of the gold labels are added where
        they are not among them. The texts counted are those of which the gold labels and all routes speak; a baseline
        that lacks some of these is left out.
    groups : mapping of str to str, optional
        The group (author) of each text; intervals then come from resampling groups. A text without one stands alone.
    grouped_by : str, optional
        What the groups are, for people.
    min_support : int
        Gold positives that a value needs to count in the averages of a polarity.
    resamples : int
        Of the bootstrap; 0 for no intervals.
    seed : int
        Of the bootstrap.
    compare : sequence of (str, str), optional
        Names of routes to compare; by default the first with every other, baselines included.
    missing : sequence of Missing
        Rows that a reader would look for, and why they are not there.
    notices : sequence of str
        What a reader must know of the files.

    Raises
    ------
    InputError
        No text is left, two routes have one name, or a name to compare is none.
    MissingExtra
        The libraries for figures are not installed.
    """
    require_extra("train", "sklearn", "scipy")
    _check_names(routes, compare)
    ids, left_out = _shared(gold, routes)
    holds = gold.of(ids).labels
    enough = support(holds, spoken(holds)) >= max(min_support, 1)
    present, lacking = _with_baselines(gold, routes, ids)
    rated = [_rate(route, holds, ids, enough) for route in present]
    pairs = _pairs([r.route.name for r in rated], compare)
    facing = [tallies for one, other in pairs for tallies in _face(holds, _named(rated, one), _named(rated, other))]
    units, number = _units(ids, groups)
    tallies = [t if units is None else t.by_group(units) for t in (*(r.tally for r in rated), *facing)]
    draws = resample(tallies, resamples=resamples, seed=seed)
    return Evaluation(
        items=len(ids),
        groups=number,
        grouped_by=grouped_by if number is not None else None,
        min_support=min_support,
        resamples=resamples,
        seed=seed,
        support=_support(holds, enough),
        routes=tuple(_figures(r, holds, enough, d) for r, d in zip(rated, draws[: len(rated)], strict=True)),
        missing=(*missing, *lacking),
        pairs=tuple(_compared(pairs, facing, draws[len(rated) :])),
        left_out=left_out,
        notices=tuple(notices),
    )


def _check_names(routes: Sequence[EvaluatedRoute], compare: Sequence[tuple[str, str]] | None) -> None:
    names = [route.name for route in routes]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two routes are called {name!r}", hint="Give each a name of its own: NAME=PATH")
    known = {*names, AlwaysYes.name, Majority.name}
    for name in (name for pair in compare or () for name in pair):
        if name not in known:
            raise InputError(f"there is no route {name!r} to compare", hint=f"There are: {', '.join(sorted(known))}")


def _shared(gold: LabelMatrix, routes: Sequence[EvaluatedRoute]) -> tuple[tuple[str, ...], tuple[UncountedTexts, ...]]:
    """Return the texts of which the gold labels and all routes that are no baselines speak, and the others by cause."""
    speaking = {"the gold labels": _speaking((gold,))}
    speaking |= {f"route {route.name}": _speaking(route.runs) for route in routes if not route.baseline}
    every = dict.fromkeys(name for texts in speaking.values() for name in texts)
    ids = tuple(name for name in speaking["the gold labels"] if all(name in texts for texts in speaking.values()))
    left_out = []
    for source, texts in speaking.items():
        silent = tuple(name for name in every if name not in texts)
        if silent:
            left_out.append(UncountedTexts(why=f"{source}: nothing said of them", texts=silent))
    if not ids:
        counts = ", ".join(f"{source} {len(texts)}" for source, texts in speaking.items())
        raise InputError(
            f"no text has gold labels and an answer of every route (texts spoken of: {counts})",
            hint="Check that labels and routes are of the same texts and name them alike",
        )
    return ids, tuple(left_out)


def _speaking(runs: Sequence[LabelMatrix]) -> dict[str, None]:
    """Return the texts of which every run says something, in their order."""
    each = [{run.ids[row] for row in np.flatnonzero(~np.isnan(run.labels).all(axis=(1, 2)))} for run in runs]
    return {name: None for name in runs[0].ids if all(name in names for names in each)}


def _with_baselines(
    gold: LabelMatrix, routes: Sequence[EvaluatedRoute], ids: Sequence[str]
) -> tuple[list[EvaluatedRoute], tuple[Missing, ...]]:
    """Return the routes, then the baselines that speak of all texts, always yes and majority among them."""
    given = {route.name: route for route in routes if route.baseline}
    always_yes = EvaluatedRoute(AlwaysYes.name, (AlwaysYes().predict((), ids),), baseline=True)
    majority = given.pop(Majority.name, None) or _majority(gold.of(ids))
    given.pop(AlwaysYes.name, None)
    kept, lacking = [], []
    ordered = sorted(given.values(), key=lambda route: [*BASELINES, route.name].index(route.name))
    for route in (always_yes, majority, *ordered):
        silent = len(ids) - len(_speaking(route.runs).keys() & set(ids))
        if silent:
            lacking.append(Missing(name=route.name, why=f"says nothing of {silent} of the {len(ids)} texts"))
        else:
            kept.append(route)
    return [*(route for route in routes if not route.baseline), *kept], tuple(lacking)


def _majority(gold: LabelMatrix) -> EvaluatedRoute:
    baseline = Majority()
    baseline.fit([], gold, [])
    about = "taken from the gold labels themselves, as no folds are known"
    return EvaluatedRoute(Majority.name, (baseline.predict([], gold.ids),), baseline=True, about=about)


def _rate(route: EvaluatedRoute, gold: Floats, ids: Sequence[str], enough: Bools) -> _Rated:
    holds, probabilities = stack(route.runs, ids)
    where = spoken(gold, holds)
    return _Rated(route, holds, probabilities, where, tally(gold, holds, where, enough & where.any(axis=0)))


def _named(rated: Sequence[_Rated], name: str) -> _Rated:
    return next(r for r in rated if r.route.name == name)


def _pairs(names: Sequence[str], compare: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    if compare is None:
        return [(names[0], other) for other in names[1:]]
    # A baseline may have been left out for want of answers; the table says so.
    return [(one, other) for one, other in compare if one in names and other in names]


def _face(gold: Floats, one: _Rated, other: _Rated) -> tuple[Tally, Tally]:
    """Return the tallies of two routes over the items and values that both assess."""
    where = one.where & other.where
    values = one.tally.values & other.tally.values & where.any(axis=0)
    return tally(gold, one.holds, where, values), tally(gold, other.holds, where, values)


def _units(ids: Sequence[str], groups: Mapping[str, str] | None) -> tuple[NDArray[np.intp] | None, int | None]:
    """Return the group of each text, numbered, and how many there are; a text without one stands alone."""
    if groups is None:
        return None, None
    names = [("group", groups[name]) if name in groups else ("text", name) for name in ids]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp), len(numbers)


def _support(gold: Floats, enough: Bools) -> tuple[PolaritySupport, ...]:
    known = spoken(gold)
    counts, said = support(gold, known), np.asarray(known.any(axis=0))
    return tuple(
        PolaritySupport(
            polarity=polarity,
            values=tuple(value for v, value in enumerate(CIRCLE) if enough[v, p]),
            rare=tuple(
                RareValue(value=value, support=int(counts[v, p]))
                for v, value in enumerate(CIRCLE)
                if said[v, p] and not enough[v, p]
            ),
        )
        for p, polarity in enumerate(Polarity)
    )


def _figures(rated: _Rated, gold: Floats, enough: Bools, draws: Floats) -> RouteFigures:
    """Return the figures of a route: draws (B, 2, 3) are its averages in the resamples."""
    values = value_figures(gold, rated.probabilities, rated.where, rated.tally)
    point, route = once(rated.tally), rated.route
    known = spoken(gold) & rated.where.any(axis=0)
    return RouteFigures(
        name=route.name,
        baseline=route.baseline,
        runs=len(route.runs),
        about=route.about,
        polarities=tuple(
            PolarityFigures(
                polarity=polarity,
                averages=_averages(int(rated.tally.values[:, p].sum()), point[p], draws[:, p]),
                values=values[polarity],
                not_assessed=tuple(CIRCLE[v] for v in np.flatnonzero((enough & ~rated.tally.values)[:, p])),
                unanswered=int((known & ~rated.where)[:, :, p].sum()),
                calibration=calibration(gold[..., p], rated.probabilities[..., p], rated.where[..., p]),
                confusion=confusion(gold[..., p], rated.holds[..., p], rated.where[..., p]),
                by_support=by_support(values[polarity]),
            )
            for p, polarity in enumerate(Polarity)
        ),
    )


def _averages(values: int, point: Floats, draws: Floats) -> Averages | None:
    if not values:
        return None
    figures = {name: estimate(float(point[i]), draws[:, i]) for i, name in enumerate(AVERAGES)}
    return Averages(values=values, **figures)


def _compared(
    pairs: Sequence[tuple[str, str]], facing: Sequence[Tally], draws: Sequence[Floats]
) -> Iterator[PairedDifference]:
    """Yield the differences of pairs, given for each pair two tallies and their averages in the resamples."""
    for number, (first, second) in enumerate(pairs):
        one, other = facing[2 * number : 2 * number + 2]
        point = once(one) - once(other)
        drawn = draws[2 * number] - draws[2 * number + 1]
        for p, polarity in enumerate(Polarity):
            values = int(one.values[:, p].sum())
            if values:
                figures = {name: difference(float(point[p, i]), drawn[:, p, i]) for i, name in enumerate(AVERAGES)}
                yield PairedDifference(first=first, second=second, polarity=polarity, values=values, **figures)
