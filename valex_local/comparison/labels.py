"""Compare the labels of both scripts by the same routes, with each other and with gold labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from valex_local.comparison.pair import VariantPair
from valex_local.comparison.results import Change, ChangeCount, PostLabels
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheets import Sheet
from valex_local.errors import InputError
from valex_local.evaluation.agreement import Agreement, agreement
from valex_local.evaluation.evaluate import EvaluatedRoute, evaluate
from valex_local.evaluation.inputs import prepare
from valex_local.evaluation.results import Evaluation, UncountedTexts
from valex_local.evaluation.routes import read_source
from valex_local.evaluation.selection import check_names, selects
from valex_local.files.text import counted
from valex_local.records import Labels
from valex_local.schwartz import CIRCLE, State
from valex_local.study.variants import LabelKey

LABEL_THEM = "Label both scripts with: valex label -s STUDY --script NAME"

Both = tuple[Labels, Labels]


@dataclass(frozen=True)
class AllLabels:
    """The labels of both scripts by route and post, for routes that label both scripts of some post."""

    routes: Mapping[str, Mapping[str, Both]]
    left_out: tuple[UncountedTexts, ...] = ()
    notices: tuple[str, ...] = ()


def read_labels(pair: VariantPair, ids: Sequence[str], chosen: Sequence[str] = ()) -> AllLabels:
    """Return the labels of both scripts of the posts, and what is left out.

    Parameters
    ----------
    pair : VariantPair
        The scripts.
    ids : sequence of str
        The posts.
    chosen : sequence of str
        Routes to compare, such as ``encoder`` or ``encoder@mpnet``; all if empty.

    Returns
    -------
    AllLabels
        The labels.

    Raises
    ------
    InputError
        One of the routes gave no labels.
    """
    found = {name: {post_id: pair.study.labels(post_id, name) for post_id in ids} for name in pair.names}
    keys = {LabelKey.of(f"{name}.{by}") for name, posts in found.items() for labels in posts.values() for by in labels}
    if chosen:
        check_names(keys, routes=chosen)
    every = sorted({key.by for key in keys if selects(key, routes=chosen)})
    routes: dict[str, Mapping[str, Both]] = {}
    left_out: list[UncountedTexts] = []
    notices: list[str] = []
    for route in every:
        one, other = ({p: s[route] for p, s in of.items() if route in s and s[route].values} for of in found.values())
        both = {post_id: (one[post_id], other[post_id]) for post_id in ids if post_id in one and post_id in other}
        if both:
            routes[route] = both
            notices += _about(route, pair, list(both.values()))
            left_out += _unlabelled(route, pair, ids, (one, other))
        else:
            counts = ", ".join(f"{n} {counted(len(s), 'post')}" for n, s in zip(pair.names, (one, other), strict=True))
            notices.append(f"labels by {route}: not compared because no post has them for both scripts ({counts})")
    if not every:
        notices.append(f"labels: not compared because there are none. {LABEL_THEM}")
    return AllLabels(routes, tuple(left_out), tuple(notices))


def _unlabelled(
    route: str, pair: VariantPair, ids: Sequence[str], both: tuple[Mapping[str, Labels], ...]
) -> Iterator[UncountedTexts]:
    for name, labels in zip(pair.names, both, strict=True):
        lacking = tuple(post_id for post_id in ids if post_id not in labels)
        if lacking:
            yield UncountedTexts(why=f"no labels by {route} for {name}", texts=lacking)


def _about(route: str, pair: VariantPair, both: Sequence[Both]) -> Iterator[str]:
    """Yield the models that labelled the scripts, with a warning if they are not the same for both."""
    sources = [{labels.source for labels in side} for side in zip(*both, strict=True)]
    for source in sorted(sources[0] | sources[1], key=lambda source: source.model):
        yield f"labels by {route}: {source.model}{', a baseline' if source.baseline else ''}; domain: {source.domain}"
    models = [", ".join(sorted({source.model for source in side})) for side in sources]
    if models[0] != models[1]:
        whose = "; ".join(f"{name}: {side}" for name, side in zip(pair.names, models, strict=True))
        yield f"labels by {route} come from different models, which may account for differences ({whose})"


def post_labels(route: str, both: Both) -> PostLabels:
    """Return the comparison of the labels of both scripts of a post."""
    states = [
        (one.value, one.state, other.state)
        for one, other in zip(both[0].values, both[1].values, strict=True)
        if State.NOT_ASSESSED not in (one.state, other.state)
    ]
    changes = tuple(Change(value=value, first=one, second=other) for value, one, other in states if one is not other)
    agreeing = (len(states) - len(changes)) / len(states) if states else None
    return PostLabels(route=route, assessed=len(states), agreeing=agreeing, changes=changes)


def count_changes(labels: Sequence[PostLabels]) -> tuple[ChangeCount, ...]:
    """Return how many posts change from one state to another, by value in the order of the circle."""
    counts = Counter(change for of_post in labels for change in of_post.changes)
    states = list(State)
    order = sorted(counts, key=lambda c: (CIRCLE.index(c.value), states.index(c.first), states.index(c.second)))
    return tuple(ChangeCount(value=c.value, first=c.first, second=c.second, posts=counts[c]) for c in order)


def agree(pair: VariantPair, route: str, labels: Mapping[str, Both]) -> Agreement:
    """Return the agreement of the labels of both scripts by value.

    Parameters
    ----------
    pair : VariantPair
        The scripts.
    route : str
        The route that gave the labels.
    labels : mapping of str to (Labels, Labels)
        The labels of both scripts by post.

    Returns
    -------
    Agreement
        The agreement of the two scripts, as if they were two annotators.

    Raises
    ------
    MissingExtra
        The libraries for agreement are not installed.
    """
    one, other = ({post_id: both[side].values for post_id, both in labels.items()} for side in (0, 1))
    matrices = {pair.first: LabelMatrix.from_labels(one), pair.second: LabelMatrix.from_labels(other)}
    return agreement(f"scripts, labels by {route}", matrices)


def evaluate_labels(
    pair: VariantPair,
    routes: Sequence[str],
    sheet: Sheet,
    *,
    annotator: str | None,
    group: str | None,
    min_support: int | str,
    resamples: int,
    seed: int,
) -> Evaluation:
    """Return the evaluation of both scripts' labels by gold labels, on the posts for which all of them have labels.

    Parameters
    ----------
    pair : VariantPair
        The scripts.
    routes : sequence of str
        The routes that label both; each is compared with itself on the other script.
    sheet : Sheet
        The gold labels.
    annotator, group, min_support, resamples, seed
        As for `valex_local.evaluation.inputs.prepare` and `valex_local.evaluation.evaluate.evaluate`.

    Returns
    -------
    Evaluation
        The figures; routes are named ``<script>.<route>``.

    Raises
    ------
    InputError
        No route labels both scripts, or the gold labels are about other posts.
    MissingExtra
        The libraries for figures are not installed.
    """
    if not routes:
        raise InputError("there are gold labels, but no route has labelled both scripts", hint=LABEL_THEM)
    pairs = [(f"{pair.first}.{route}", f"{pair.second}.{route}") for route in routes]
    source = read_source(str(pair.study.root))
    named = {route.name: route for route in source.routes}
    wanted = tuple(route for one, other in pairs for route in _on_both(named[one], named[other]))
    prepared = prepare(
        [replace(source, routes=wanted)],
        sheets=[sheet],
        annotator=annotator,
        group=group,
        supports=(min_support,),
        seed=seed,
    )
    return evaluate(
        prepared.gold,
        prepared.routes,
        groups=prepared.groups,
        grouped_by=prepared.grouped_by,
        min_support=min_support,
        resamples=resamples,
        seed=seed,
        compare=pairs,
        notices=prepared.notices,
    )


def _on_both(one: EvaluatedRoute, other: EvaluatedRoute) -> tuple[EvaluatedRoute, EvaluatedRoute]:
    """Return both scripts' labels on the texts that have both, so that what is left out is left out of both."""
    labelled = [{run.ids[row] for run in route.runs for row in _rows(run)} for route in (one, other)]
    ids = [name for name in one.runs[0].ids if all(name in names for names in labelled)]
    first, second = (replace(route, runs=tuple(run.of(ids) for run in route.runs)) for route in (one, other))
    return first, second


def _rows(labels: LabelMatrix) -> list[int]:
    return [row for row, of_text in enumerate(labels.labels) if not np.isnan(of_text).all()]
