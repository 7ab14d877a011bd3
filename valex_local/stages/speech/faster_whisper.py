"""Whisper on CTranslate2, through faster-whisper."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.stages.speech.engine import RawSegment, RecognisedWord, SpeechTask
from valex_local.stages.speech.vad import SAMPLE_RATE, SHORTEST_PIECE
from valex_local.system.gpu import CUBLAS, load_cublas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

SLOT = 30
"""Seconds of audio per piece in a batch: Whisper's window."""
POSTS_AT_ONCE = {"cpu": 4, "cuda": 8}
WINDOWS_AT_ONCE = {"cpu": 4, "cuda": 16}
"""On the CPU, 8 windows save no more time than 4 and take twice the memory."""
CACHED_WINDOWS = 32
"""Encoder outputs that are cached; each takes a few megabytes."""
TIMESTAMP_SECONDS = 0.02
BRIEF_FRAMES = 500
"""Brief audio is padded to a multiple of so many frames of 10 ms. On 5 seconds the encoder takes a seventh of the time
that it takes on Whisper's window of 30, and the language is detected as well."""

# With Whisper base on one core, int8 was 1.6 times faster than float32 on 328 s of synthetic speech, clean and noisy,
# and made no more errors (95 and 101 of 1024 words); but it changed words in mumbled speech and omitted more sentence
# ends, which break the lines of the script. So the default is the more accurate one, and a manifest can set int8 where
# speed matters.
COMPUTE_TYPE = {"cpu": "float32", "cuda": "float16"}


class FasterWhisper:
    """A speech engine on CTranslate2 weights.

    The manifest's option `compute_type` sets the type of numbers; the default is ``float32`` on the CPU and ``float16``
    on a GPU. Its option `batches` says whether the pieces of several posts share batches; by default they do on a GPU.
    On the CPU they are recognised one by one: matrix products of different shapes differ in the last bits, which now
    and then changes a word, so the transcript of a post would depend on the other posts in its batch. Batches save at
    most a tenth of the time there (with int8).

    Raises
    ------
    ModelError
        The directory is incomplete or the weights cannot be loaded.
    MissingExtra
        A GPU is to be used and CTranslate2 finds no cuBLAS for it.
    """

    detects = True
    translates = True

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

    def detect(self, piece: NDArray[np.float32], *, brief: bool = False) -> Mapping[str, float]:
        """Return the probability of each language; see `SpeechEngine.detect`."""
        from faster_whisper.audio import pad_or_trim

        if not self._model.model.is_multilingual:
            return {"en": 1.0}
        # As the library cuts the first window when it transcribes: the last frame reaches beyond the audio.
        features = self._model.feature_extractor(piece)[:, :-1]
        frames = BRIEF_FRAMES * ceil(len(piece) / SAMPLE_RATE * self._model.frames_per_second / BRIEF_FRAMES)
        window = pad_or_trim(features, frames) if brief else pad_or_trim(features)
        encoded = self._model.encode(window)
        if self._batches is None and not brief:
            self._model.cache(window, encoded)
        (probabilities,) = self._model.model.detect_language(encoded)
        return {token.removeprefix("<|").removesuffix("|>"): share for token, share in probabilities}

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: SpeechTask, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return the segments of each piece, unfiltered; see `SpeechEngine.recognise`."""
        options = {
            "language": language,
            "task": task,
            "beam_size": beam_size,
            "word_timestamps": task == "transcribe",
            # As in OpenAI's decoder: half of the text context. It limits the time a repetition loop takes.
            "max_new_tokens": self._model.max_length // 2,
            # No sampling: it would depend on the posts before. What beam search cannot recognise is dropped.
            "temperature": [0.0],
        }
        if self._batches is not None:
            return self._in_rounds(pieces, options)
        # No thresholds here: filters.py applies them and records what it drops.
        options |= {"no_speech_threshold": None, "log_prob_threshold": None, "compression_ratio_threshold": None}
        options |= {"condition_on_previous_text": False}
        return [_segments(self._model.transcribe(piece, **options)[0], offset=0.0) for piece in pieces]

    def _in_rounds(self, pieces: Sequence[NDArray[np.float32]], options: dict[str, Any]) -> list[list[RawSegment]]:
        """Recognise pieces of several posts together, then what Whisper left at their ends, until nothing is left.

        The library's batched pipeline drops the rest of a window after the last timestamp that Whisper wrote.
        """
        rate = self._model.feature_extractor.sampling_rate
        found: list[list[RawSegment]] = [[] for _ in pieces]
        due = [(number, 0.0) for number in range(len(pieces))]  # pieces, and the second from which they are to be done
        while due:
            rests = [pieces[number][round(start * rate) :] for number, start in due]
            segments, reached = self._in_batches(rests, options, starts=[start for _, start in due])
            for (number, _), lines in zip(due, segments, strict=True):
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
        """Recognise pieces placed side by side on one track, a slot each; also return how far Whisper got in each."""
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
            # The batched pipeline computes the ratio of each segment alone, which hides a loop over many segments.
            ratio = get_compression_ratio("".join(segment.text for segment in slot).strip())
            for segment in slot:
                segment.compression_ratio = ratio
        found = [
            _segments(slot, offset=i * SLOT - start) for i, (slot, start) in enumerate(zip(slots, starts, strict=True))
        ]
        return found, self._batches.reached

    def close(self) -> None:
        """Free the model."""
        self._batches = None
        self._model = None


def _whisper(folder: str, **options: Any) -> Any:
    """Return the library's model, with a cache of encoder outputs.

    A piece whose language was detected is recognised next, and the encoder takes a third of the time of both.
    """
    from faster_whisper import WhisperModel

    class Whisper(WhisperModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(folder, **options)
            self._cache: dict[bytes, Any] = {}

        def cache(self, window: NDArray[np.float32], encoded: Any) -> None:
            while len(self._cache) >= CACHED_WINDOWS:
                del self._cache[next(iter(self._cache))]
            self._cache[_checksum(window)] = encoded

        def encode(self, features: NDArray[np.float32]) -> Any:
            cached = self._cache.pop(_checksum(features), None) if self._cache else None
            return super().encode(features) if cached is None else cached

    return Whisper()


def _checksum(window: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(window.tobytes()).digest()


def _batches(model: Any) -> Any:
    """Return the library's batched pipeline, which records in `reached` how far Whisper got in each window."""
    from faster_whisper import BatchedInferencePipeline

    class Batches(BatchedInferencePipeline):  # type: ignore[misc]
        reached: list[float | None]

        def generate_segment_batched(self, features: Any, tokenizer: Any, options: Any) -> tuple[Any, list[Any]]:
            encoded, outputs = super().generate_segment_batched(features, tokenizer, options)
            self.reached += [_reached(output["tokens"], tokenizer.timestamp_begin) for output in outputs]
            return encoded, outputs

    return Batches(model)


