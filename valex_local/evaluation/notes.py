"""Notes below the tables of an evaluation: what was left out, and how things were counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.evaluation.bootstrap import FEW_GROUPS
from valex_local.evaluation.results import Evaluation, PolarityFigures, RouteFigures, UncountedTexts
from valex_local.evaluation.tables import assessed
from valex_local.files.text import counted

_MOST = 5


def notes(evaluation: Evaluation) -> list[str]:
    """Return the notes of an evaluation, each a sentence or two."""
    return [
        *_intervals(evaluation),
        *_support(evaluation),
        *(note for route in evaluation.routes for note in _route(route)),
        *(f"{missing.name} has no figures: {missing.why}." for missing in evaluation.missing),
        *evaluation.notices,
        *map(_left_out, evaluation.left_out),
    ]


def _intervals(evaluation: Evaluation) -> Iterator[str]:
    if not evaluation.routes:
        return
    if not evaluation.resamples:
        yield "No intervals: resampling is turned off."
    elif evaluation.groups is None:
        yield (
            f"Intervals: 95 %, {evaluation.resamples:,} resamples of single texts because no groups are known. "
            "Texts of one author resemble each other, so the intervals may be too narrow."
        )
    else:
        few = f" With fewer than {FEW_GROUPS} groups they are unreliable." if evaluation.groups < FEW_GROUPS else ""
        by = f"{counted(evaluation.groups, 'group')} ({evaluation.grouped_by})"
        yield f"Intervals: 95 %, {evaluation.resamples:,} resamples of {by}.{few}"


def _support(evaluation: Evaluation) -> Iterator[str]:
    if evaluation.routes and not assessed(evaluation):
        yield (
            f"No averages: no value that a route assesses has a support of {evaluation.min_support} or more. "
            "Lower --min-support, or show single values with --per-value."
        )
    for support in evaluation.support:
        rare = ", ".join(f"{value.value} ({value.support})" for value in support.rare)
        if rare:
            yield f"{support.polarity}: left out of the averages (support below {evaluation.min_support}): {rare}."
        elif not support.values:
            yield f"The gold labels do not assess {support.polarity}."


def _route(route: RouteFigures) -> Iterator[str]:
    if route.runs > 1:
        yield f"{route.name}: figures are means over {route.runs} runs."
    if route.about:
        yield f"{route.name}: {route.about}."
    for figures in route.polarities:
        yield from _polarity(route.name, figures)


def _polarity(name: str, figures: PolarityFigures) -> Iterator[str]:
    where = f"{name}, {figures.polarity}"
    if figures.not_assessed and figures.averages is None:
        yield f"{where}: not assessed."
    elif figures.not_assessed:
        yield f"{where} (*): the averages leave out values that it does not assess: {', '.join(figures.not_assessed)}."
    if figures.unanswered:
        yield f"{where}: {figures.unanswered:,} labels of single texts are missing and are not counted."
    counted = [value for value in figures.values if value.in_averages]
    never = [value.value for value in counted if "precision" in value.zero_division]
    if never and len(never) == len(counted):
        yield f"{where}: never predicted; precision counts as 0."
    elif never:
        yield f"{where}: never predicted for {_some(never)}; precision counts as 0 there."


def _left_out(left: UncountedTexts) -> str:
    return f"{counted(len(left.texts), 'text')} left out because {left.why}: {_some(left.texts)}."


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST:,} more (all in the JSON)" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
