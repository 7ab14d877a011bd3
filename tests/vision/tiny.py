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


def save_clip(folder: Path, config: dict[str, Any] | None = None) -> StoredModel:
    """Save a randomly initialised model and return it as the store would."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config or CONFIG))
    torch.manual_seed(7)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    return StoredModel(id="tiny-clip", role="clip", engine="open_clip", folder=folder, digest="0" * 64)


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
