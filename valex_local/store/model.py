"""An installed model, and the digest that identifies it."""

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
    """A model whose files are present and verified.

    Attributes
    ----------
    id, role, engine : str
        Its name, its role (``asr``, ``speaker``, ``ocr``, ``clip``, ``llm``, ``sentence``, ``encoder``, ``labels``) and
        the engine that loads it.
    folder : Path
        Where its files are.
    digest : str
        SHA-256 over everything that can change the model's output: names and checksums of its files, its engine and
        options, and the digests of the models it requires. For a model on a server only engine and options are known.
    options : dict
        Options for the engine, from the manifest.
    requires : dict of str to StoredModel
        The models it requires, by id.
    cache : Path or None
        Folder of the store in which an engine may cache what it computed with the model; it may be deleted at any time.
        None if nothing is cached.
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
        """Whether a language model may take images, as far as is known without loading it."""
        stated = self.engine == "transformers" or bool(self.options.get("sees")) or "mmproj" in self.options
        return stated or any(self.folder.glob("mmproj*.gguf"))


def digest(manifest: Manifest, files: tuple[File, ...], requires: Mapping[str, StoredModel]) -> str:
    """Return the SHA-256 over everything that can change a model's output.

    Parameters
    ----------
    manifest : Manifest
        The model's manifest.
    files : tuple of File
        Its files, with checksums.
    requires : mapping of str to StoredModel
        The models it requires, by id.

    Returns
    -------
    str
        The digest in hex.
    """
    content = {
        "files": {file.name: file.sha256 for file in files},
        "engine": manifest.engine,
        "options": manifest.options,
        "requires": {name: model.digest for name, model in requires.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def refuse_hidden(model: StoredModel) -> None:
    """Check that this process can reach the model, if it is on a server.

    Raises
    ------
    ModelError
        The network guard hides the machine's loopback from this process.
    """
    if model.engine == servers.ENGINE and network_guard.current().hides_loopback:
        raise ModelError(
            f"the model {model.id} is on a server of this machine, and the network guard hides the machine's own "
            "loopback from this run",
            path=model.options.get("url"),
            hint="Leave out only that layer of the guard: valex --loopback run …",
        )
