"""Loads speech models that transformers knows from a directory, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.system.hugging_face import quiet

if TYPE_CHECKING:
    from valex_local.system.devices import Device

_HINT = "Add the whole directory of the model, as published for transformers"


def load_pretrained(folder: Path, kind: Any, device: Device, *, name: str, dtype: str = "float32") -> tuple[Any, Any]:
    """Return the processor and the model in a directory, ready to use.

    Parameters
    ----------
    folder : Path
        The directory, with weights in safetensors form; no code in it is run.
    kind : type
        The class of the model in transformers.
    device : Device
        Where it runs.
    name : str
        What messages call the model.
    dtype : str
        Type of the weights in memory.

    Returns
    -------
    tuple of processor and model
        The model is in evaluation mode.

    Raises
    ------
    ModelError
        Files are missing or damaged, or are those of another model.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoProcessor

    if device.kind == "cpu":
        torch.set_num_threads(device.threads)
    try:
        with quiet():
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model, info = kind.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=True,
                dtype=getattr(torch, dtype),
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, LookupError, TypeError, AttributeError, SafetensorError) as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"this {name} model cannot be loaded ({first})", path=folder, hint=_HINT) from error
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(f"the weights lack {len(missing)} tensors, for example {missing[0]}", path=folder, hint=_HINT)
    return processor, model.to(device.kind).eval()
