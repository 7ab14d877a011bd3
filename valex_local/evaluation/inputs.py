"""Prepare the input of an evaluation: gold labels, routes under the same ids, baselines, groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from valex_local.corpus.aggregate import join, majority
from valex_local.corpus.documents import DOCUMENT
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.match import AUTHOR, NO_GROUP
from valex_local.corpus.post_finder import PostFinder
from valex_local.corpus.sheets import Sheet, gold_of
from valex_local.corpus.texts import Text, Texts
from valex_local.errors import InputError
from valex_local.evaluation.agreement import Agreement, agreement
from valex_local.evaluation.baselines import AlwaysYes
from valex_local.evaluation.evaluate import EvaluatedRoute
from valex_local.evaluation.matching import names_among, under_ids
from valex_local.evaluation.posts import PostNames, choose_groups, known_groups, renamed
from valex_local.evaluation.results import Missing
from valex_local.evaluation.routes import LabelSourcePath
from valex_local.evaluation.support import MIN_SUPPORT, smallest_support
from valex_local.evaluation.text_baselines import NEED_TEXTS, make_baselines
from valex_local.files.text import counted
from valex_local.posts.ids import post_names

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


def gold_files_of(sources: Sequence[LabelSourcePath]) -> list[Path]:
    """Return the label sheets to take gold labels from if none are named: those imported into the studies.

    There are none if a model directory is among the sources, whose own gold labels then count.
    """
    if any(source.gold is not None for source in sources):
        return []
    return list(dict.fromkeys(path for source in sources for path in source.gold_files))


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
    names = _post_names(sources, texts)
    gold = gold_of(sheets, annotator) if sheets else _gold_of_models(sources)
    called = {name: names.of(name) for name in gold.ids}
    gold = renamed(gold, called)
    labelled = _labelled(texts, gold, names)
    routes = _distinct(
        replace(route, runs=tuple(_under_ids(run, gold.ids, source, names, whose=route.name) for run in route.runs))
        for source in sources
        for route in source.routes
    )
    cells = _known_groups(called, sources, sheets, labelled, names)
    trained = next((source.grouped_by for source in sources if source.grouped_by is not None), None)
    wanted = group or trained or _default_grouping(cells, gold.ids)
    grouped_by, groups = choose_groups(cells, gold.ids, wanted=wanted, what="texts")
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
        hint = "Give a label sheet with --labels, or import one into the study: valex import labels"
        raise InputError("there are no gold labels to evaluate against", hint=hint)
    return join([(f"the gold labels of {name}", gold) for name, gold in golds])


def _post_names(sources: Sequence[LabelSourcePath], texts: Texts | None) -> PostNames:
    """Return what names the posts of the studies among the sources, and of a study among the texts."""
    finders = [PostFinder(source.posts) for source in sources if source.posts]
    of_texts = PostFinder()
    for text in texts or ():
        if text.names:
            of_texts.add_text(text.id, text.names)
    return PostNames([*finders, of_texts])


def _under_ids(
    labels: LabelMatrix, ids: Sequence[str], source: LabelSourcePath, names: PostNames, *, whose: str
) -> LabelMatrix:
    """Return labels under the ids of the gold labels, and of posts."""
    of_posts = {post.id: names.of(*post_names(post)) for post in source.posts}
    called = {name: of_posts.get(name) or names.of(name) for name in labels.ids}
    return under_ids(labels, ids, called, whose=whose)


def _labelled(texts: Texts | None, gold: LabelMatrix, names: PostNames) -> list[Text]:
    """Return the texts with gold labels, under the ids of the gold labels.

    Raises
    ------
    InputError
        There are texts, but none has a label, or two of them match the same label.
    """
    if texts is None:
        return []
    of_posts = {text.id: names.of(text.id, *text.names) for text in texts}
    called = under_ids(LabelMatrix.empty(of_posts), gold.ids, of_posts, whose="the texts").ids
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
    unused = [path for source in sources for path in source.gold_files if not sheets]
    if unused:
        yield f"gold labels are those of the model; not used: {', '.join(map(str, unused))}"
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


def _known_groups(
    gold: Mapping[str, str],
    sources: Sequence[LabelSourcePath],
    sheets: Sequence[Sheet],
    texts: Sequence[Text],
    names: PostNames,
) -> dict[str, dict[str, str]]:
    """Return the groups of texts under the ids of the gold labels, by the name of the grouping in lower case."""
    given = [*(source.groups for source in sources), *(sheet.groups for sheet in sheets)]
    of_posts = {name: names.of(name) for groups in given for cells in groups.values() for name in cells}
    among = names_among(of_posts.values(), tuple(gold.values()))
    called = {name: among[post] for name, post in of_posts.items()}
    known = known_groups(given, {**called, **gold}, (post for source in sources for post in source.posts))
    for text in texts:
        for name, cell in text.groups.items():
            known.setdefault(name.casefold(), {})[text.id] = cell
    if known.get(AUTHOR):
        known[AUTHOR] = {**known.get(DOCUMENT, {}), **known[AUTHOR]}
    return known


def _default_grouping(known: Mapping[str, Mapping[str, str]], ids: Sequence[str]) -> str:
    """Return the first grouping that any text has."""
    return next((name for name in (AUTHOR, DOCUMENT) if not known.get(name, {}).keys().isdisjoint(ids)), NO_GROUP)


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
    names = _post_names(sources, None)
    return {
        name: under_ids(labels, first.ids, {own: names.of(own) for own in labels.ids}, whose=name)
        for name, labels in matrices.items()
    }
