"""The engine open_clip: any of its models from a local directory, never from a hub.

The directory holds ``open_clip_config.json`` (keys `model_cfg` and `preprocess_cfg`) and the weights, as those of the
hub do. The tokenizer is that of OpenAI's CLIP, which the package brings, or lies in the directory too.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.devices import Device
from valex_local.errors import ModelError
from valex_local.store import StoredModel

if TYPE_CHECKING:
    import torch
    from PIL import Image

CONFIG = "open_clip_config.json"
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth")
_TEXTS_AT_ONCE = 64
_UNUSABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, pickle.PickleError)
_BRING = "Bring the whole directory of the open_clip model"


class OpenClip:
    """A CLIP model in the form of open_clip.

    Parameters
    ----------
    model : StoredModel
        Its folder; code in it is never run, and weights that are not safetensors are read as bare tensors.
    device : Device
        Where to compute.

    Raises
    ------
    ModelError
        Files are missing, do not fit each other, or would have to be fetched.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        import open_clip
        from safetensors import SafetensorError

        _check_files(model.folder)
        name = f"local-dir:{model.folder}"
        try:
            self._model, _, self._transform = open_clip.create_model_and_transforms(
                name, device=device.kind, precision="fp32", weights_only=True
            )
            self._tokenizer = open_clip.get_tokenizer(name)
            self._model.eval()
            self._device = device.kind
            self.texts(["a photo"])  # a tokenizer with more words than the model shows only here
        except (*_UNUSABLE, SafetensorError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ModelError(f"this CLIP model cannot be loaded ({first})", path=model.folder, hint=_BRING) from error
        self.scale = float(self._model.logit_scale.detach().exp())

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Resize, crop and normalise a picture as the model was trained."""
        tensor: torch.Tensor = self._transform(image)
        return tensor

    def images(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors of preprocessed pictures."""
        import torch

        with torch.inference_mode():
            vectors = self._model.encode_image(torch.stack(list(inputs)).to(self._device), normalize=True)
        return _plain(vectors)

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts."""
        import torch

        tokens = self._tokenizer(list(texts))
        with torch.inference_mode():
            batches = tokens.to(self._device).split(_TEXTS_AT_ONCE)
            return _plain(torch.cat([self._model.encode_text(batch, normalize=True) for batch in batches]))


def _plain(vectors: Any) -> torch.Tensor:
    plain: torch.Tensor = vectors.float().cpu()
    return plain


def _check_files(folder: Path) -> None:
    """Refuse a directory from which the library would fetch, invent or run something."""
    path = folder / CONFIG
    try:
        text = json.loads(path.read_text("utf-8"))["model_cfg"]["text_cfg"]
        tower, tokenizer = text.get("hf_model_name"), text.get("hf_tokenizer_name")
        code = (text.get("tokenizer_kwargs") or {}).get("trust_remote_code")
    except OSError as error:
        raise ModelError(f"the CLIP model has no {CONFIG}", path=path, hint=_BRING) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError("this is no configuration of an open_clip model", path=path, hint=_BRING) from error
    if not any(found for pattern in _WEIGHTS for found in folder.glob(pattern)):
        raise ModelError("the CLIP model has no weights", path=folder, hint=_BRING)
    if code:
        raise ModelError(
            "the CLIP model's tokenizer wants to run code of its own", path=path, hint="Take another model"
        )
    if tower:
        raise ModelError(
            f"the CLIP model takes its text half {tower} from a hub",
            path=path,
            hint="Take a model with its own text half",
        )
    if tokenizer and not (folder / "tokenizer.json").is_file():
        raise ModelError("the CLIP model's tokenizer.json is missing", path=folder, hint=_BRING)
