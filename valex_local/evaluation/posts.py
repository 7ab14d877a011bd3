"""The posts of studies behind the names in label sheets: which post is meant, who made it, which gold labels it has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from valex_local.corpus.aggregate import join
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.match import AUTHOR, NO_GROUP
from valex_local.corpus.post_finder import PostFinder
from valex_local.errors import InputError
from valex_local.posts.ids import post_key
from valex_local.records import Post


class PostNames:
    """Give posts of studies one name each, whatever label sheets call them.

    Parameters
    ----------
    finders : sequence of PostFinder
        The posts of each study. If several studies know a post, the first names it.
    """

    def __init__(self, finders: Sequence[PostFinder]) -> None:
        self._finders = finders

    def of(self, *names: str) -> str:
        """Return the id of the one post that the names stand for; the first name if there is none, or several."""
        fitting = (found for finder in self._finders if (found := finder.find(names)))
        found = next(fitting, ())
        return found[0] if len(found) == 1 else names[0]


def renamed(labels: LabelMatrix, called: Mapping[str, str]) -> LabelMatrix:
    """Return labels under other ids; those of texts that get the same id are joined.

    Parameters
    ----------
    labels : LabelMatrix
        The labels.
    called : mapping of str to str
        The new ids; a text that is not in it keeps its id.

    Raises
    ------
    InputError
        Labels that get the same id contradict each other.
    """
    ids = tuple(called.get(name, name) for name in labels.ids)
    if len(set(ids)) == len(ids):
        return LabelMatrix(ids, labels.labels, labels.probabilities, labels.dominant)
    rows = ((own, new, labels.take([row])) for row, (own, new) in enumerate(zip(labels.ids, ids, strict=True)))
    return join([
        (f"the label of {own}", LabelMatrix((new,), one.labels, one.probabilities, one.dominant))
        for own, new, one in rows
    ])  # fmt: skip


def known_groups(
    sheets: Iterable[Mapping[str, Mapping[str, str]]], called: Mapping[str, str], posts: Iterable[Post] = ()
) -> dict[str, dict[str, str]]:
    """Return the groups of texts, by the name of the grouping in lower case; the last source that knows a group counts.

    The author of a post is the user in its address, else the one published with it, else the one in the sheets.

    Parameters
    ----------
    sheets : iterable of mapping
        The groups in label sheets, by the name of the grouping and the id in the sheet.
    called : mapping of str to str
        The text behind each id in the sheets; other ids are left out.
    posts : iterable of Post
        The posts among the texts, under their own ids.
    """
    known: dict[str, dict[str, str]] = {}
    for groups in sheets:
        for name, cells in groups.items():
            of_texts = {called[own]: cell for own, cell in cells.items() if own in called}
            known.setdefault(name.casefold(), {}).update(of_texts)
    authors = {post.id: post.text.author for post in posts if post.text.author}
    users = {new: key.user for own, new in called.items() if (key := post_key(own) or post_key(new)) and key.user}
    if found := {**known.get(AUTHOR, {}), **authors, **users}:
        known[AUTHOR] = found
    return known


def choose_groups(
    known: Mapping[str, Mapping[str, str]], ids: Collection[str], *, wanted: str, what: str
) -> tuple[str | None, Mapping[str, str] | None]:
    """Return the name of a grouping and the group of each text that has one; None and None for ``none``.

    Parameters
    ----------
    known : mapping of str to mapping of str to str
        The groups of texts, by the name of the grouping in lower case.
    ids : collection of str
        The texts to group.
    wanted : str
        The grouping, in any case.
    what : str
        What the texts are, for messages: ``posts`` or ``texts``.

    Raises
    ------
    InputError
        None of the texts has such a group.
    """
    chosen = wanted.casefold()
    if chosen == NO_GROUP:
        return None, None
    if known.get(chosen, {}).keys().isdisjoint(ids):
        names = sorted(name for name, cells in known.items() if not cells.keys().isdisjoint(ids))
        raise InputError(
            f"the {what} cannot be grouped by {chosen!r}",
            hint=f"Group them by one of {', '.join([*names, NO_GROUP])}",
        )
    return chosen, known[chosen]
