"""The interface of speech recognition engines, their results, and the table of engines."""

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

SpeechTask = Literal["transcribe", "translate"]

ENGINES = {
    "faster-whisper": "valex_local.stages.speech.faster_whisper:FasterWhisper",
    "openai-whisper": "valex_local.stages.speech.openai_whisper:OpenaiWhisper",
    "parakeet": "valex_local.stages.speech.parakeet:Parakeet",
    "qwen3-asr": "valex_local.stages.speech.qwen3_asr:QwenAsr",
}
"""Engine names, as in a model's manifest, to classes, as ``module:name``."""


@dataclass(frozen=True)
class RecognisedWord:
    """A word, with times in seconds from the start of its audio piece; the text keeps Whisper's leading space."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class RawSegment:
    """A segment as the engine recognised it, before filtering.

    Times are seconds from the start of the piece. `avg_logprob` (mean over the tokens), `no_speech_probability` and
    `compression_ratio` belong to the whole decoding window, so neighbours share them; an engine that has no probability
    of silence gives None for it. `words` is empty for translations, whose words have no time in the audio, and where an
    engine cannot time them. `said_again` is no figure of the engine: it is set where repeated words were found to be
    really said, and the compression ratio then says nothing against them.
    """

    start: float
    end: float
    text: str
    words: tuple[RecognisedWord, ...]
    avg_logprob: float
    no_speech_probability: float | None
    compression_ratio: float
    said_again: bool = False


class SpeechEngine(Protocol):
    """Recognises pieces of audio: float32 arrays of 16 kHz mono, each shorter than 30 seconds.

    Attributes
    ----------
    batch_size : int
        Number of posts per call; 1 where the words of a piece must not depend on the other pieces.
    languages : frozenset of str
        Codes of the languages the model knows.
    detects : bool
        Whether it says which of its languages it heard; otherwise the language must be set, unless there is only one.
    translates : bool
        Whether it may be able to translate to English.
    """

    batch_size: int
    languages: frozenset[str]
    detects: bool
    translates: bool

    def detect(self, piece: NDArray[np.float32], *, brief: bool = False) -> Mapping[str, float]:
        """Return the probability of each language.

        Parameters
        ----------
        piece : ndarray of float32, shape (n,)
            16 kHz mono, shorter than 30 seconds.
        brief : bool
            Whether the engine may encode the piece alone rather than a whole window of 30 seconds, which costs less.
            For single lines; a piece that is recognised next is better encoded as a whole.

        Returns
        -------
        mapping of str to float
            Language code to probability.
        """

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: SpeechTask, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return the segments of each piece, unfiltered.

        Parameters
        ----------
        pieces : sequence of ndarray of float32, shape (n,)
            16 kHz mono, each shorter than 30 seconds.
        language : str
            Language code.
        task : {"transcribe", "translate"}
            Whether to translate to English.
        beam_size : int
            Number of beams of the decoder.

        Returns
        -------
        list of list of RawSegment
            For each piece its segments, in order of time.
        """

    def close(self) -> None:
        """Free the model."""


def load_engine(model: StoredModel, device: Device) -> SpeechEngine:
    """Return the engine of a stored model, loaded.

    Raises
    ------
    ModelError
        There is no engine of that name, or it cannot load the weights.
    """
    engine: SpeechEngine = find_engine(model, ENGINES)(model, device)
    return engine
