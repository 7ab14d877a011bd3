"""Which posts a model has learnt from: keyed hashes beside its weights, so that forgetting a post can say so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from valex_local.errors import ModelError
from valex_local.files.atomic import write_whole
from valex_local.files.text import read_raw
from valex_local.posts.keyed_hashes import keyed_hashes
from valex_local.store import Store

FILE = "learnt-from.json"


class Learnt(BaseModel):
    """The posts that a model has learnt from: hashes of their names, and the key of the hashes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    posts: tuple[str, ...]


def write_learnt(folder: Path, key: str, names: Iterable[str]) -> None:
    """Write which posts a model has learnt from.

    Parameters
    ----------
    folder : Path
        The directory of the model.
    key : str
        The key of the hashes, another one for each training.
    names : iterable of str
        Ids of the texts.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    learnt = Learnt(key=key, posts=tuple(sorted(keyed_hashes(key, names))))
    write_whole(folder / FILE, (learnt.model_dump_json(indent=1) + "\n").encode())


def read_learnt(path: Path) -> Learnt:
    """Return which posts a model has learnt from.

    Raises
    ------
    InputError
        The file cannot be read.
    ModelError
        It does not say which posts these are.
    """
    try:
        return Learnt.model_validate(from_json(read_raw(path)))
    except (ValueError, ValidationError) as error:
        raise ModelError("this file does not say which posts a model has learnt from", path=path,
                         hint="Train the model again") from error  # fmt: skip


def learnt_from(store: Store, posts: Sequence[Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Yield the models of a store that have learnt from some of the posts, and from how many.

    Parameters
    ----------
    store : Store
        The model store.
    posts : sequence of sequence of str
        The names of each post.

    Yields
    ------
    tuple of (str, int)
        The id of a model, and the number of posts.

    Raises
    ------
    InputError, ModelError
        What a model has learnt from cannot be read.
    """
    for model_id, manifest in sorted(store.manifests().items()):
        path = store.folder(manifest) / FILE
        if path.is_file():
            learnt = read_learnt(path)
            count = sum(not keyed_hashes(learnt.key, names).isdisjoint(learnt.posts) for names in posts)
            if count:
                yield model_id, count
