"""Evaluate routes and baselines against gold labels, all on the same texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus.label_matrix import Bools, Floats, LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.baselines import BASELINES, AlwaysYes, Majority
from valex_local.evaluation.bootstrap import RESAMPLES, difference, estimate, point_averages, resample
from valex_local.evaluation.calibration import calibration
from valex_local.evaluation.circle import by_support, confusion
from valex_local.evaluation.coverage import in_common, shrinking
from valex_local.evaluation.figures import (
    AVERAGES,
    Averages,
    Tally,
    all_assess,
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
    Shrinking,
    UncountedTexts,
)
from valex_local.evaluation.support import MIN_SUPPORT, support_count, support_given
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.study.variants import LabelKey
from valex_local.system.imports import require_extra


@dataclass(frozen=True, eq=False)
class EvaluatedRoute:
    """A route or baseline with its labels.

    Attributes
    ----------
    name : str
        Its name in all tables.
    runs : tuple of LabelMatrix
        Its labels; several if it was run with several seeds.
    baseline : bool
        Whether it is a baseline.
    about : str or None
        How its labels were made, for readers of the tables.
    key : LabelKey or None
        The set of labels in a study that these are.
    """

    name: str
    runs: tuple[LabelMatrix, ...]
    baseline: bool = False
    about: str | None = None
    key: LabelKey | None = None


@dataclass(frozen=True, eq=False)
class _Rated:
    """A route aligned with the gold labels: labels and probabilities (R, N, 19, 2), and what counts (N, 19, 2)."""

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
    min_support: int | str = MIN_SUPPORT,
    resamples: int = RESAMPLES,
    seed: int = 0,
    compare: Sequence[tuple[str, str]] | None = None,
    missing: Sequence[Missing] = (),
    notices: Sequence[str] = (),
) -> Evaluation:
    """Return the figures of routes measured by gold labels.

    Parameters
    ----------
    gold : LabelMatrix
        The gold labels.
    routes : sequence of EvaluatedRoute
        Routes and baselines, in the order of the table. The always-yes baseline and the majority of the gold labels are
        added if they are not among them. The texts that count are those that the gold labels and all routes assess; a
        baseline that does not assess all of them is left out.
    groups : mapping of str to str, optional
        The group (author) of each text; intervals then come from resampling groups. A text without one is a group of
        its own.
    grouped_by : str, optional
        What the groups are, for readers.
    min_support : int or str
        Gold positives that a value needs to count in the averages of a polarity, or their share of the texts that
        count, such as ``"5%"`` (see `support_count`).
    resamples : int
        Number of bootstrap resamples; 0 for no intervals.
    seed : int
        Seed of the bootstrap.
    compare : sequence of (str, str), optional
        Names of routes to compare; by default the first with each of the others, baselines included.
    missing : sequence of Missing
        Rows to list without figures, and why.
    notices : sequence of str
        Notices about the input files, for readers.

    Returns
    -------
    Evaluation
        The figures, with the differences of the compared routes and all notes for readers. Where routes cover
        different texts, each also stands alone on its own texts.

    Raises
    ------
    InputError
        No text is left, two routes have the same name, or a name to compare does not exist.
    MissingExtra
        The libraries for figures are not installed.
    """
    require_extra("train", "sklearn", "scipy")
    _check_names(routes, compare)
    shared = _shared(gold, routes)
    ids = shared.ids
    holds = gold.of(ids).labels
    given = support_given(min_support)
    least = support_count(given, len(ids))
    enough = support(holds, all_assess(holds)) >= least
    present, lacking = _with_baselines(gold, routes, ids)
    rated = [_rate(route, holds, ids, enough) for route in present]
    pairs = _pairs([r.route.name for r in rated], compare)
    paired = [t for one, other in pairs for t in _pair_tallies(holds, _named(rated, one), _named(rated, other))]
    units, number = _units(ids, groups)

    def alone(route: EvaluatedRoute) -> Evaluation:
        return evaluate(
            gold,
            [route],
            groups=groups,
            grouped_by=grouped_by,
            min_support=min_support,
            resamples=resamples,
            seed=seed,
            compare=(),
        )

    tallies = [t if units is None else t.by_group(units) for t in (*(r.tally for r in rated), *paired)]
    draws = resample(tallies, resamples=resamples, seed=seed)
    return Evaluation(
        items=len(ids),
        groups=number,
        grouped_by=grouped_by if number is not None else None,
        min_support=least,
        min_support_given=given if isinstance(given, str) else None,
        resamples=resamples,
        seed=seed,
        support=_support(holds, enough),
        routes=tuple(_figures(r, holds, enough, d) for r, d in zip(rated, draws[: len(rated)], strict=True)),
        missing=(*missing, *lacking),
        pairs=tuple(_compared(pairs, paired, draws[len(rated) :])),
        left_out=shared.left_out,
        shrinking=shared.shrinking,
        own=() if shared.shrinking is None else tuple(map(alone, _plain(routes))),
        notices=tuple(notices),
    )


def _check_names(routes: Sequence[EvaluatedRoute], compare: Sequence[tuple[str, str]] | None) -> None:
    names = [route.name for route in routes]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two routes are called {name!r}", hint="Give each its own name with NAME=PATH")
    known = {*names, AlwaysYes.name, Majority.name}
    for name in (name for pair in compare or () for name in pair):
        if name not in known:
            raise InputError(
                f"there is no route {name!r} to compare", hint=f"The routes are: {', '.join(sorted(known))}"
            )


def _plain(routes: Sequence[EvaluatedRoute]) -> list[EvaluatedRoute]:
    return [route for route in routes if not route.baseline]


@dataclass(frozen=True)
class _Shared:
    """The texts that the gold labels and all routes (but not baselines) assess, and the others by cause."""

    ids: tuple[str, ...]
    left_out: tuple[UncountedTexts, ...]
    shrinking: Shrinking | None


def _shared(gold: LabelMatrix, routes: Sequence[EvaluatedRoute]) -> _Shared:
    of_gold = tuple(_labelled((gold,)))
    sets = {route.name: _labelled(route.runs) for route in _plain(routes)}
    labelled = {"the gold labels": dict.fromkeys(of_gold)} | {f"route {name}": texts for name, texts in sets.items()}
    every = dict.fromkeys(name for texts in labelled.values() for name in texts)
    left_out = []
    for source, texts in labelled.items():
        without = tuple(name for name in every if name not in texts)
        if without:
            left_out.append(UncountedTexts(why=f"they are missing from {source}", texts=without))
    ids = in_common(of_gold, sets.values())
    keys = {route.name: route.key for route in routes if route.key is not None}
    found = shrinking(of_gold, sets, keys)
    if not ids:
        counts = ", ".join(f"{source} {len(texts)}" for source, texts in labelled.items())
        fewer = "" if found is None else f". Without {' and '.join(found.sets)} there are {found.without}: {found.how}"
        raise InputError(
            f"no text has both gold labels and labels of every route (texts with labels: {counts})",
            hint=f"Check that the gold labels and the routes are about the same texts and use the same ids{fewer}",
        )
    return _Shared(ids, tuple(left_out), found)


def _labelled(runs: Sequence[LabelMatrix]) -> dict[str, None]:
    """Return the texts that have a label in every run, in their order."""
    each = [{run.ids[row] for row in np.flatnonzero(~np.isnan(run.labels).all(axis=(1, 2)))} for run in runs]
    return {name: None for name in runs[0].ids if all(name in names for names in each)}


def _with_baselines(
    gold: LabelMatrix, routes: Sequence[EvaluatedRoute], ids: Sequence[str]
) -> tuple[list[EvaluatedRoute], tuple[Missing, ...]]:
    """Return the routes, then the baselines that assess all texts, including always-yes and majority."""
    given = {route.name: route for route in routes if route.baseline}
    always_yes = EvaluatedRoute(AlwaysYes.name, (AlwaysYes().predict((), ids),), baseline=True)
    majority = given.pop(Majority.name, None) or _majority(gold.of(ids))
    given.pop(AlwaysYes.name, None)
    kept, lacking = [], []
    ordered = sorted(given.values(), key=lambda route: [*BASELINES, route.name].index(route.name))
    for route in (always_yes, majority, *ordered):
        without = len(ids) - len(_labelled(route.runs).keys() & set(ids))
        if without:
            lacking.append(Missing(name=route.name, why=f"it has no labels for {without} of the {len(ids)} texts"))
        else:
            kept.append(route)
    return [*(route for route in routes if not route.baseline), *kept], tuple(lacking)


def _majority(gold: LabelMatrix) -> EvaluatedRoute:
    baseline = Majority()
    baseline.fit([], gold, [])
    about = "computed from the gold labels themselves because no folds are known"
    return EvaluatedRoute(Majority.name, (baseline.predict([], gold.ids),), baseline=True, about=about)


def _rate(route: EvaluatedRoute, gold: Floats, ids: Sequence[str], enough: Bools) -> _Rated:
    holds, probabilities = stack(route.runs, ids)
    where = all_assess(gold, holds)
    return _Rated(route, holds, probabilities, where, tally(gold, holds, where, enough & where.any(axis=0)))


def _named(rated: Sequence[_Rated], name: str) -> _Rated:
    return next(r for r in rated if r.route.name == name)


def _pairs(names: Sequence[str], compare: Sequence[tuple[str, str]] | None) -> list[tuple[str, str]]:
    if compare is None:
        return [(names[0], other) for other in names[1:]]
    # A baseline may have been left out because it lacks labels; the notes say so.
    return [(one, other) for one, other in compare if one in names and other in names]


def _pair_tallies(gold: Floats, one: _Rated, other: _Rated) -> tuple[Tally, Tally]:
    """Return the tallies of two routes over the items and values that both assess."""
    where = one.where & other.where
    values = one.tally.values & other.tally.values & where.any(axis=0)
    return tally(gold, one.holds, where, values), tally(gold, other.holds, where, values)


def _units(ids: Sequence[str], groups: Mapping[str, str] | None) -> tuple[NDArray[np.intp] | None, int | None]:
    """Return the number of each text's group, and how many there are; a text without one is a group of its own."""
    if groups is None:
        return None, None
    names = [("group", groups[name]) if name in groups else ("text", name) for name in ids]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp), len(numbers)


