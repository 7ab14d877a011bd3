"""Choose the tables that show an evaluation, each in several widths for wide and narrow screens."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from valex_local.evaluation import tables
from valex_local.evaluation.results import Evaluation
from valex_local.evaluation.tables import RenderedTable
from valex_local.schwartz import Polarity

Layout = tuple[RenderedTable, ...]
"""Tables shown one below the other."""

Block = tuple[Layout, ...]
"""Layouts of the same figures, the widest first."""


SIMILAR = 0.95
"""A route's own texts are shown apart if fewer than this share of them are those of the table."""


class Detail(StrEnum):
    """Tables that are shown on request, in addition to the paper's table and the differences."""

    VALUES = "values"
    CALIBRATION = "calibration"
    CIRCLE = "circle"


def blocks(evaluation: Evaluation, details: Collection[Detail] = ()) -> Iterator[Block]:
    """Yield the tables of an evaluation in blocks, the most important first."""
    polarities = tables.answered(evaluation)
    yield from _averages(evaluation)
    for other in evaluation.also:
        yield from _averages(other)
    if Detail.VALUES in details:
        yield from _values(evaluation, polarities)
        yield from _by_support(evaluation, polarities)
    else:
        # On its own texts a route may have averages, or at least more to say.
        for each in evaluation.own or (evaluation,):
            yield from _values(each, [p for p in tables.too_few(each) if p in tables.too_few(evaluation)])
    if Detail.CALIBRATION in details:
        yield from _calibration(evaluation, polarities)
    if Detail.CIRCLE in details:
        for polarity in polarities:
            yield tuple((tables.circle_table(evaluation, polarity, brief=brief),) for brief in (False, True))
    for found in evaluation.agreement:
        yield tuple((tables.agreement_table(found, brief=brief),) for brief in (False, True))
        if len(found.sources) > 2:
            yield ((tables.agreement_pairs_table(found),),)


def _averages(evaluation: Evaluation) -> Iterator[Block]:
    """Yield the paper's table, that of each route on its own texts, and the differences."""
    averaged = tables.assessed(evaluation)
    if averaged:
        yield _main(evaluation, averaged)
    if any(SIMILAR * own.items > evaluation.items for own in evaluation.own):
        yield tuple((tables.own_table(evaluation, brief=brief),) for brief in (False, True))
    for polarity in averaged:
        for first in dict.fromkeys(pair.first for pair in evaluation.pairs if pair.polarity is polarity):
            yield tuple((tables.pairs_table(evaluation, first, polarity, brief=brief),) for brief in (False, True))


def _main(evaluation: Evaluation, polarities: tuple[Polarity, ...]) -> Block:
    stacked = [
        tuple(tables.main_table(evaluation, (p,), intervals=intervals) for p in polarities)
        for intervals in (True, False)
    ]
    if len(polarities) == 1:
        return tuple(stacked)
    return (tables.main_table(evaluation, polarities),), *stacked


def _values(evaluation: Evaluation, polarities: Sequence[Polarity]) -> Iterator[Block]:
    routes = [route for route in evaluation.routes if not route.baseline] or evaluation.routes
    for route in routes:
        shown = tuple(p for p in polarities if route.of(p).values)
        if shown:
            one_by_one = (
                tuple(tables.value_table(evaluation, route, (p,), brief=brief) for p in shown)
                for brief in (False, True)
            )
            yield (tables.value_table(evaluation, route, shown),), *one_by_one


def _by_support(evaluation: Evaluation, polarities: Sequence[Polarity]) -> Iterator[Block]:
    for polarity in polarities:
        yield ((tables.support_table(evaluation, polarity),),)


def _calibration(evaluation: Evaluation, polarities: tuple[Polarity, ...]) -> Iterator[Block]:
    yield ((tables.calibration_table(evaluation),),)
    for route in evaluation.routes:
        for polarity in polarities:
            found = None if route.baseline else tables.reliability_table(route, polarity)
            if found is not None:
                yield ((found,),)
