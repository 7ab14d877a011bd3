"""One text, two names: the answers of a route under the ids by which the gold labels call the texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.posts.ids import PostIndex, post_key


def names_among(
    ids: Iterable[str], others: Sequence[str], names: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, str]:
    """Return by which of the `others` each id is known; an id that none of them fits stands for itself.

    An id fits its equal, else an equal of one of its other `names`, else the only one of the same TikTok post, where
    an unknown user agrees with any.
    """
    known = set(others)
    index: PostIndex[str] = PostIndex()
    for other in others:
        index.add(other, [post_key(other)])
    return {name: _fitting(name, (names or {}).get(name, ()), known, index) for name in ids}


def _fitting(name: str, aliases: tuple[str, ...], known: set[str], index: PostIndex[str]) -> str:
    equal = next((each for each in (name, *aliases) if each in known), None)
    if equal is not None:
        return equal
    near = index.of_key(post_key(name))
    return near[0] if len(near) == 1 else name


def under_ids(
    answers: LabelMatrix, others: Sequence[str], names: Mapping[str, tuple[str, ...]] | None = None, *, whose: str
) -> LabelMatrix:
    """Return answers under the ids by which others know the same texts; see `names_among`.

    Parameters
    ----------
    answers : LabelMatrix
        The answers.
    others : sequence of str
        The ids of the others.
    names : mapping of str to tuple of str, optional
        Other names of the texts of `answers`.
    whose : str
        Whose answers they are, for messages.

    Raises
    ------
    InputError
        Two of the texts are one to the others.
    """
    called = names_among(answers.ids, others, names)
    before: dict[str, str] = {}
    for own, name in called.items():
        if before.setdefault(name, own) != own:
            raise InputError(
                f"{whose}: {before[name]} and {own} are both about {name} of the gold labels", hint="Keep one of them"
            )
    return LabelMatrix(tuple(called.values()), answers.labels, answers.probabilities, answers.dominant)
