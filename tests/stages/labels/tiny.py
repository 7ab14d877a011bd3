"""Tiny encoders with random weights and label models on top, saved as directories exactly as a lab brings them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valex_local.schwartz import CIRCLE
from valex_local.store import StoredModel

WORDS = ("the", "cat", "sat", "on", "mat", "and", "then", "it", "rained", "help", "win", "zebra", ".", ":", '"')
HIDDEN, POSITIONS = 32, 64


def save_encoder(
    folder: Path,
    *,
    kind: str = "bert",
    hidden: int = HIDDEN,
    words: Sequence[str] = WORDS,
    positions: int = POSITIONS,
    spread: float = 0.5,
    **changes: Any,
) -> Path:
    """Save a randomly initialised encoder with a word tokenizer; `changes` go into its configuration."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

    vocabulary = {word: i for i, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *words))}
    by_word = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    by_word.normalizer = normalizers.Lowercase()
    by_word.pre_tokenizer = pre_tokenizers.Whitespace()
    by_word.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=by_word, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
    torch.manual_seed(3)
    shape: dict[str, Any] = {
        "vocab_size": len(vocabulary), "hidden_size": hidden, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 48, "max_position_embeddings": positions, "pad_token_id": 0, "initializer_range": spread,
    }  # fmt: skip
    model = AutoModel.from_config(AutoConfig.for_model(kind, **(shape | changes)))
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def card(**changes: Any) -> dict[str, Any]:
    """Return a card with two outputs for each of the first four values, one for the fifth, none for the others."""
    outputs: dict[str, Any] = {}
    for i, value in enumerate(CIRCLE[:4]):
        outputs[value.value] = {
            "present": {"row": 2 * i, "threshold": 0.5}, "conflicted": {"row": 2 * i + 1, "threshold": 0.5},
        }  # fmt: skip
    outputs[CIRCLE[4].value] = {"present": {"row": 8, "threshold": 0.4}}
    base = {
        "format": 1, "name": "tiny", "domain": "nonsense", "languages": ["en"], "encoder": ".", "pooling": "mean",
        "window": 32, "overlap": 8, "pool_windows": "max", "outputs": outputs,
    }  # fmt: skip
    return base | changes


def save_head(folder: Path, *, outputs: int = 9, hidden: int = HIDDEN, scale: float = 0.3) -> None:
    """Save a random head."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(outputs, hidden, generator=generator) * scale
    save_file({"weight": weight, "bias": torch.zeros(outputs)}, folder / "head.safetensors")


def save_model(folder: Path, **changes: Any) -> StoredModel:
    """Save a label model with its encoder in the same directory; `changes` go into the card."""
    save_encoder(folder)
    save_head(folder)
    (folder / "labels.json").write_text(json.dumps(card(**changes)), "utf-8")
    return stored(folder)


def stored(folder: Path, **requires: StoredModel) -> StoredModel:
    """Return a directory as the store would."""
    return StoredModel(
        id="tiny-labels", role="labels", engine="encoder", folder=folder, digest="0" * 64, requires=requires
    )
