"""The engine open_clip: any of its models from a local directory, never from a hub.

The directory contains ``open_clip_config.json`` (keys `model_cfg` and `preprocess_cfg`) and the weights, as on the hub.
The tokenizer is that of OpenAI's CLIP, which is part of the package, or is in the directory too.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ModelError
from valex_local.settings import CaptionSettings
from valex_local.stages.vision.captions import one_sentence, sample_tokens
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch
    from PIL import Image

CONFIG = "open_clip_config.json"
_WEIGHTS = ("*.safetensors", "*.bin", "*.pth")
_TEXT_BATCH = 64
_CPU_IMAGE_BATCH = 4
_MIN_CUDA_IMAGE_BATCH, _MAX_CUDA_IMAGE_BATCH = 8, 128
_BYTES_PER_IMAGE = 64 << 20
_UNUSABLE = (OSError, ValueError, RuntimeError, LookupError, TypeError, pickle.PickleError)
_HINT = "Add the whole directory of the open_clip model"


class OpenClip:
    """A CLIP model for open_clip, or a CoCa model, which writes captions too.

    Images go through the model in batches of a fixed size, the last padded with blanks, so that the additions behind
    an image's vector are always done in the same order. On the CPU its bits are then the same in every batch (this is
    tested in tests/stages/vision), and batches take a third less time than one image at a time. On a GPU, images are
    computed in half precision.

    Parameters
    ----------
    model : StoredModel
        The model; code in its folder is never run, and weights other than safetensors are loaded as plain tensors.
    device : Device
        Where to compute.

    Raises
    ------
    ModelError
        Files are missing, do not fit each other, or would have to be downloaded.
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
            self.texts(["a photo"])  # fails if the tokenizer has more tokens than the model
        except (*_UNUSABLE, SafetensorError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ModelError(f"this CLIP model cannot be loaded ({first})", path=model.folder, hint=_HINT) from error
        self.scale = float(self._model.logit_scale.detach().exp())
        # Only the tokens of OpenAI's CLIP mark start and end of a text.
        plain = isinstance(self._tokenizer, open_clip.SimpleTokenizer)
        self.writes = plain and isinstance(self._model, open_clip.CoCa)
        self.image_batch_size = image_batch_size(device)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Return an image resized, cropped and normalised as in the model's training."""
        tensor: torch.Tensor = self._transform(image)
        return tensor

    def images(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors of preprocessed images."""
        import torch

        if not inputs:
            return torch.empty(0, 0)
        while True:
            try:
                size = self.image_batch_size
                return torch.cat([self._batch(inputs[at : at + size], size) for at in range(0, len(inputs), size)])
            except torch.OutOfMemoryError:
                if self.image_batch_size == 1:
                    raise
                self.image_batch_size //= 2
                torch.cuda.empty_cache()

    def _batch(self, inputs: Sequence[torch.Tensor], size: int) -> torch.Tensor:
        import torch

        images = torch.stack(list(inputs))
        blanks = images.new_zeros(size - len(images), *images.shape[1:])
        padded = torch.cat([images, blanks]).to(self._device)
        vectors = self._encode(padded, half=self._device == "cuda")[: len(images)]
        if not bool(vectors.isfinite().all()):  # beyond the range of half precision
            vectors = self._encode(padded, half=False)[: len(images)]
        return vectors.cpu()

    def _encode(self, images: torch.Tensor, *, half: bool) -> torch.Tensor:
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode(), torch.autocast(self._device, torch.float16, enabled=half):
            vectors = self._model.encode_image(images, normalize=False)
        return normalize(vectors.float(), dim=-1)

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts."""
        import torch

        tokens = self._tokenizer(list(texts))
        with torch.inference_mode():
            batches = tokens.to(self._device).split(_TEXT_BATCH)
            vectors: torch.Tensor = torch.cat([self._model.encode_text(b, normalize=True) for b in batches])
        return vectors.float().cpu()

    def captions(self, inputs: Sequence[torch.Tensor], settings: CaptionSettings) -> list[str | None]:
        """Return a sentence about each image: one at a time on the CPU, where that is as fast, else in batches."""
        import torch

        step = 1 if self._device == "cpu" else self.image_batch_size
        ends = {"start": self._tokenizer.sot_token_id, "end": self._tokenizer.eot_token_id}
        sampled: list[list[int]] = []
        with torch.inference_mode(), torch.autocast(self._device, torch.float16, enabled=self._device == "cuda"):
            for at in range(0, len(inputs), step):
                images = torch.stack(list(inputs[at : at + step])).to(self._device)
                sampled += sample_tokens(self._model, images, settings, **ends)
        return [one_sentence(self._tokenizer.decode(tokens)) for tokens in sampled]


def image_batch_size(device: Device) -> int:
    """Return the number of images per call of a model; on a GPU they may take half of its memory."""
    if device.kind == "cpu":
        return _CPU_IMAGE_BATCH
    fitting = device.memory // 2 // _BYTES_PER_IMAGE
    return max(_MIN_CUDA_IMAGE_BATCH, min(_MAX_CUDA_IMAGE_BATCH, fitting))


def _check_files(folder: Path) -> None:
    """Raise if the library would download or make up missing parts of the directory, or run code in it."""
    path = folder / CONFIG
    try:
        text = json.loads(path.read_text("utf-8"))["model_cfg"]["text_cfg"]
        tower, tokenizer = text.get("hf_model_name"), text.get("hf_tokenizer_name")
        code = (text.get("tokenizer_kwargs") or {}).get("trust_remote_code")
    except OSError as error:
        raise ModelError(f"the CLIP model has no {CONFIG}", path=path, hint=_HINT) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError("this is not the configuration of an open_clip model", path=path, hint=_HINT) from error
    if not any(found for pattern in _WEIGHTS for found in folder.glob(pattern)):
        raise ModelError("the CLIP model has no weights", path=folder, hint=_HINT)
    if code:
        raise ModelError("the CLIP model's tokenizer needs to run code of its own", path=path, hint="Use another model")
    if tower:
        raise ModelError(
            f"the CLIP model would download its text encoder {tower} from a hub",
            path=path,
            hint="Use a model that includes its text encoder",
        )
    if tokenizer and not (folder / "tokenizer.json").is_file():
        raise ModelError("the CLIP model's tokenizer.json is missing", path=folder, hint=_HINT)
