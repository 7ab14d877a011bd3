"""Prepare the input of an evaluation: gold labels, routes under the same ids, baselines, groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from valex_local.corpus.aggregate import join, majority
from valex_local.corpus.documents import DOCUMENT
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.match import AUTHOR, NO_GROUP
from valex_local.corpus.sheets import Sheet, gold_of
from valex_local.corpus.texts import Text, Texts
from valex_local.errors import InputError
from valex_local.evaluation.agreement import Agreement, agreement
from valex_local.evaluation.baselines import AlwaysYes
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.evaluation.matching import names_among, under_ids
from valex_local.evaluation.results import Missing
from valex_local.evaluation.routes import LabelSourcePath
from valex_local.evaluation.support import MIN_SUPPORT, smallest_support
from valex_local.evaluation.text_baselines import NEED_TEXTS, make_baselines
from valex_local.files.text import counted
from valex_local.posts.ids import post_key

GOLD_LABELS = "gold labels"


@dataclass(frozen=True, eq=False)
class Prepared:
    """The input of `evaluate`; all labels and groups use the ids of the gold labels."""

    gold: LabelMatrix
    routes: tuple[EvaluatedRoute, ...]
    groups: Mapping[str, str] | None
    grouped_by: str | None
    missing: tuple[Missing, ...]
    notices: tuple[str, ...]


def prepare(
    sources: Sequence[LabelSourcePath],
    *,
    sheets: Sequence[Sheet] = (),
    annotator: str | None = None,
    texts: Texts | None = None,
    group: str | None = None,
    supports: Sequence[int | str] = (MIN_SUPPORT,),
    seed: int = 0,
) -> Prepared:
    """Return gold labels, routes, baselines and groups under the ids of the gold labels.

    Parameters
    ----------
    sources : sequence of LabelSourcePath
        The sources of the routes.
    sheets : sequence of Sheet
        Gold labels; if empty, those in the model directories among the sources.
    annotator : str, optional
        The one annotator of the sheets who counts; when left out, the majority.
    texts : Texts, optional
        The texts, for the baselines that are in no model directory.
    group : str, optional
        The grouping of intervals and folds: ``author``, a column, or ``none``. When left out, the grouping that the
        models were trained with, else the author if any is known, else the document.
    supports : sequence of int or str
        Gold positives that a value needs, as numbers or as shares of the texts; the smallest is what a baseline needs
        to learn it.
    seed : int
        Seed of the folds of baselines.

    Returns
    -------
    Prepared
        The input of `evaluate`.

    Raises
    ------
    InputError
        There are no gold labels, they contradict each other, or no text has the grouping asked for.
    """
    gold = gold_of(sheets, annotator) if sheets else _gold_of_models(sources)
    labelled = _labelled(texts, gold)
    routes = _distinct(
        replace(route, runs=tuple(under_ids(run, gold.ids, source.names, whose=route.name) for run in route.runs))
        for source in sources
        for route in source.routes
    )
    grouped_by, groups = _groups(gold.ids, sources, sheets, labelled, group)
    lacking = [name for name in NEED_TEXTS if name not in {route.name for route in routes}]
    if texts is None:
        missing = [Missing(name=name, why="it needs the texts; give them with --texts") for name in lacking]
    else:
        known = gold.of([text.id for text in labelled])
        least = smallest_support(supports, len(known))
        made = list(make_baselines(lacking, labelled, known, groups, min_support=least, seed=seed))
        routes += [each for each in made if isinstance(each, EvaluatedRoute)]
        missing = [each for each in made if isinstance(each, Missing)]
    notices = tuple(_notices(sources, sheets, texts, labelled))
    return Prepared(gold, tuple(routes), groups, grouped_by, tuple(missing), notices)


def _gold_of_models(sources: Sequence[LabelSourcePath]) -> LabelMatrix:
    golds = [(source.routes[0].name, source.gold) for source in sources if source.gold is not None]
    if not golds:
        raise InputError("there are no gold labels to evaluate against", hint="Give a label sheet with --labels")
    return join([(f"the gold labels of {name}", gold) for name, gold in golds])


def _labelled(texts: Texts | None, gold: LabelMatrix) -> list[Text]:
    """Return the texts with gold labels, under the ids of the gold labels.

    Raises
    ------
    InputError
        There are texts, but none has a label, or two of them match the same label.
    """
    if texts is None:
        return []
    names = {text.id: text.names for text in texts}
    called = under_ids(LabelMatrix.empty(names), gold.ids, names, whose="the texts").ids
    labels = set(gold.ids)
    found = [replace(text, id=name) for text, name in zip(texts, called, strict=True) if name in labels]
    if not found:
        raise InputError(
            f"none of the {len(texts)} texts has a gold label",
            hint="Both must refer to posts in the same way: by TikTok URL, by user_number, or by the same ids",
        )
    return found


def _notices(
    sources: Sequence[LabelSourcePath], sheets: Sequence[Sheet], texts: Texts | None, labelled: Sequence[Text]
) -> Iterator[str]:
    for sheet in sheets:
        yield from (f"{sheet.path.name}: {notice}" for notice in sheet.notices)
    for source in sources:
        yield from source.notices
    if texts is not None:
        yield from (f"text left out: {reason}" for reason in texts.left_out)
        if len(labelled) < len(texts):
            yield f"{counted(len(texts) - len(labelled), 'text')} not used by the baselines: no gold labels"


def _distinct(routes: Iterable[EvaluatedRoute]) -> list[EvaluatedRoute]:
    """Return the routes, then their baselines without duplicates.

    Baselines follow the route that they belong to in `routes`. If two baselines have the same name but different
    labels, the name of the route is added.
    """
    plain: list[EvaluatedRoute] = []
    kept: dict[str, EvaluatedRoute] = {}
    for route in routes:
        if not route.baseline:
            plain.append(route)
        elif route.name not in kept:
            kept[route.name] = route
        elif not _same(kept[route.name], route):
            name = f"{route.name} ({plain[-1].name})"
            kept[name] = replace(route, name=name)
    kept.pop(AlwaysYes.name, None)  # It is the same for all texts and needs no file.
    return [*plain, *kept.values()]


def _same(one: EvaluatedRoute, other: EvaluatedRoute) -> bool:
    return len(one.runs) == len(other.runs) and all(
        set(a.ids) == set(b.ids) and np.array_equal(a.labels, b.of(a.ids).labels, equal_nan=True)
        for a, b in zip(one.runs, other.runs, strict=True)
    )


def _groups(
    ids: Sequence[str],
    sources: Sequence[LabelSourcePath],
    sheets: Sequence[Sheet],
    texts: Sequence[Text],
    wanted: str | None,
) -> tuple[str | None, Mapping[str, str] | None]:
    """Return the name of the grouping and the group of each text that has one; None and None without a grouping."""
    known: dict[str, dict[str, str]] = {}
    for groups in (*(source.groups for source in sources), *(sheet.groups for sheet in sheets)):
        for name, cells in groups.items():
            called = names_among(cells, ids)
            known.setdefault(name.casefold(), {}).update({called[post]: cell for post, cell in cells.items()})
    for text in texts:
        for name, cell in text.groups.items():
            known.setdefault(name.casefold(), {})[text.id] = cell
    users = {name: key.user for name in ids if (key := post_key(name)) is not None and key.user is not None}
    if users:
        known[AUTHOR] = {**known.get(AUTHOR, {}), **users}
    if known.get(AUTHOR):
        known[AUTHOR] = {**known.get(DOCUMENT, {}), **known[AUTHOR]}
    trained = next((source.grouped_by for source in sources if source.grouped_by is not None), None)
    default = next((name for name in (AUTHOR, DOCUMENT) if known.get(name)), NO_GROUP)
    chosen = (wanted or trained or default).casefold()
    if chosen == NO_GROUP:
        return None, None
    if not known.get(chosen, {}).keys() & set(ids):
        raise InputError(
            f"the texts cannot be grouped by {chosen!r}",
            hint=f"Group them by one of {', '.join([*sorted(known), NO_GROUP])}",
        )
    return chosen, known[chosen]


def agreements(
    sources: Sequence[LabelSourcePath], sheets: Sequence[Sheet], prepared: Prepared | None
) -> tuple[Agreement, ...]:
    """Return the agreement of the annotators, and that of the routes with each other and with the gold labels.

    Parameters
    ----------
    sources : sequence of LabelSourcePath
        The sources of the routes. For a route with several runs, the majority of the runs counts.
    sheets : sequence of Sheet
        Label sheets with annotators.
    prepared : Prepared or None
        The input of the evaluation, from which gold labels and routes are taken; None to compare the routes only.

    Returns
    -------
    tuple of Agreement
        One for annotators, if there are at least two, and one for routes likewise.

    Raises
    ------
    InputError
        There are neither two annotators nor two routes.
    """
    compared = {"annotators": _annotators(sheets), "routes": _compared_routes(sources, prepared)}
    found = tuple(agreement(between, matrices) for between, matrices in compared.items() if len(matrices) > 1)
    if not found:
        raise InputError(
            "there are no two sources to compare",
            hint="Give two routes, or with --labels a sheet that has a column annotator",
        )
    return found


def _annotators(sheets: Sequence[Sheet]) -> dict[str, LabelMatrix]:
    names = dict.fromkeys(name for sheet in sheets for name in sheet.labels)
    return {
        name or "(unnamed)": join([(str(s.path), s.labels[name]) for s in sheets if name in s.labels]) for name in names
    }


def _compared_routes(sources: Sequence[LabelSourcePath], prepared: Prepared | None) -> dict[str, LabelMatrix]:
    if prepared is not None:
        gold = {GOLD_LABELS: prepared.gold}
        routes: Iterable[EvaluatedRoute] = prepared.routes
    else:
        gold, routes = {}, (route for source in sources for route in source.routes)
    matrices = gold | {route.name: majority(route.runs) for route in routes if not route.baseline}
    first = next(iter(matrices.values()), LabelMatrix.empty(()))
    return {name: under_ids(labels, first.ids, whose=name) for name, labels in matrices.items()}
