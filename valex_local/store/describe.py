"""Recognises what an unknown folder of model files is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from valex_local.errors import ModelError
from valex_local.store.manifests import ROLES, Manifest, parse

_ENGINES = {
    "asr": "faster-whisper",
    "aligner": "qwen3-asr",
    "speaker": "embeddings",
    "ocr": "rapidocr",
    "clip": "open_clip",
    "detector": "onnxruntime",
    "llm": "llama_cpp",
    "sentence": "transformers",
    "encoder": "transformers",
    "labels": "encoder",
}
"""The default engine of each role."""

# Windows and macOS leave these in folders; they are no part of any model.
_OF_THE_DESKTOP = frozenset({"desktop.ini", "thumbs.db", "ehthumbs.db", "__macosx"})

# Large GGUF files are split into parts; the engine is given the first.
_LATER_PART = re.compile(r"-(?!0*1-)\d+-of-\d+\.gguf$")


def describe(
    path: Path, *, model_id: str | None = None, role: str | None = None, engine: str | None = None
) -> Manifest:
    """Return a manifest for a folder or file of a model without one.

    Parameters
    ----------
    path : Path
        The folder, all of whose files belong to the model, except hidden ones and those that the desktop writes; or its
        only file.
    model_id : str, optional
        The id; by default derived from the name of the folder or file.
    role : str, optional
        The role; by default recognised from the files.
    engine : str, optional
        The engine; by default that of the role.

    Returns
    -------
    Manifest
        The manifest, without checksums.

    Raises
    ------
    ModelError
        There is no such folder or file, it is empty, or the role cannot be recognised.
    """
    if not path.exists():
        raise ModelError("there is no such file or folder", path=path)
    names = [path.name] if path.is_file() else _names(path)
    if not names:
        raise ModelError("this folder contains no files", path=path)
    role = role or _role(names)
    if role not in ROLES:
        what = "the role of these files is not recognised" if role is None else f"there is no role {role}"
        raise ModelError(what, path=path, hint=f"Give --role, one of: {', '.join(ROLES)}")
    data: dict[str, Any] = {
        "id": model_id or slug(path),
        "role": role,
        "engine": engine or _ENGINES[role],
        "options": _gguf_options(names, path),
        "files": [{"name": name} for name in names],
    }
    return parse(Manifest, data, path)


def _names(folder: Path) -> list[str]:
    paths = (p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    return sorted(p.as_posix() for p in paths if not any(_is_foreign(part) for part in p.parts))


def _is_foreign(name: str) -> bool:
    return name.startswith(".") or name.lower() in _OF_THE_DESKTOP


def _role(names: list[str]) -> str | None:
    if any(name.endswith(".gguf") for name in names):
        return "llm"
    if "labels.json" in names and "head.safetensors" in names:
        return "labels"
    if "open_clip_config.json" in names:
        return "clip"
    if "model.bin" in names and any(name.startswith("vocabulary.") for name in names):
        return "asr"
    return None


def _gguf_options(names: list[str], path: Path) -> dict[str, str]:
    """Return which GGUF file is the model and which its vision encoder."""
    gguf = [name for name in names if name.endswith(".gguf")]
    projectors = [name for name in gguf if "mmproj" in name.lower()]
    models = [name for name in gguf if name not in projectors and not _LATER_PART.search(name)]
    if len(models) > 1 or len(projectors) > 1:
        raise ModelError(
            f"this folder contains several models: {', '.join(models + projectors)}",
            path=path,
            hint="Give a folder with one GGUF file and, for a model that takes images, its mmproj file",
        )
    return {key: found[0] for key, found in (("file", models), ("mmproj", projectors)) if found}


def slug(path: Path) -> str:
    """Return an id derived from the name of a model's file or folder.

    Raises
    ------
    ModelError
        The name contains nothing that an id can be made of.
    """
    stem = path.stem if path.is_file() else path.resolve().name
    slug = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._")
    if not slug:
        raise ModelError("no id can be derived from this name", path=path, hint="Give --id")
    return slug
