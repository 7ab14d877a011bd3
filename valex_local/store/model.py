"""A model that is in the store, and what identifies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valex_local.store.manifests import File, Manifest


@dataclass(frozen=True)
class StoredModel:
    """A model whose files are there and are the right ones.

    Attributes
    ----------
    id, role, engine : str
        Its name, its role (``asr``, ``ocr``, ``clip``, ``llm``, ``sentence``, ``encoder``, ``labels``) and the engine
        that loads it.
    folder : Path
        Where its files are.
    digest : str
        SHA-256 over all that can change what the model says: names and sums of its files, its engine and options, and
        the digests of the models it rests on. Of a model on a server only engine and options are known.
    options : dict
        What the engine must know to use it; from the manifest.
    requires : dict of str to StoredModel
        The models it rests on, by id.
    cache : Path or None
        Folder of the store in which an engine may keep what it computed with the model; it may be gone at any time.
        None where nothing is kept.
    """

    id: str
    role: str
    engine: str
    folder: Path
    digest: str
    options: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, StoredModel] = field(default_factory=dict)
    cache: Path | None = None

    @property
    def may_see(self) -> bool:
        """Whether a language model may take pictures, as far as can be told without loading it."""
        told = self.engine == "transformers" or bool(self.options.get("sees")) or "mmproj" in self.options
        return told or any(self.folder.glob("mmproj*.gguf"))


def digest(manifest: Manifest, files: tuple[File, ...], requires: Mapping[str, StoredModel]) -> str:
    """Return the SHA-256 over all that can change what a model says."""
    content = {
        "files": {file.name: file.sha256 for file in files},
        "engine": manifest.engine,
        "options": manifest.options,
        "requires": {name: model.digest for name, model in requires.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
