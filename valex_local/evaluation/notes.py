"""Notes below the tables of an evaluation: what was left out, and how things were counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.evaluation.bootstrap import FEW_GROUPS
from valex_local.evaluation.reliability import FEW_POSITIVES
from valex_local.evaluation.results import Evaluation, PolarityFigures, RouteFigures, UncountedTexts
from valex_local.evaluation.tables import too_few
from valex_local.files.text import counted
from valex_local.schwartz import Polarity

_MOST = 5


def notes(evaluation: Evaluation) -> list[str]:
    """Return the notes of an evaluation, each a sentence or two."""
    return [
        *_shrinking(evaluation),
        *_too_few(evaluation),
        *_thin(evaluation),
        *_perfect(evaluation),
        *_intervals(evaluation),
        *_share(evaluation),
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


def _shrinking(evaluation: Evaluation) -> Iterator[str]:
    found = evaluation.shrinking
    if found is None:
        return
    one = len(found.sets) == 1
    sets = ", ".join(f"{name} covers {texts:,}" for name, texts in zip(found.sets, found.texts, strict=True))
    yield (
        f"The table is about {evaluation.items:,} of {counted(found.gold, 'text')} with gold labels, those that every "
        f"route covers ({sets}). Without {'this one' if one else 'these'} it would be about {found.without:,}: "
        f"{found.how}."
    )


def _too_few(evaluation: Evaluation) -> Iterator[str]:
    few = too_few(evaluation) if evaluation.routes else ()
    if few:
        least = min(each.min_support for each in (evaluation, *evaluation.also))
        yield (
            f"Few texts: no value has a support of {least:,} or more in {' and '.join(few)}, so there are no "
            "averages, only figures of single values. They rest on few texts and can differ much with a few more: read "
            "the intervals, and label more texts before you conclude anything. For averages, lower --min-support."
        )


def _thin(evaluation: Evaluation) -> Iterator[str]:
    """Yield for each polarity the values in the averages that rest on very few gold positives."""
    for polarity in Polarity:
        figures = next((route.of(polarity).values for route in evaluation.routes if not route.baseline), ())
        thin = [f"{one.value} ({one.support})" for one in figures if one.in_averages and one.support < FEW_POSITIVES]
        if thin:
            yield (
                f"{polarity}: fewer than {FEW_POSITIVES} gold labels for {', '.join(thin)}, but in the averages: "
                "single texts decide these figures."
            )


def _perfect(evaluation: Evaluation) -> Iterator[str]:
    """Yield the baselines that make no mistake, which no labels of people allow."""
    for route in evaluation.routes:
        for figures in route.polarities:
            averages = figures.averages
            if route.baseline and averages is not None and averages.weighted_f1.value >= 1:
                yield (
                    f"{route.name}, {figures.polarity}: a baseline with F1 1.00 says that the gold labels lack texts "
                    "without these values. If blank cells of the sheet mean absent, say --blank absent."
                )


def _share(evaluation: Evaluation) -> Iterator[str]:
    for each in (evaluation, *evaluation.also):
        if each.min_support_given is not None:
            share = each.min_support_given.removesuffix("%")
            yield f"A support of {share} % of {counted(each.items, 'text')} is {each.min_support:,}, rounded up."


def _support(evaluation: Evaluation) -> Iterator[str]:
    for each in (evaluation, *evaluation.also):
        for support in each.support:
            rare = ", ".join(f"{value.value} ({value.support})" for value in support.rare)
            if rare and support.values:
                yield f"{support.polarity}: left out of the averages (support below {each.min_support}): {rare}."
    for support in evaluation.support:
        if not support.rare and not support.values:
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
