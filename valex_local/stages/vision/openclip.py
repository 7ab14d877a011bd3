"""The engine open_clip: any of its models from a local directory, never from a hub.

The directory holds ``open_clip_config.json`` (keys `model_cfg` and `preprocess_cfg`) and the weights, as those of the
hub do. The tokenizer is that of OpenAI's CLIP, which the package brings, or lies in the directory too.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ModelError
from valex_local.settings import CaptionSettings
from valex_local.stages.vision.captions import draw_tokens, one_sentence
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch
    from PIL import Image

CONFIG = "open_clip_config.json"
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth")
_TEXTS_AT_ONCE = 64
_PICTURES_AT_ONCE_CPU = 4
_BYTES_PER_PICTURE = 64 << 20
_LEAST_AT_ONCE, _MOST_AT_ONCE = 8, 128
_UNUSABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, pickle.PickleError)
_BRING = "Bring the whole directory of the open_clip model"


class OpenClip:
    """A CLIP model in the form of open_clip, or a CoCa model, which writes captions too.

    Pictures go through the model in batches of one size, the last filled up with blanks: whatever a batch holds and
    however many come, the sums behind a picture's vector are then done in the same order. On CPU its bits are the same
    (tests/vision hold it), and one size costs a third less time than one picture at a time. On a card pictures are
    computed in half precision.

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
        # Only the tokens of OpenAI's CLIP mark start and end of a text.
        plain = isinstance(self._tokenizer, open_clip.SimpleTokenizer)
        self.writes = plain and isinstance(self._model, open_clip.CoCa)
        self.at_once = pictures_at_once(device)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Resize, crop and normalise a picture as the model was trained."""
        tensor: torch.Tensor = self._transform(image)
        return tensor

    def images(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors of preprocessed pictures."""
        import torch

        if not inputs:
            return torch.empty(0, 0)
        while True:
            try:
                size = self.at_once
                return torch.cat([self._batch(inputs[at : at + size], size) for at in range(0, len(inputs), size)])
            except torch.OutOfMemoryError:
                if self.at_once == 1:
                    raise
                self.at_once //= 2
                torch.cuda.empty_cache()

    def _batch(self, inputs: Sequence[torch.Tensor], size: int) -> torch.Tensor:
        import torch

        pictures = torch.stack(list(inputs))
        blanks = pictures.new_zeros(size - len(pictures), *pictures.shape[1:])
        filled = torch.cat([pictures, blanks]).to(self._device)
        vectors = self._encode(filled, half=self._device == "cuda")[: len(pictures)]
        if not bool(vectors.isfinite().all()):  # beyond the numbers of half precision
            vectors = self._encode(filled, half=False)[: len(pictures)]
        return vectors.cpu()

    def _encode(self, pictures: torch.Tensor, *, half: bool) -> torch.Tensor:
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode(), torch.autocast(self._device, torch.float16, enabled=half):
            vectors = self._model.encode_image(pictures, normalize=False)
        return normalize(vectors.float(), dim=-1)

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts."""
        import torch

        tokens = self._tokenizer(list(texts))
        with torch.inference_mode():
            batches = tokens.to(self._device).split(_TEXTS_AT_ONCE)
            vectors: torch.Tensor = torch.cat([self._model.encode_text(b, normalize=True) for b in batches])
        return vectors.float().cpu()

    def captions(self, inputs: Sequence[torch.Tensor], settings: CaptionSettings) -> list[str | None]:
        """Write a sentence about each picture: one at a time on CPU, where that is as fast, else in batches."""
        import torch

        step = 1 if self._device == "cpu" else self.at_once
        ends = {"start": self._tokenizer.sot_token_id, "end": self._tokenizer.eot_token_id}
        drawn: list[list[int]] = []
        with torch.inference_mode(), torch.autocast(self._device, torch.float16, enabled=self._device == "cuda"):
            for at in range(0, len(inputs), step):
                pictures = torch.stack(list(inputs[at : at + step])).to(self._device)
                drawn += draw_tokens(self._model, pictures, settings, **ends)
        return [one_sentence(self._tokenizer.decode(tokens)) for tokens in drawn]


def pictures_at_once(device: Device) -> int:
    """Return how many pictures go through a model together: on a card by its memory, half of which is for the model."""
    if device.kind == "cpu":
        return _PICTURES_AT_ONCE_CPU
    fitting = device.memory // 2 // _BYTES_PER_PICTURE
    return max(_LEAST_AT_ONCE, min(_MOST_AT_ONCE, fitting))


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
