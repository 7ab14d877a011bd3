"""Vectors of texts, computed once: kept in the store's cache by the model, the device and the texts."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.stages.vision.clip import ClipEngine
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch

_FORMAT = "1"  # to be raised when equal texts and an equal model give other vectors
_VECTORS = "vectors"
_log = logging.getLogger(__name__)


def text_vectors(clip: ClipEngine, texts: Sequence[str], *, model: StoredModel, device: Device) -> torch.Tensor:
    """Return the vectors of texts, as ``clip.texts`` does, computing them only the first time.

    Parameters
    ----------
    clip : ClipEngine
        The engine, loaded from `model`.
    texts : sequence of str
        The texts; one list is one file of the cache.
    model, device
        What the engine was loaded from, and for where: vectors of another device differ in their last bits.

    Returns
    -------
    Tensor of float32, shape (len(texts), size)
        On CPU. Where the cache cannot be read or written they are computed each time.
    """
    if model.cache is None:
        return clip.texts(texts)
    key = {"format": _FORMAT, "model": model.digest, "device": device.kind, "texts": _sum(list(texts))}
    path = model.cache / f"texts-{_sum(key)[:32]}.safetensors"
    found = _read(path, key, len(texts))
    if found is None:
        found = clip.texts(texts)
        _write(path, key, found)
    return found


def _sum(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: Path, key: dict[str, str], count: int) -> torch.Tensor | None:
    """Return what a file of the cache holds; None where there is none, or not what was asked for."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            vectors: torch.Tensor = file.get_tensor(_VECTORS)
            held = file.metadata()
    except (OSError, SafetensorError):  # not there yet, or half gone
        return None
    right = held == key and vectors.ndim == 2 and len(vectors) == count and bool(vectors.isfinite().all())
    return vectors if right else None


def _write(path: Path, key: dict[str, str], vectors: torch.Tensor) -> None:
    """Keep vectors; a store that cannot be written to is left as it is."""
    from safetensors.torch import save

    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
            try:
                file.write(save({_VECTORS: vectors.contiguous()}, metadata=key))
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        _log.info("vectors of texts cannot be kept in %s (%s)", path, error.strerror)
