"""An encoder of voices: sounds of one voice get similar vectors, whatever is said.

The network of Wan et al. (2018), *Generalized end-to-end loss for speaker verification*, as the package resemblyzer
trained it: an LSTM of three layers over the mel spectrogram of 1.6 seconds. Only its weights are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

WEIGHTS = "pretrained.pt"
SAMPLE_RATE = 16000
HOP, WINDOW = 160, 400
"""Samples between frames of the spectrogram, and in each."""
MELS = 40
LAYERS = 3
LOUDNESS = -30.0
"""Level to which quieter sound is raised, dB relative to full scale: the spectrogram is of power, not its logarithm."""
AT_ONCE = 64
"""Windows per batch."""


class VoiceEncoder:
    """The encoder of a stored model.

    Parameters
    ----------
    model : StoredModel
        The model, with the file `WEIGHTS`.
    device : Device
        Where to compute.

    Raises
    ------
    ModelError
        The weights are not those of such an encoder.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        import torch

        self._device = device.kind
        self._torch: Any = torch
        self._lstm, self._linear = (part.to(self._device).eval() for part in _network(model.folder / WEIGHTS))
        self._filters: Any = _mel_filters(self._device)

    def __call__(self, samples: NDArray[np.float32], starts: Sequence[float], seconds: float) -> NDArray[np.float32]:
        """Return the vectors of windows of a sound.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            16 kHz mono.
        starts : sequence of float
            Where the windows start, seconds.
        seconds : float
            How long each is; the encoder was trained on 1.6.

        Returns
        -------
        ndarray of float32, shape (windows, dimensions)
            Vectors of length 1, with no negative component.
        """
        torch, frames = self._torch, round(seconds * SAMPLE_RATE / HOP)
        with torch.inference_mode(), _one_thread():
            mels = self.spectrogram(samples)
            missing = max((round(start * SAMPLE_RATE / HOP) + frames for start in starts), default=0) - len(mels)
            mels = torch.nn.functional.pad(mels, (0, 0, 0, max(0, missing)))
            windows = [mels[at : at + frames] for at in (round(start * SAMPLE_RATE / HOP) for start in starts)]
            found = [self._vectors(windows[at : at + AT_ONCE]) for at in range(0, len(windows), AT_ONCE)]
            vectors: NDArray[np.float32] = torch.cat([torch.zeros((0, self._linear.out_features)), *found]).numpy()
        return vectors

    def _vectors(self, windows: Sequence[Any]) -> Any:
        torch = self._torch
        _, (hidden, _) = self._lstm(torch.stack(list(windows)))
        vectors = torch.relu(self._linear(hidden[-1]))
        return (vectors / vectors.norm(dim=1, keepdim=True).clamp(min=1e-9)).cpu()

    def spectrogram(self, samples: NDArray[np.float32]) -> Any:
        """Return the mel spectrogram of a sound: power, a tensor of shape (frames, `MELS`)."""
        torch = self._torch
        sound = torch.from_numpy(louder(samples)).to(self._device)
        window = torch.hann_window(WINDOW, device=self._device)
        spectrum = torch.stft(sound, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
        return (spectrum.abs() ** 2).T @ self._filters

    def close(self) -> None:
        """Free the network."""
        self._lstm = self._linear = None


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute in one thread: the steps of an LSTM are too small to share, and two took six times the CPU time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def louder(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a sound raised to `LOUDNESS`; one that is louder, or silent, as it is."""
    import numpy as np

    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    raised = 10 ** (LOUDNESS / 20) / np.sqrt(power) if power else 1.0
    return samples if raised <= 1 else (samples * raised).astype(np.float32)


def _mel_filters(device: str) -> Any:
    import torch
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        WINDOW // 2 + 1, MELS, 0.0, SAMPLE_RATE / 2, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return torch.from_numpy(filters).float().to(device)


def _network(path: Path) -> tuple[Any, Any]:
    """Return the LSTM and the layer after it; of the file, only tensors are read."""
    import pickle

    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["model_state"]
        hidden, size = state["lstm.weight_hh_l0"].shape[1], state["linear.weight"].shape[0]
        lstm, linear = torch.nn.LSTM(MELS, hidden, LAYERS, batch_first=True), torch.nn.Linear(hidden, size)
        for name, part in (("lstm.", lstm), ("linear.", linear)):
            part.load_state_dict({k.removeprefix(name): v for k, v in state.items() if k.startswith(name)})
    except (OSError, EOFError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"these are no weights of a voice encoder ({type(error).__name__})",
            path=path,
            hint="Check them with: valex models verify",
        ) from error
    return lstm, linear
