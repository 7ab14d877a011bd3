"""Tiny CLIP models with random weights, saved as local directories exactly as a lab brings them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from valex_local.store import StoredModel

CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "interpolation": "bicubic"},
}

COCA: dict[str, Any] = CONFIG | {
    "model_cfg": {
        "embed_dim": 16,
        "custom_text": True,
        "vision_cfg": CONFIG["model_cfg"]["vision_cfg"]
        | {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        "text_cfg": CONFIG["model_cfg"]["text_cfg"] | {"embed_cls": True, "output_tokens": True},
        "multimodal_cfg": CONFIG["model_cfg"]["text_cfg"] | {"attn_pooler_heads": 2},
    }
}


def model_cfg(config: dict[str, Any] | None) -> dict[str, Any]:
    return (config or CONFIG)["model_cfg"]


def save_clip(folder: Path, config: dict[str, Any] | None = None, **stored: Any) -> StoredModel:
    """Save a randomly initialised model and return it as the store would, with what else it says of it."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config or CONFIG))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    if "multimodal_cfg" in model_cfg(config):
        torch.nn.init.normal_(model.text_decoder.text_projection)  # the library leaves it as memory happened to be
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return StoredModel(id="tiny-clip", role="clip", engine="open_clip", folder=folder, digest="0" * 64, **stored)


VOCABULARY = """
format = 1

[[category]]
name = "colour"
threshold = 0.0
templates = ["a {} picture.", "something {}."]
background = ["no colour at all"]

[category.entries]
"red" = "red"
"blue" = ["blue", "azure"]

[[category]]
name = "thing"
background = ["nothing", "a blank wall"]

[category.entries]
"dog" = "a dog"
"""
