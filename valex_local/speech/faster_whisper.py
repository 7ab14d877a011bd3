"""Whisper on CTranslate2, by faster-whisper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.gpu import CUBLAS, load_cublas
from valex_local.speech.engine import Heard, HeardWord, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.devices import Device
    from valex_local.store import StoredModel

SLOT = 30
"""Seconds of sound a piece gets in a batch: Whisper's window."""
GPU_POSTS = 8
GPU_WINDOWS = 16

# With Whisper base on one core, int8 took 1.6 times less time than float32 over 328 s of synthetic speech, clean and in
# noise, and made no more errors (95 and 101 of 1024 words); but it changed words in mumbled speech and left out more
# ends of sentences, which break the lines of the script. So the default is the more faithful one, and a manifest may
# say int8 where time counts.
COMPUTE_TYPE = {"cpu": "float32", "cuda": "float16"}


class FasterWhisper:
    """A recogniser on CTranslate2 weights.

    The manifest's option `compute_type` says how to compute; left out, it is ``float32`` on the CPU and ``float16`` on
    a GPU. On the CPU the pieces go one by one, since matrix products of another shape differ in the last bits and
    batches do not pay there; on a GPU the pieces of several posts share batches.

    Raises
    ------
    ModelError
        The directory is incomplete or the weights cannot be loaded.
    MissingExtra
        A card is to be used and CTranslate2 finds no cuBLAS for it.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        _require_complete(model.folder)
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        if device.kind == "cuda" and not load_cublas():
            raise MissingExtra(CUBLAS, "gpu")
        compute_type = str(model.options.get("compute_type", COMPUTE_TYPE[device.kind]))
        try:
            self._model: Any = WhisperModel(
                str(model.folder), device=device.kind, compute_type=compute_type, cpu_threads=device.threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"CTranslate2 cannot load the weights ({error})",
                path=model.folder,
                hint=f"Check them with: valex models verify; check compute_type in the manifest of {model.id}",
            ) from error
        _require_same_mels(self._model, model.folder)
        self._batched: Any = BatchedInferencePipeline(self._model) if device.kind == "cuda" else None
        self.batch_size = GPU_POSTS if self._batched else 1
        self.languages = frozenset(self._model.supported_languages)

    def detect(self, piece: NDArray[np.float32]) -> Mapping[str, float]:
        """Return the probability of each language."""
        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        return dict(self._model.detect_language(piece)[2])

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: Task, beam_size: int
    ) -> list[list[Heard]]:
        """Return what was heard in each piece."""
        options = {
            "language": language,
            "task": task,
            "beam_size": beam_size,
            "word_timestamps": task == "transcribe",
            # As in OpenAI's decoder: half of the text context. It bounds the time a loop takes.
            "max_new_tokens": self._model.max_length // 2,
            # No sampling: what it drew would depend on the posts before. What beam search cannot make out is dropped.
            "temperature": [0.0],
        }
        if self._batched:
            return self._in_batches(pieces, options)
        # Thresholds are ours, later and openly: here nothing may be left out.
        options |= {"no_speech_threshold": None, "log_prob_threshold": None, "compression_ratio_threshold": None}
        options |= {"condition_on_previous_text": False}
        return [_heard(self._model.transcribe(piece, **options)[0], offset=0.0) for piece in pieces]

    def _in_batches(self, pieces: Sequence[NDArray[np.float32]], options: dict[str, Any]) -> list[list[Heard]]:
        """Recognise pieces of several posts together: laid side by side on one track, a slot each."""
        import numpy as np
        from faster_whisper.transcribe import get_compression_ratio

        rate = self._model.feature_extractor.sampling_rate
        track = np.zeros(len(pieces) * SLOT * rate, np.float32)
        clips = []
        for i, piece in enumerate(pieces):
            track[i * SLOT * rate :][: len(piece)] = piece
            clips.append({"start": i * SLOT, "end": i * SLOT + len(piece) / rate})
        segments, _ = self._batched.transcribe(
            track, clip_timestamps=clips, batch_size=GPU_WINDOWS, without_timestamps=False, **options
        )
        slots: list[list[Any]] = [[] for _ in pieces]
        for segment in segments:
            slots[segment.seek // (SLOT * self._model.frames_per_second)].append(segment)
        for slot in slots:
            # The batched pipeline takes the ratio of each segment alone, which hides a loop over many segments.
            ratio = get_compression_ratio("".join(segment.text for segment in slot).strip())
            for segment in slot:
                segment.compression_ratio = ratio
        return [_heard(slot, offset=float(i * SLOT)) for i, slot in enumerate(slots)]

    def close(self) -> None:
        """Free the model."""
        self._batched = None
        self._model = None


def _heard(segments: Iterable[Any], *, offset: float) -> list[Heard]:
    return [
        Heard(
            start=segment.start - offset,
            end=segment.end - offset,
            text=segment.text,
            words=tuple(
                HeardWord(word.word, word.start - offset, word.end - offset, float(word.probability))
                for word in segment.words or ()
            ),
            avg_logprob=float(segment.avg_logprob),
            no_speech_probability=float(segment.no_speech_prob),
            compression_ratio=float(segment.compression_ratio),
        )
        for segment in segments
    ]


def _require_complete(folder: Path) -> None:
    """Refuse an incomplete directory: without tokenizer.json, faster-whisper would ask a hub for it."""
    vocabulary = "vocabulary.json" if (folder / "vocabulary.json").is_file() else "vocabulary.txt"
    for name in ("config.json", "model.bin", "tokenizer.json", vocabulary):
        if not (folder / name).is_file():
            raise ModelError(
                f"the model has no {name}",
                path=folder,
                hint="A CTranslate2 Whisper directory needs config.json, model.bin, tokenizer.json and its vocabulary",
            )


def _require_same_mels(model: Any, folder: Path) -> None:
    """Refuse a large-v3 without preprocessor_config.json: its 128 mel bands would be taken for 80."""
    wanted, given = model.model.n_mels, model.feature_extractor.mel_filters.shape[0]
    if wanted != given:
        raise ModelError(
            f"the model takes {wanted} mel bands and its preprocessor_config.json, or the lack of one, says {given}",
            path=folder,
            hint="Put the preprocessor_config.json of the same conversion beside model.bin",
        )
