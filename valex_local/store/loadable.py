"""Refuses files that the engine of a model could not load, before they are copied."""

from __future__ import annotations

from pathlib import Path

from valex_local.errors import ModelError
from valex_local.files.text import open_regular
from valex_local.store.manifests import Manifest

_NEEDED = {
    "faster-whisper": ("model.bin", "config.json"),
    "open_clip": ("open_clip_config.json",),
    "parakeet": ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json"),
    "qwen3-asr": ("config.json", "model.safetensors", "processor_config.json", "tokenizer.json"),
    "transformers": ("config.json",),
}
"""Files that an engine cannot do without, whatever the model."""

_GGUF = b"GGUF"
_TEMPLATE = b"tokenizer.chat_template"
_HEAD = 64 << 20
"""Bytes at the beginning of a GGUF file that hold its metadata; with a large vocabulary they are some 10 MB."""


def check_loadable(manifest: Manifest, source: Path) -> None:
    """Check that the files of a model can be loaded, as far as can be seen without loading them.

    Parameters
    ----------
    manifest : Manifest
        The model.
    source : Path
        Its folder, or its only file.

    Raises
    ------
    ModelError
        Files are missing or not what their names say, or a language model cannot chat.
    """
    names = {file.name for file in manifest.files}
    missing = [name for name in _NEEDED.get(manifest.engine, ()) if name not in names]
    if missing:
        what = "this file is not a whole model" if source.is_file() else "this folder is not a whole model"
        raise ModelError(
            f"{what}: for the engine {manifest.engine} it lacks {' and '.join(missing)}",
            path=source,
            hint="Give the folder with all files that were published together",
        )
    if manifest.engine == "llama_cpp":
        _check_gguf(manifest, source)


def _check_gguf(manifest: Manifest, source: Path) -> None:
    for key in ("file", "mmproj"):
        name = manifest.options.get(key)
        path = source / str(name) if source.is_dir() else source
        if name is None or not path.is_file():
            continue
        with open_regular(path) as file:
            head = file.read(_HEAD)
        if not head.startswith(_GGUF):
            raise ModelError(
                "this is not a GGUF file, whatever its name says",
                path=path,
                hint="Download it again; what was downloaded may be a web page or a pointer of Git LFS",
            )
        if key == "file" and _TEMPLATE not in head:
            raise ModelError(
                "this language model has no chat template, so it cannot be asked anything",
                path=path,
                hint="Take the model that was trained on conversations: its name ends in Instruct, Chat or it",
            )
