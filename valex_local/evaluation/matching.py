"""Match the ids of a route's labels with those of the gold labels, where both name the same texts differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.posts.ids import PostIndex, post_key


def names_among(ids: Iterable[str], others: Sequence[str]) -> dict[str, str]:
    """Return which of the ids in `others` each id corresponds to; an id without a match is mapped to itself.

    An id matches an equal one, else the only one of the same TikTok post, where an unknown user matches any.

    Parameters
    ----------
    ids : iterable of str
        The ids to look up.
    others : sequence of str
        The ids to find them among.

    Returns
    -------
    dict of str to str
        The match of each id.
    """
    known = set(others)
    index: PostIndex[str] = PostIndex()
    for other in others:
        index.add(other, [post_key(other)])
    return {name: _match(name, known, index) for name in ids}


def _match(name: str, known: set[str], index: PostIndex[str]) -> str:
    if name in known:
        return name
    near = index.of_key(post_key(name))
    return near[0] if len(near) == 1 else name


def under_ids(
    labels: LabelMatrix, others: Sequence[str], called: Mapping[str, str] | None = None, *, whose: str
) -> LabelMatrix:
    """Return labels under the ids in `others` that match their own; see `names_among`.

    Parameters
    ----------
    labels : LabelMatrix
        The labels.
    others : sequence of str
        The ids to use.
    called : mapping of str to str, optional
        The ids to look up instead of those of `labels`, such as those of posts.
    whose : str
        Name of the source of the labels, for messages.

    Returns
    -------
    LabelMatrix
        The same labels, in the same order; a text without a match keeps its id, or the one in `called`.

    Raises
    ------
    InputError
        Two of the texts match the same id.
    """
    given = [(called or {}).get(name, name) for name in labels.ids]
    among = names_among(given, others)
    names = tuple(among[name] for name in given)
    before: dict[str, str] = {}
    for own, name in zip(labels.ids, names, strict=True):
        if before.setdefault(name, own) != own:
            raise InputError(f"{whose}: {before[name]} and {own} both match {name}", hint="Keep one of them")
    return LabelMatrix(names, labels.labels, labels.probabilities, labels.dominant)
