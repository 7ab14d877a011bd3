"""What a recogniser is, what it returns, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from valex_local.store.engines import find_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

Task = Literal["transcribe", "translate"]

ENGINES = {
    "faster-whisper": "valex_local.stages.speech.faster_whisper:FasterWhisper",
    "openai-whisper": "valex_local.stages.speech.openai_whisper:OpenaiWhisper",
}
"""Engine by the name a model's manifest gives."""


@dataclass(frozen=True)
class HeardWord:
    """A word, in seconds from the start of its piece of sound; the text carries Whisper's leading space."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class RawSegment:
    """What a recogniser made of a stretch, before anyone asked whether to believe it.

    Times are seconds from the start of the piece. `avg_logprob` (mean over the tokens), `no_speech_probability` and
    `compression_ratio` are Whisper's and belong to the whole decoding window, so neighbours share them. `words` is
    empty for translations, whose words have no place of their own in the sound.
    """

    start: float
    end: float
    text: str
    words: tuple[HeardWord, ...]
    avg_logprob: float
    no_speech_probability: float
    compression_ratio: float


class SpeechEngine(Protocol):
    """A recogniser of pieces of sound: float32 arrays of 16 kHz mono, each below 30 seconds.

    Attributes
    ----------
    batch_size : int
        Posts to hand over at once: 1 where a piece's words must not depend on its company.
    languages : frozenset of str
        Codes the model knows.
    """

    batch_size: int
    languages: frozenset[str]

    def detect(self, piece: NDArray[np.float32]) -> Mapping[str, float]:
        """Return the probability of each language."""

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: Task, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return what was heard in each piece, in order of time, leaving nothing out for being doubtful."""

    def close(self) -> None:
        """Free the model."""


def load_engine(model: StoredModel, device: Device) -> SpeechEngine:
    """Load the recogniser that a stored model asks for.

    Raises
    ------
    ModelError
        There is no engine of that name, or it cannot load the weights.
    """
    engine: SpeechEngine = find_engine(model, ENGINES)(model, device)
    return engine
