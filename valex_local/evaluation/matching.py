"""Match the ids of a route's labels with those of the gold labels, where both name the same texts differently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.posts.ids import PostIndex, post_key


def names_among(
    ids: Iterable[str], others: Sequence[str], names: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, str]:
    """Return which of the ids in `others` each id corresponds to; an id without a match is mapped to itself.

    An id matches an equal one, else one that equals an alias in `names`, else the only one of the same TikTok post,
    where an unknown user matches any.

    Parameters
    ----------
    ids : iterable of str
        The ids to look up.
    others : sequence of str
        The ids to find them among.
    names : mapping of str to tuple of str, optional
        Aliases of `ids`.

    Returns
    -------
    dict of str to str
        The match of each id.
    """
    known = set(others)
    index: PostIndex[str] = PostIndex()
    for other in others:
        index.add(other, [post_key(other)])
    return {name: _match(name, (names or {}).get(name, ()), known, index) for name in ids}


def _match(name: str, aliases: tuple[str, ...], known: set[str], index: PostIndex[str]) -> str:
    equal = next((each for each in (name, *aliases) if each in known), None)
    if equal is not None:
        return equal
    near = index.of_key(post_key(name))
    return near[0] if len(near) == 1 else name


def under_ids(
    labels: LabelMatrix, others: Sequence[str], names: Mapping[str, tuple[str, ...]] | None = None, *, whose: str
) -> LabelMatrix:
    """Return labels under the ids in `others` that match their own; see `names_among`.

    Parameters
    ----------
    labels : LabelMatrix
        The labels.
    others : sequence of str
        The ids to use.
    names : mapping of str to tuple of str, optional
        Aliases of the texts in `labels`.
    whose : str
        Name of the source of the labels, for messages.

    Returns
    -------
    LabelMatrix
        The same labels, in the same order; a text without a match keeps its id.

    Raises
    ------
    InputError
        Two of the texts match the same id.
    """
    called = names_among(labels.ids, others, names)
    before: dict[str, str] = {}
    for own, name in called.items():
        if before.setdefault(name, own) != own:
            raise InputError(
                f"{whose}: {before[name]} and {own} both match {name} in the gold labels", hint="Keep one of them"
            )
    return LabelMatrix(tuple(called.values()), labels.labels, labels.probabilities, labels.dominant)
