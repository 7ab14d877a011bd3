"""What a text recogniser is, and the ones there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from valex_local.engines import find_engine
from valex_local.records import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.config import OcrSettings
    from valex_local.devices import Device
    from valex_local.store import StoredModel

ENGINES = {"rapidocr": "valex_local.ocr.rapid:RapidOcrEngine"}


@dataclass(frozen=True)
class Reading:
    """Text that was read in one place of one picture.

    Attributes
    ----------
    text : str
        What it says.
    box : Box
        Its upright bounding box, fractions of the picture.
    confidence : float
        Mean probability of its characters, in [0, 1].
    """

    text: str
    box: Box
    confidence: float


class Engine(Protocol):
    """A text recogniser. The same picture gives the same readings."""

    def __init__(self, model: StoredModel, settings: OcrSettings, device: Device) -> None: ...

    def read(self, rgb: NDArray[np.uint8]) -> list[Reading]:
        """Read a picture of shape (height, width, 3)."""

    def close(self) -> None:
        """Free the model."""


def load_engine(model: StoredModel, settings: OcrSettings, device: Device) -> Engine:
    """Load the engine that a model names.

    Raises
    ------
    ModelError
        There is no such engine, or it cannot use the model.
    """
    engine: Engine = find_engine(model, ENGINES)(model, settings, device)
    return engine
