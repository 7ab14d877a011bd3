"""The engine of voice encoders: a vector for each window of a voice, clustered into speakers.

The windows overlap. Each tenth of a second goes to the speaker whose vector is nearest to those of the windows around
it. Two voices at once count as the louder one: overlap is not detected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import ceil
from typing import TYPE_CHECKING

from valex_local.stages.speakers.clustering import centres, clusters
from valex_local.stages.speakers.engine import Turn
from valex_local.stages.speakers.voice_encoder import VoiceEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.settings import SpeakersSettings
    from valex_local.stages.speech.vad import Voice
    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

WINDOW, STEP = 1.6, 0.4
"""Seconds of a window, as the encoder was trained; and at most between the starts of two."""
FRAME = 0.1
"""Seconds that go to one speaker together."""
SHORTEST = 0.3
"""Seconds. A shorter turn within a stretch of voice is taken as part of the one before."""
LEAST_WINDOWS = 3
"""A speaker has at least so many windows: about 2.4 seconds of speech, or three shorter stretches."""
CLUSTERED = 600
"""Maximum number of windows that are clustered; of a longer video they are spread evenly."""
SHARPNESS = 16.0
"""How fast the probability of a speaker rises with the difference of two cosines; fitted on synthetic dialogues."""


class Embeddings:
    """Finds speakers with a voice encoder.

    Parameters
    ----------
    model : StoredModel
        The encoder.
    device : Device
        Where to compute.
    settings : SpeakersSettings
        How alike the voices of one speaker are.

    Raises
    ------
    ModelError
        The weights cannot be loaded.
    """

    def __init__(self, model: StoredModel, device: Device, settings: SpeakersSettings) -> None:
        self._encoder = VoiceEncoder(model, device)
        self._threshold = settings.threshold

    def find(self, samples: NDArray[np.float32], voice: Voice) -> Sequence[Turn]:
        """Return who speaks when; see `SpeakerEngine.find`."""
        starts = windows(voice)
        if not starts:
            return ()
        vectors = self._encoder(samples, starts, WINDOW)
        few = vectors[:: ceil(len(vectors) / CLUSTERED)]
        speakers = centres(few, clusters(few, self._threshold, least=LEAST_WINDOWS))
        return tuple(turns(voice, _nearness(starts, vectors @ speakers.T)))

    def close(self) -> None:
        """Free the network."""
        self._encoder.close()


def windows(voice: Voice) -> list[float]:
    """Return where the windows start: spread over each stretch of voice, or around the middle of a shorter one."""
    starts = []
    for start, end in voice.stretches:
        spare = end - start - WINDOW
        steps = max(0, ceil(spare / STEP))
        first = start if steps else max(0.0, start + spare / 2)
        starts += [first + spare * n / max(1, steps) for n in range(steps + 1)]
    return starts


def _nearness(starts: Sequence[float], cosines: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how near each frame is to each speaker, shape (frames, speakers); windows count by how near they are."""
    import numpy as np

    frames = ceil((max(starts) + WINDOW) / FRAME) + 1
    sums, weights = np.zeros((frames, cosines.shape[1])), np.full((frames, 1), 1e-9)
    for start, row in zip(starts, cosines, strict=True):
        at = np.arange(int(start / FRAME), int((start + WINDOW) / FRAME) + 1)
        middle = np.abs((at + 0.5) * FRAME - start - WINDOW / 2) / (WINDOW / 2)
        weight = (np.maximum(1e-3, 1 - middle) ** 2)[:, None]
        sums[at] += weight * row
        weights[at] += weight
    return np.asarray(sums / weights)


def turns(voice: Voice, nearness: NDArray[np.float64]) -> Iterator[Turn]:
    """Yield who speaks when within the stretches of voice.

    Parameters
    ----------
    voice : Voice
        The stretches with a voice.
    nearness : ndarray of float, shape (frames, speakers)
        How near each frame of `FRAME` seconds is to each speaker.

    Yields
    ------
    Turn
        The turns, by start.
    """
    import numpy as np

    alone = nearness.shape[1] == 1
    for start, end in voice.stretches:
        first, last = int(start / FRAME), min(ceil(end / FRAME), len(nearness))
        at = first
        for speaker, length in _runs(nearness[first:last].argmax(axis=1)):
            own = nearness[at : at + length, speaker]
            others = np.delete(nearness[at : at + length], speaker, axis=1)
            confidence = None if alone else float(np.mean(1 / (1 + np.exp(-SHARPNESS * (own - others.max(axis=1))))))
            yield Turn(speaker, max(start, at * FRAME), min(end, (at + length) * FRAME), confidence)
            at += length


def _runs(speakers: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return the speakers of frames as (speaker, frames); runs below `SHORTEST` join those before, or else after."""
    runs: list[tuple[int, int]] = []
    waiting = 0
    for speaker, group in groupby(speakers.tolist()):
        length = len(list(group))
        if runs and (speaker == runs[-1][0] or length * FRAME < SHORTEST):
            runs[-1] = (runs[-1][0], runs[-1][1] + length)
        elif length * FRAME < SHORTEST and waiting + length < len(speakers):
            waiting += length
        else:
            runs.append((speaker, waiting + length))
            waiting = 0
    return runs or [(int(speakers[0]), waiting)]
