"""Which label models learnt from a post."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from valex_local.errors import ModelError
from valex_local.stages.labels.card import CARD, read_card
from valex_local.store import Store


def models_that_learnt(
    store: Store, posts: Collection[str], folders: Iterable[Path] = ()
) -> Iterator[tuple[str, Path, int]]:
    """Yield the label models that were trained on some of the posts: name, folder, and how many of the posts.

    Parameters
    ----------
    store : Store
        The store, whose own models are looked at; those of the package learnt from none of a lab's posts.
    posts : collection of str
        Ids of posts.
    folders : iterable of Path
        Model directories outside the store; those that are gone are passed over.

    Yields
    ------
    tuple of str, Path and int
        The model, its folder, and the number of posts.
    """
    own = (store.folder(one) for one in store.manifests().values() if one.role == "labels" and not one.shipped)
    for folder in dict.fromkeys((*own, *folders)):
        if not (folder / CARD).is_file():
            continue
        try:
            card = read_card(folder)
        except ModelError:  # a model that cannot be read labels nothing either, and `valex models verify` names it
            continue
        count = 0 if card.learnt_from is None else card.learnt_from.among(posts)
        if count:
            yield card.name, folder, count
