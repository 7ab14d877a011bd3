"""The model store: manifests, lookup, checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class StoredModel:
    """A model in the store.

    Attributes
    ----------
    id, role, engine : str
        Its name, its role (``asr``, ``ocr``, ``clip``, ``llm``, ``sentence``, ``labels``) and the engine that loads it.
    folder : Path
        Where its files are.
    digest : str
        SHA-256 over the names and sums of all its files.
    options : dict
        What the engine must know to use it; from the manifest.
    """

    id: str
    role: str
    engine: str
    folder: Path
    digest: str
    options: Mapping[str, Any] = field(default_factory=dict)
