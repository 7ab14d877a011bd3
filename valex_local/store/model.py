"""A model that is in the store, and what identifies it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valex_local.errors import ModelError
from valex_local.store import servers
from valex_local.store.manifests import File, Manifest
from valex_local.system import network_guard


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


def refuse_hidden(model: StoredModel) -> None:
    """Hold that this process can reach the model, where it is one on a server.

    Raises
    ------
    ModelError
        The network guard took the machine's loopback away from this process.
    """
    if model.engine == servers.ENGINE and network_guard.current().hides_loopback:
        raise ModelError(
            f"the model {model.id} is on a server of this machine, and the network guard hides the machine's own "
            "loopback from this run",
            path=model.options.get("url"),
            hint="Leave out that layer of the guard, and no other: valex --loopback run …",
        )
