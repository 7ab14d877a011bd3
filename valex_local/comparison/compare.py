"""Compare two variants of the scripts of a study, post by post and over all posts that have both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from valex_local.comparison.evidence import read_evidence
from valex_local.comparison.figures import Resampling, agreeing, resampling, rows, shared_rows
from valex_local.comparison.labels import AllLabels, agree, count_changes, evaluate_labels, post_labels, read_labels
from valex_local.comparison.measures import compare_lines, measure
from valex_local.comparison.pair import VariantPair
from valex_local.comparison.results import Comparison, PostComparison, RouteComparison
from valex_local.comparison.similarity import TextSimilarity
from valex_local.corpus.columns import with_author
from valex_local.corpus.sheets import Sheet
from valex_local.errors import MissingExtra
from valex_local.evaluation.bootstrap import RESAMPLES
from valex_local.evaluation.results import UncountedTexts
from valex_local.evaluation.support import MIN_SUPPORT


def compare(
    pair: VariantPair,
    *,
    sheet: Sheet | None = None,
    annotator: str | None = None,
    group: str | None = None,
    similarity: TextSimilarity | None = None,
    routes: Sequence[str] = (),
    min_support: int | str = MIN_SUPPORT,
    resamples: int = RESAMPLES,
    seed: int = 0,
    notices: Sequence[str] = (),
    on_progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Return the comparison of two variants of the scripts of a study.

    Parameters
    ----------
    pair : VariantPair
        The scripts.
    sheet : Sheet, optional
        Gold labels.
    annotator : str, optional
        The one annotator of the sheet who counts; when left out, the majority.
    group : {"author", "none"}, optional
        Whether to resample authors or single posts; when left out, authors if any is known.
    similarity : TextSimilarity, optional
        The encoder that compares scripts by their meaning; without it, that figure is left out.
    routes : sequence of str
        Routes whose labels are compared, such as ``encoder`` or ``encoder@mpnet``; all if empty.
    min_support : int or str
        Gold positives that a value needs to count in the averages, or their share of the posts, such as ``"5%"``.
    resamples, seed : int
        Number of resamples and seed of the bootstrap.
    notices : sequence of str
        More notices for readers.
    on_progress : callable
        Called with the number of posts compared since the last call.

    Returns
    -------
    Comparison
        The comparison, with all figures and notices.

    Raises
    ------
    ConfigError
        Both names are the same.
    InputError
        A variant or route is unknown, no post has both, or the gold labels are about other posts.
    MissingExtra
        There are gold labels, but the libraries for figures are not installed.
    """
    ids, left_out = pair.posts
    labels = read_labels(pair, ids, routes)
    gold = None
    if sheet is not None:
        gold = evaluate_labels(
            pair,
            tuple(labels.routes),
            sheet,
            annotator=annotator,
            group=group,
            min_support=min_support,
            resamples=resamples,
            seed=seed,
        )
    posts = tuple(_posts(pair, ids, labels, similarity, on_progress))
    how = resampling(posts, group, resamples, seed)
    compared, of_routes = _routes(pair, posts, labels, how)
    return Comparison(
        first=pair.first,
        second=pair.second,
        posts=posts,
        rows=tuple(rows(posts, how)),
        shared=tuple(shared_rows(posts, how)),
        routes=compared,
        gold=gold,
        groups=how.groups,
        grouped_by=how.grouped_by,
        resamples=resamples,
        seed=seed,
        left_out=(*left_out, *_without_evidence(posts), *labels.left_out),
        notices=(*notices, *_about_pictures(pair, ids), *labels.notices, *of_routes),
    )


def _posts(
    pair: VariantPair,
    ids: Sequence[str],
    labels: AllLabels,
    similarity: TextSimilarity | None,
    on_progress: Callable[[int], None],
) -> Iterator[PostComparison]:
    for post_id in ids:
        one, other = pair.lines(post_id)
        evidence = read_evidence(pair.study, post_id)
        seen, other_seen = pair.groundings(post_id)
        missing = evidence.missing
        if seen is not None and other_seen is not None and seen.by_detections != other_seen.by_detections:
            seen = other_seen = None
            missing = (*missing, "only one script was compared with the pictures by CLIP: valex run does it again")
        author = pair.study.post(post_id).text.author
        cosine = None if similarity is None else similarity.similarity(one, other)
        yield PostComparison(
            post=post_id,
            author=with_author({"author": author} if author else {}, post_id).get("author"),
            first=measure(one, evidence, seen),
            second=measure(other, evidence, other_seen),
            shared=compare_lines(one, other, similarity=cosine),
            labels=tuple(post_labels(route, both[post_id]) for route, both in labels.routes.items() if post_id in both),
            missing=missing,
        )
        on_progress(1)


def _about_pictures(pair: VariantPair, ids: Sequence[str]) -> Iterator[str]:
    """Yield what figures about the pictures rest on, where there was no CLIP model."""
    if any(found is not None and found.by_detections for post_id in ids for found in pair.groundings(post_id)):
        yield (
            "keyframes mentioned: without a CLIP model, those with a known thing of which an action line names one, of "
            "all keyframes with a known thing"
        )


def _without_evidence(posts: Sequence[PostComparison]) -> Iterator[UncountedTexts]:
    """Yield the posts that lack something that a figure needs."""
    for why in dict.fromkeys(why for post in posts for why in post.missing):
        yield UncountedTexts(why=why, texts=tuple(post.post for post in posts if why in post.missing))


def _routes(
    pair: VariantPair, posts: Sequence[PostComparison], labels: AllLabels, how: Resampling
) -> tuple[tuple[RouteComparison, ...], tuple[str, ...]]:
    """Return the comparison of the labels by each route, and notices about it."""
    found, notices = [], []
    for route, both in labels.routes.items():
        agreed = None
        try:
            agreed = agree(pair, route, both)
        except MissingExtra as error:
            notices.append(f"labels by {route}: agreement by value not computed because {error}")
        changes = count_changes([label for post in posts for label in post.labels if label.route == route])
        found.append(
            RouteComparison(
                route=route,
                posts=len(both),
                agreeing=agreeing(posts, route, how),
                agreement=agreed,
                changes=changes,
            )
        )
    return tuple(found), tuple(notices)
