"""Diarizers of transformers that say for each frame who speaks, such as Nemotron 3 Diarization: overlap included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.stages.speakers.engine import Turn
from valex_local.system.hugging_face import quiet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import SpeakersSettings
    from valex_local.stages.speech.vad import Voice
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

RATE = 16_000
SPEAKS = 0.5
"""Probability from which a speaker counts as speaking."""
SHORTEST = 0.2
"""Seconds. Shorter pauses are part of a turn, and shorter turns are left out."""


class FrameClassifier:
    """Finds speakers with a model directory for transformers: ``config.json``, ``model.safetensors``, processor.

    The setting `threshold` does not apply; the model decides how many speakers there are.

    Parameters
    ----------
    model : StoredModel
        The model.
    device : Device
        Where to compute.
    settings : SpeakersSettings
        Not used.

    Raises
    ------
    ModelError
        The directory is incomplete, or is no such model.
    """

    def __init__(self, model: StoredModel, device: Device, settings: SpeakersSettings) -> None:
        import torch
        from safetensors import SafetensorError
        from transformers import AutoModelForAudioFrameClassification, AutoProcessor

        try:
            with quiet():
                self._processor: Any = AutoProcessor.from_pretrained(
                    model.folder, local_files_only=True, trust_remote_code=False
                )
                self._model, info = AutoModelForAudioFrameClassification.from_pretrained(
                    model.folder,
                    local_files_only=True,
                    trust_remote_code=False,
                    use_safetensors=True,
                    dtype=torch.float32,
                    output_loading_info=True,
                )
        except (OSError, ValueError, RuntimeError, LookupError, TypeError, SafetensorError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            hint = "Add the whole directory of the model, as published for transformers"
            raise ModelError(f"this diarizer cannot be loaded ({first})", path=model.folder, hint=hint) from error
        if info["missing_keys"]:
            raise ModelError(f"weights are missing: {', '.join(sorted(info['missing_keys'])[:3])}", path=model.folder)
        self._model.to(device.kind).eval()
        self._frame = self._processor.feature_extractor.hop_length / RATE

    def find(self, samples: NDArray[np.float32], voice: Voice) -> Sequence[Turn]:
        """Return who speaks when; see `SpeakerEngine.find`. Where a voice was detected does not count."""
        import torch

        inputs = self._processor(samples, sampling_rate=RATE, return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            probabilities = self._model(**inputs).logits[0].sigmoid().cpu().numpy()
        return sorted(turns(probabilities, self._frame, len(samples) / RATE), key=lambda turn: turn.start)

    def close(self) -> None:
        """Free the model."""
        self._model = None


def turns(probabilities: NDArray[np.float32], frame: float, duration: float) -> Iterator[Turn]:
    """Yield the turns of each speaker.

    Parameters
    ----------
    probabilities : ndarray of float, shape (frames, speakers)
        Probability that a speaker speaks in a frame.
    frame : float
        Seconds of a frame.
    duration : float
        Length of the sound, seconds; frames may go beyond it.

    Yields
    ------
    Turn
        The turns, speaker by speaker; those of several speakers may overlap.
    """
    import numpy as np

    for speaker, row in enumerate(probabilities.T):
        frames = np.flatnonzero(row >= SPEAKS)
        if not len(frames):
            continue
        for run in np.split(frames, np.flatnonzero(np.diff(frames) * frame > SHORTEST) + 1):
            start, end = run[0] * frame, min((run[-1] + 1) * frame, duration)
            if end - start >= SHORTEST:
                yield Turn(speaker, float(start), float(end), float(row[run[0] : run[-1] + 1].mean()))