def _support(gold: Floats, enough: Bools) -> tuple[PolaritySupport, ...]:
    known = all_assess(gold)
    counts, assessed = support(gold, known), np.asarray(known.any(axis=0))
    return tuple(
        PolaritySupport(
            polarity=polarity,
            values=tuple(value for v, value in enumerate(CIRCLE) if enough[v, p]),
            rare=tuple(
                RareValue(value=value, support=int(counts[v, p]))
                for v, value in enumerate(CIRCLE)
                if assessed[v, p] and not enough[v, p]
            ),
        )
        for p, polarity in enumerate(Polarity)
    )


def _figures(rated: _Rated, gold: Floats, enough: Bools, draws: Floats) -> RouteFigures:
    """Return the figures of a route; `draws` are its averages in the resamples, (B, 2, 3)."""
    values = value_figures(gold, rated.probabilities, rated.where, rated.tally)
    point, route = point_averages(rated.tally), rated.route
    known = all_assess(gold) & rated.where.any(axis=0)
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
    pairs: Sequence[tuple[str, str]], tallies: Sequence[Tally], draws: Sequence[Floats]
) -> Iterator[PairedDifference]:
    """Yield the differences of pairs; each pair has two tallies, and two arrays of averages in the resamples."""
    for number, (first, second) in enumerate(pairs):
        one, other = tallies[2 * number : 2 * number + 2]
        point = point_averages(one) - point_averages(other)
        drawn = draws[2 * number] - draws[2 * number + 1]
        for p, polarity in enumerate(Polarity):
            values = int(one.values[:, p].sum())
            if values:
                figures = {name: difference(float(point[p, i]), drawn[:, p, i]) for i, name in enumerate(AVERAGES)}
                yield PairedDifference(first=first, second=second, polarity=polarity, values=values, **figures)