def _reached(tokens: Sequence[int], first_time: int) -> float | None:
    """Return the second of a window from which there is more to recognise; None if there is nothing more.

    Whisper ends a segment with a timestamp and starts the next with another; a single timestamp at the end means that
    nothing follows. Source: section 2.3 of Radford et al. (2022), and ``transcribe`` of openai-whisper.
    """
    times = [token - first_time for token in tokens]
    pairs = [at for at in range(1, len(times)) if times[at] >= 0 and times[at - 1] >= 0]
    ended = len(times) >= 2 and times[-2] < 0 <= times[-1]
    if ended or not pairs or times[pairs[-1] - 1] == 0:
        return None
    return times[pairs[-1] - 1] * TIMESTAMP_SECONDS


def _segments(segments: Iterable[Any], *, offset: float) -> list[RawSegment]:
    return [
        RawSegment(
            start=segment.start - offset,
            end=segment.end - offset,
            text=segment.text,
            words=tuple(
                RecognisedWord(word.word, word.start - offset, word.end - offset, float(word.probability))
                for word in segment.words or ()
            ),
            avg_logprob=float(segment.avg_logprob),
            no_speech_probability=float(segment.no_speech_prob),
            compression_ratio=float(segment.compression_ratio),
        )
        for segment in segments
    ]


def _require_complete(folder: Path) -> None:
    """Raise if the directory is incomplete; without tokenizer.json, faster-whisper would try to download one."""
    vocabulary = "vocabulary.json" if (folder / "vocabulary.json").is_file() else "vocabulary.txt"
    for name in ("config.json", "model.bin", "tokenizer.json", vocabulary):
        if not (folder / name).is_file():
            raise ModelError(
                f"the model has no {name}",
                path=folder,
                hint="A CTranslate2 Whisper directory needs config.json, model.bin, tokenizer.json and its vocabulary",
            )


def _require_same_mels(model: Any, folder: Path) -> None:
    """Raise for a large-v3 model without preprocessor_config.json; 80 mel bands would be computed instead of 128."""
    wanted, given = model.model.n_mels, model.feature_extractor.mel_filters.shape[0]
    if wanted != given:
        raise ModelError(
            f"the model needs {wanted} mel bands, but {given} are set by its preprocessor_config.json or by default",
            path=folder,
            hint="Put the preprocessor_config.json of the same conversion next to model.bin",
        )
