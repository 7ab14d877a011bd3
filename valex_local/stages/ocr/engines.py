"""The interface of OCR engines, and the table of engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from valex_local.records import Box
from valex_local.store.engines import find_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import OcrSettings
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

ENGINES: Mapping[str, str] = {
    "rapidocr": "valex_local.stages.ocr.rapid:RapidOcrEngine",
}
"""Engine name to the class, as ``module:name``."""


@dataclass(frozen=True)
class Reading:
    """Text that was read in one place of one frame.

    Attributes
    ----------
    text : str
        The text.
    box : Box
        Its upright bounding box, fractions of the frame.
    confidence : float
        Mean probability of its characters, in [0, 1].
    """

    text: str
    box: Box
    confidence: float


class OcrEngine(Protocol):
    """Finds and reads text in a frame. Equal frames give equal readings.

    Parameters
    ----------
    model : StoredModel
        The model.
    settings : OcrSettings
        The settings of the stage.
    device : Device
        Where to compute, and with how many threads.
    """

    def __init__(self, model: StoredModel, settings: OcrSettings, device: Device) -> None: ...

    def read(self, rgb: NDArray[np.uint8]) -> list[Reading]:
        """Return the readings of a frame of shape (height, width, 3)."""

    def close(self) -> None:
        """Free the model."""


def load_engine(model: StoredModel, settings: OcrSettings, device: Device) -> OcrEngine:
    """Return the engine of a stored model, loaded.

    Parameters
    ----------
    model : StoredModel
        The OCR model.
    settings : OcrSettings
        Size of the detector's input.
    device : Device
        Number of threads.

    Returns
    -------
    OcrEngine
        The engine that the model's manifest names.

    Raises
    ------
    ModelError
        There is no such engine, or it cannot use the model.
    """
    engine: OcrEngine = find_engine(model, ENGINES)(model, settings, device)
    return engine
