"""What an engine that sees pictures and texts in one space is, and the table of them."""

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


class ClipEngine(Protocol):
    """The shape of every engine. The constructor loads the model.

    Attributes
    ----------
    scale : float
        What the product of two vectors is multiplied by to be a logit.
    writes : bool
        Whether it can write captions.
    """

    scale: float
    writes: bool

    def __init__(self, model: StoredModel, device: Device) -> None: ...

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB picture into the model's input, float32 (3, height, width); called from worker threads."""

    def images(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors of preprocessed pictures, float32 (len(inputs), size) of length 1, on CPU.

        The vector of a picture does not depend on the pictures it comes with, however many there are.
        """

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the vectors of texts, float32 (len(texts), size) of length 1, on CPU."""

    def captions(self, inputs: Sequence[torch.Tensor], settings: CaptionSettings) -> list[str | None]:
        """Write a sentence about each preprocessed picture; None where nothing came of it."""


ENGINES: Mapping[str, str] = {
    "open_clip": "valex_local.stages.vision.openclip:OpenClip",
}
"""Engine name to the class, as ``module:name``."""


def load(model: StoredModel, device: Device) -> ClipEngine:
    """Load a model with its engine.

    Raises
    ------
    ModelError
        There is no such engine, or the model cannot be loaded.
    """
    clip: ClipEngine = find_engine(model, ENGINES)(model, device)
    return clip
