"""Vectors of texts, computed once and cached in the store by model, device and texts."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import StudyError
from valex_local.files.atomic import write_whole
from valex_local.stages.vision.clip import ClipEngine
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch

_FORMAT = "1"  # to be incremented when equal texts and models give other vectors
_VECTORS = "vectors"
_log = logging.getLogger(__name__)


def text_vectors(clip: ClipEngine, texts: Sequence[str], *, model: StoredModel, device: Device) -> torch.Tensor:
    """Return the vectors of texts, as ``clip.texts`` does, computed only the first time.

    Parameters
    ----------
    clip : ClipEngine
        The engine, loaded from `model`.
    texts : sequence of str
        The texts; each list is a file in the cache.
    model : StoredModel
        The model that the engine was loaded from.
    device : Device
        The device it was loaded for; vectors from another device differ in their last bits.

    Returns
    -------
    Tensor of float32, shape (len(texts), size)
        On the CPU. If the cache cannot be read or written, they are computed each time.
    """
    if model.cache is None:
        return clip.texts(texts)
    key = {"format": _FORMAT, "model": model.digest, "device": device.kind, "texts": _sha256(list(texts))}
    path = model.cache / f"texts-{_sha256(key)[:32]}.safetensors"
    found = _read(path, key, len(texts))
    if found is None:
        found = clip.texts(texts)
        _write(path, key, found)
    return found


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: Path, key: dict[str, str], count: int) -> torch.Tensor | None:
    """Return the vectors in a file of the cache; None if it does not exist or holds something else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            vectors: torch.Tensor = file.get_tensor(_VECTORS)
            metadata = file.metadata()
    except (OSError, SafetensorError):  # not written yet, or incomplete
        return None
    right = metadata == key and vectors.ndim == 2 and len(vectors) == count and bool(vectors.isfinite().all())
    return vectors if right else None


def _write(path: Path, key: dict[str, str], vectors: torch.Tensor) -> None:
    """Write vectors to the cache, if the store is writable."""
    from safetensors.torch import save

    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, save({_VECTORS: vectors.contiguous()}, metadata=key), shared=True)
    except (OSError, StudyError) as error:
        _log.info("vectors of texts cannot be cached in %s (%s)", path, error)
