"""The interface of CLIP engines, which map images and texts to vectors in one space, and the table of engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from valex_local.settings import CaptionSettings
from valex_local.store import StoredModel
from valex_local.store.engines import find_engine
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch
    from PIL import Image

NO_WEIGHTS = (
    "no CLIP weights in the store; install some with `valex models install clip-vit-l-14`, or add the directory of "
    "another open_clip model with `valex models add PATH`, and name the model in the settings as models.clip"
)
NO_PICTURES = "no video track"
"""Why a post has no tags, or no scores of its lines."""


class ClipEngine(Protocol):
    """The interface of every CLIP engine. The constructor loads the model.

    Attributes
    ----------
    scale : float
        Factor that turns the product of two vectors into a logit.
    writes : bool
        Whether it can write captions.
    """

    scale: float
    writes: bool

    def __init__(self, model: StoredModel, device: Device) -> None: ...

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Return the model's input for an RGB image, float32 (3, height, width); called from worker threads."""

    def images(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors of preprocessed images, float32 (len(inputs), size) of length 1, on the CPU.

        The vector of an image does not depend on the other images, however many there are.
        """

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts, float32 (len(texts), size) of length 1, on the CPU."""

    def captions(self, inputs: Sequence[torch.Tensor], settings: CaptionSettings) -> list[str | None]:
        """Return a sentence about each preprocessed image, or None where the model wrote none."""


ENGINES: Mapping[str, str] = {
    "open_clip": "valex_local.stages.vision.openclip:OpenClip",
}
"""Engine name to the class, as ``module:name``."""


def load(model: StoredModel, device: Device) -> ClipEngine:
    """Return the engine of a stored model, loaded.

    Raises
    ------
    ModelError
        There is no such engine, or the model cannot be loaded.
    """
    clip: ClipEngine = find_engine(model, ENGINES)(model, device)
    return clip
