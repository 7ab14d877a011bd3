"""Removing models from the store."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from valex_local.errors import ModelError
from valex_local.store.store import PARTIAL, Store


def check_removable(store: Store, model_id: str, *, together_with: Collection[str] = ()) -> None:
    """Check that a model can be removed.

    Parameters
    ----------
    store : Store
        The store.
    model_id : str
        The model.
    together_with : collection of str
        Ids of models that are removed too.

    Raises
    ------
    ModelError
        It is not in the store, is bundled with this program, or another model of the store requires it.
    """
    if store.manifest(model_id).shipped:
        raise ModelError(f"the model {model_id} is bundled with this program and cannot be removed")
    if not _folders(store, model_id):
        raise ModelError(f"the model {model_id} is not installed", path=store.root / model_id)
    needed_by = [
        other.id
        for other in store.manifests().values()
        if model_id in other.requires and other.id not in together_with and (store.root / other.id).is_dir()
    ]
    if needed_by:
        raise ModelError(
            f"the model {model_id} is required by {', '.join(needed_by)}", hint="Name them too, to remove them as well"
        )


def remove_model(store: Store, model_id: str) -> int:
    """Remove a model, and what was downloaded of it; return the number of bytes of its files.

    Raises
    ------
    ModelError
        Another process writes into the store, or files cannot be removed.
    """
    folders = _folders(store, model_id)
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    with store.staging() as staging:
        # Moved at once: if the command is killed, no half of a model stays where it could be taken for one.
        for folder in folders:
            store.take_out(folder, staging)
    return size


def _folders(store: Store, model_id: str) -> list[Path]:
    """Return the folders of the store that hold files of a model."""
    return [folder for folder in (store.root / model_id, store.root / PARTIAL / model_id) if folder.is_dir()]
