"""Refuses files that the engine of a model could not load, before they are copied."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from valex_local.errors import ModelError
from valex_local.store.manifests import Manifest
from valex_local.store.whole import check_whole

_WEIGHTS = "model.safetensors"
_TOKENIZER = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "*.bpe.model",
    "spm.model",
)
_NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    "encoder": (("labels.json",), ("head.safetensors",)),
    "embeddings": (("pretrained.pt",),),
    "faster-whisper": (("model.bin",), ("config.json",), ("tokenizer.json",), ("vocabulary.*",)),
    "frame-classifier": (("config.json",), (_WEIGHTS, "model-*.safetensors"), ("processor_config.json",)),
    "open_clip": (("open_clip_config.json",), ("open_clip_model.safetensors", "*.safetensors", "*.bin", "*.pth")),
    "openai-whisper": (("*.pt",),),
    "parakeet": (("config.json",), (_WEIGHTS, "model-*.safetensors"), ("processor_config.json",), ("tokenizer.json",)),
    "qwen3-asr": (("config.json",), (_WEIGHTS, "model-*.safetensors"), ("processor_config.json",), ("tokenizer.json",)),
    "transformers": (("config.json",), (_WEIGHTS, "model*.safetensors", "pytorch_model.bin"), _TOKENIZER),
}
"""Files that an engine cannot do without, whatever the model: of each group one, by name or pattern."""

_TEMPLATE = "tokenizer.chat_template"


def check_complete(manifest: Manifest, source: Path) -> None:
    """Check that a model has the files that its engine cannot do without.

    Raises
    ------
    ModelError
        Files are missing.
    """
    missing = list(_missing(manifest))
    if missing:
        what = "this file is not a whole model" if source.is_file() else "this folder is not a whole model"
        raise ModelError(
            f"{what}: for the engine {manifest.engine} it lacks {' and '.join(missing)}",
            path=source,
            hint="Give the folder with all files that were published together",
        )


def check_weights(manifest: Manifest, source: Path) -> None:
    """Check that files whose checksums are not known are whole, and that a language model can chat.

    Raises
    ------
    ModelError
        A file is cut off or not what its name says, or a language model has no chat template.
    """
    for file in manifest.files:
        path = source / file.name if source.is_dir() else source
        if file.sha256 is not None or not path.is_file():
            continue
        metadata = check_whole(path)
        if manifest.engine == "llama_cpp" and file.name == manifest.options.get("file") and _TEMPLATE not in metadata:
            raise ModelError(
                "this language model has no chat template, so it cannot be asked anything",
                path=path,
                hint="Take the model that was trained on conversations: its name ends in Instruct, Chat or it",
            )


def _missing(manifest: Manifest) -> Iterator[str]:
    """Yield what the engine needs and the manifest does not name."""
    for group in _NEEDED.get(manifest.engine, ()):
        if not any(fnmatch(file.name, pattern) for file in manifest.files for pattern in group):
            yield group[0]
