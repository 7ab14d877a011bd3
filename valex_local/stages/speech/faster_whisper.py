"""Whisper on CTranslate2, by faster-whisper."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.stages.speech.engine import HeardWord, RawSegment, Task
from valex_local.stages.speech.vad import SHORTEST_PIECE
from valex_local.system.gpu import CUBLAS, load_cublas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

SLOT = 30
"""Seconds of sound a piece gets in a batch: Whisper's window."""
POSTS_AT_ONCE = {"cpu": 4, "cuda": 8}
WINDOWS_AT_ONCE = {"cpu": 4, "cuda": 16}
"""On the CPU 8 windows save no more time than 4, and take twice the memory."""
WINDOWS_KEPT = 32
"""What the encoder made of a window is some megabytes large."""
TIMESTAMP_SECONDS = 0.02

# With Whisper base on one core, int8 took 1.6 times less time than float32 over 328 s of synthetic speech, clean and in
# noise, and made no more errors (95 and 101 of 1024 words); but it changed words in mumbled speech and left out more
# ends of sentences, which break the lines of the script. So the default is the more faithful one, and a manifest may
# say int8 where time counts.
COMPUTE_TYPE = {"cpu": "float32", "cuda": "float16"}


class FasterWhisper:
    """A recogniser on CTranslate2 weights.

    The manifest's option `compute_type` says how to compute; left out, it is ``float32`` on the CPU and ``float16`` on
    a GPU. Its option `batches` says whether the pieces of several posts share batches; left out, they do on a GPU. On
    the CPU they go one by one, for matrix products of another shape differ in the last bits, and with them now and then
    a word: what is heard in a post would hang on the posts beside it. In 8 bits, where batches pay most, they save a
    tenth of the time.

    Raises
    ------
    ModelError
        The directory is incomplete or the weights cannot be loaded.
    MissingExtra
        A card is to be used and CTranslate2 finds no cuBLAS for it.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        _require_complete(model.folder)
        if device.kind == "cuda" and not load_cublas():
            raise MissingExtra(CUBLAS, "gpu")
        compute_type = str(model.options.get("compute_type", COMPUTE_TYPE[device.kind]))
        try:
            self._model: Any = _whisper(
                str(model.folder), device=device.kind, compute_type=compute_type, cpu_threads=device.threads
            )
        except (RuntimeError, ValueError) as error:
            raise ModelError(
                f"CTranslate2 cannot load the weights ({error})",
                path=model.folder,
                hint=f"Check them with: valex models verify; check compute_type in the manifest of {model.id}",
            ) from error
        _require_same_mels(self._model, model.folder)
        batches = bool(model.options.get("batches", device.kind == "cuda"))
        self._batches: Any = _batches(self._model) if batches else None
        self._windows = WINDOWS_AT_ONCE[device.kind]
        self.batch_size = POSTS_AT_ONCE[device.kind] if batches else 1
        self.languages = frozenset(self._model.supported_languages)

    def detect(self, piece: NDArray[np.float32]) -> Mapping[str, float]:
        """Return the probability of each language."""
        from faster_whisper.audio import pad_or_trim

        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        # As the library cuts the first window when it recognises: the last frame reaches beyond the sound.
        window = pad_or_trim(self._model.feature_extractor(piece)[:, :-1])
        encoded = self._model.encode(window)
        if self._batches is None:
            self._model.keep(window, encoded)
        (probabilities,) = self._model.model.detect_language(encoded)
        return {token.removeprefix("<|").removesuffix("|>"): share for token, share in probabilities}

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: Task, beam_size: int
    ) -> list[list[RawSegment]]:
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
        if self._batches is not None:
            return self._in_rounds(pieces, options)
        # Thresholds are ours, later and openly: here nothing may be left out.
        options |= {"no_speech_threshold": None, "log_prob_threshold": None, "compression_ratio_threshold": None}
        options |= {"condition_on_previous_text": False}
        return [_heard(self._model.transcribe(piece, **options)[0], offset=0.0) for piece in pieces]

    def _in_rounds(self, pieces: Sequence[NDArray[np.float32]], options: dict[str, Any]) -> list[list[RawSegment]]:
        """Recognise pieces of several posts together, and again what Whisper left at their ends, until nothing is left.

        The batched pipeline of the library drops the rest of a window behind the last time that Whisper wrote.
        """
        rate = self._model.feature_extractor.sampling_rate
        found: list[list[RawSegment]] = [[] for _ in pieces]
        due = [(number, 0.0) for number in range(len(pieces))]  # pieces, and the second from which they are due
        while due:
            rests = [pieces[number][round(start * rate) :] for number, start in due]
            heard, reached = self._in_batches(rests, options, starts=[start for _, start in due])
            for (number, _), lines in zip(due, heard, strict=True):
                found[number] += lines
            due = [
                (number, start + end)
                for (number, start), rest, end in zip(due, rests, reached, strict=True)
                if end is not None and len(rest) / rate - end >= SHORTEST_PIECE
            ]
        return found

    def _in_batches(
        self, pieces: Sequence[NDArray[np.float32]], options: dict[str, Any], *, starts: Sequence[float]
    ) -> tuple[list[list[RawSegment]], list[float | None]]:
        """Recognise pieces laid side by side on one track, a slot each; return also how far Whisper came in them."""
        import numpy as np
        from faster_whisper.transcribe import get_compression_ratio

        rate = self._model.feature_extractor.sampling_rate
        track = np.zeros(len(pieces) * SLOT * rate, np.float32)
        clips = []
        for i, piece in enumerate(pieces):
            track[i * SLOT * rate :][: len(piece)] = piece
            clips.append({"start": i * SLOT, "end": i * SLOT + len(piece) / rate})
        self._batches.reached = []
        segments, _ = self._batches.transcribe(
            track, clip_timestamps=clips, batch_size=self._windows, without_timestamps=False, **options
        )
        slots: list[list[Any]] = [[] for _ in pieces]
        for segment in segments:
            slots[segment.seek // (SLOT * self._model.frames_per_second)].append(segment)
        for slot in slots:
            # The batched pipeline takes the ratio of each segment alone, which hides a loop over many segments.
            ratio = get_compression_ratio("".join(segment.text for segment in slot).strip())
            for segment in slot:
                segment.compression_ratio = ratio
        heard = [
            _heard(slot, offset=i * SLOT - start) for i, (slot, start) in enumerate(zip(slots, starts, strict=True))
        ]
        return heard, self._batches.reached

    def close(self) -> None:
        """Free the model."""
        self._batches = None
        self._model = None


def _whisper(folder: str, **options: Any) -> Any:
    """Return the library's recogniser; what its encoder made of a window can be kept for when it comes again.

    A piece whose language is asked is recognised next, and the encoder takes a third of the time of both.
    """
    from faster_whisper import WhisperModel

    class Whisper(WhisperModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(folder, **options)
            self._kept: dict[bytes, Any] = {}

        def keep(self, window: NDArray[np.float32], encoded: Any) -> None:
            while len(self._kept) >= WINDOWS_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[_sum(window)] = encoded

        def encode(self, features: NDArray[np.float32]) -> Any:
            kept = self._kept.pop(_sum(features), None) if self._kept else None
            return super().encode(features) if kept is None else kept

    return Whisper()


def _sum(window: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(window.tobytes()).digest()


def _batches(model: Any) -> Any:
    """Return the library's pipeline of batches; it notes in `reached` how far Whisper came in each window."""
    from faster_whisper import BatchedInferencePipeline

    class Batches(BatchedInferencePipeline):  # type: ignore[misc]
        reached: list[float | None]

        def generate_segment_batched(self, features: Any, tokenizer: Any, options: Any) -> tuple[Any, list[Any]]:
            encoded, outputs = super().generate_segment_batched(features, tokenizer, options)
            self.reached += [_reached(output["tokens"], tokenizer.timestamp_begin) for output in outputs]
            return encoded, outputs

    return Batches(model)


def _reached(tokens: Sequence[int], first_time: int) -> float | None:
    """Return the second of a window from which Whisper has more to say; None where it said all.

    It marks the end of a segment by a time, and the start of the next by another one; a single time at the end means
    that nothing follows. Source: section 2.3 of Radford et al. (2022), and ``transcribe`` of openai-whisper.
    """
    times = [token - first_time for token in tokens]
    pairs = [at for at in range(1, len(times)) if times[at] >= 0 and times[at - 1] >= 0]
    ended = len(times) >= 2 and times[-2] < 0 <= times[-1]
    if ended or not pairs or times[pairs[-1] - 1] == 0:
        return None
    return times[pairs[-1] - 1] * TIMESTAMP_SECONDS


def _heard(segments: Iterable[Any], *, offset: float) -> list[RawSegment]:
    return [
        RawSegment(
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
