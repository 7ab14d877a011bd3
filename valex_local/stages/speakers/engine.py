"""The interface of engines that find who speaks when, and the table of engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from valex_local.store.engines import find_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import SpeakersSettings
    from valex_local.stages.speech.vad import Voice
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

ENGINES = {
    "embeddings": "valex_local.stages.speakers.embeddings:Embeddings",
    "frame-classifier": "valex_local.stages.speakers.frame_classifier:FrameClassifier",
}
"""Engine names, as in a model's manifest, to classes, as ``module:name``."""


@dataclass(frozen=True)
class Turn:
    """A stretch of time in which one voice speaks.

    Attributes
    ----------
    voice : int
        The voice; equal numbers are of one voice.
    start, end : float
        Seconds.
    confidence : float or None
        Probability that it is this voice, of all that were found; None if there is only one.
    """

    voice: int
    start: float
    end: float
    confidence: float | None = None


class SpeakerEngine(Protocol):
    """Finds who speaks when."""

    def find(self, samples: NDArray[np.float32], voice: Voice) -> Sequence[Turn]:
        """Return who speaks when, by start; turns of several voices may overlap.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            16 kHz mono.
        voice : Voice
            Where a voice was detected.

        Returns
        -------
        sequence of Turn
            The turns.
        """

    def close(self) -> None:
        """Free the model."""


def load_engine(model: StoredModel, device: Device, settings: SpeakersSettings) -> SpeakerEngine:
    """Return the engine of a stored model, loaded.

    Parameters
    ----------
    model : StoredModel
        The model.
    device : Device
        Where to compute.
    settings : SpeakersSettings
        The settings of the stage.

    Returns
    -------
    SpeakerEngine
        The engine.

    Raises
    ------
    ModelError
        There is no engine of that name, or it cannot load the weights.
    """
    engine: SpeakerEngine = find_engine(model, ENGINES)(model, device, settings)
    return engine
