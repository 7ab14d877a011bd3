"""Qwen3-ASR (Qwen team 2026) through transformers: a language model that hears, and an aligner that times its words.

The model writes ``language English<asr_text>`` and then the words. So how likely it would name each language tells the
language, and a language is set by writing that beginning for it. It knows no times: they come from the forced aligner
that its manifest requires, a model of the same family that is given audio and words. Words of languages that the
aligner does not know have no times of their own; such a segment is as long as the piece that was recognised.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from valex_local.errors import ConfigError
from valex_local.stages.speech.engine import RawSegment, RecognisedWord, SpeechTask
from valex_local.stages.speech.pretrained import load_pretrained
from valex_local.system.hugging_face import quiet

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device

RATE = 16_000
MOST_TOKENS = 448
"""Tokens to write for a piece, as many as Whisper writes for 30 seconds; only a loop takes more."""

NAMES = {
    "ar": "Arabic", "cs": "Czech", "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fil": "Filipino", "fr": "French", "hi": "Hindi", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "mk": "Macedonian", "ms": "Malay",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian", "sv": "Swedish",
    "th": "Thai", "tr": "Turkish", "vi": "Vietnamese", "yue": "Cantonese", "zh": "Chinese",
}  # fmt: skip
"""Languages of the model by code, in the words it was trained with."""

ALIGNED = frozenset({"de", "en", "es", "fr", "it", "pt", "ru", "yue", "zh"})
"""Languages whose words the aligner times. It knows Japanese and Korean too, but only in words as two libraries split
them, which are not dependencies of this program."""

ALIGNER = "aligner"
"""Role of the model that times words."""


class QwenAsr:
    """A speech engine on a directory as published for transformers, with an aligner among the models it requires.

    Pieces are recognised one at a time and greedily. Without an aligner no word has a time.
    """

    batch_size = 1
    detects = True
    translates = False
    languages = frozenset(NAMES)

    def __init__(self, model: StoredModel, device: Device) -> None:
        from transformers import Qwen3ASRForConditionalGeneration

        dtype = "bfloat16" if device.kind == "cuda" else "float32"
        self._processor, self._model = load_pretrained(
            model.folder, Qwen3ASRForConditionalGeneration, device, name="Qwen3-ASR", dtype=dtype
        )
        aligners = [required for required in model.requires.values() if required.role == ALIGNER]
        self._aligner = Aligner(aligners[0], device) if aligners else None

    def detect(self, piece: NDArray[np.float32], *, brief: bool = False) -> Mapping[str, float]:
        """Return the probability that the model names each language; see `SpeechEngine.detect`.

        Languages whose names begin with the same token share its probability. The sum is below 1 where the model
        would rather name none.
        """
        import torch

        with torch.inference_mode(), quiet():
            logits = self._model(**self._inputs(piece, "language"), logits_to_keep=1).logits[0, -1]
        probabilities = logits.float().softmax(0)
        tokenizer = self._processor.tokenizer
        first = {code: tokenizer.encode(f" {name}", add_special_tokens=False)[0] for code, name in NAMES.items()}
        shared = list(first.values())
        return {code: float(probabilities[token]) / shared.count(token) for code, token in first.items()}

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: SpeechTask, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return the segment of each piece, unfiltered; see `SpeechEngine.recognise`."""
        if task != "transcribe":
            raise ConfigError(
                "this speech model does not translate", hint="Leave out speech.translate, or use Whisper large-v3"
            )
        return [self._recognise(piece, language) for piece in pieces]

    def _recognise(self, piece: NDArray[np.float32], language: str) -> list[RawSegment]:
        import torch

        inputs = self._inputs(piece, f"language {NAMES[language]}<asr_text>")
        chosen = _Chosen()
        with torch.inference_mode(), quiet():
            written = self._model.generate(
                **inputs, do_sample=False, num_beams=1, max_new_tokens=MOST_TOKENS, logits_processor=[chosen]
            )
        tokens = written[0, inputs["input_ids"].shape[1] :].tolist()
        # Not the processor's own parsing, which shortens repetitions without a word: filters.py must see them.
        ends = list(self._ends(tokens))
        text = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
        if not text.strip():
            return []
        average = sum(chosen.logprobs) / len(chosen.logprobs)
        words: tuple[RecognisedWord, ...] = ()
        if self._aligner is not None and language in ALIGNED:
            words = tuple(_timed(text, self._aligner.times(piece, text, language), ends, chosen.logprobs))
        return [
            RawSegment(
                start=words[0].start if words else 0.0,
                end=words[-1].end if words else len(piece) / RATE,
                text="".join(word.text for word in words) or text,
                words=words,
                avg_logprob=average,
                no_speech_probability=None,
                compression_ratio=len(text.encode()) / len(zlib.compress(text.encode())),
            )
        ]

    def _inputs(self, piece: NDArray[np.float32], beginning: str) -> Any:
        """Return what the model reads: the piece, and the beginning of its answer."""
        prompt = self._processor.apply_transcription_request(piece, tokenize=False)
        inputs = self._processor(
            text=[text + beginning for text in prompt], audio=[piece], sampling_rate=RATE, return_tensors="pt"
        )
        return inputs.to(self._model.device, self._model.dtype)

    def _ends(self, tokens: Sequence[int]) -> Iterator[int]:
        """Yield where in the text each token ends; one that is only a part of a character ends before it."""
        tokenizer = self._processor.tokenizer
        for count in range(1, len(tokens) + 1):
            yield len(tokenizer.decode(tokens[:count], skip_special_tokens=True).rstrip("\ufffd"))

    def close(self) -> None:
        """Free the models."""
        self._model = None
        self._aligner = None


class Aligner:
    """Times the words of a text in its audio: Qwen3-ForcedAligner, which classifies where each begins and ends."""

    def __init__(self, model: StoredModel, device: Device) -> None:
        from transformers import Qwen3ASRForTokenClassification

        self._processor, self._model = load_pretrained(
            model.folder, Qwen3ASRForTokenClassification, device, name="Qwen3-ForcedAligner"
        )

    def times(self, piece: NDArray[np.float32], text: str, language: str) -> list[tuple[str, float, float]]:
        """Return the words of a text without punctuation, each with start and end.

        Parameters
        ----------
        piece : ndarray of float32, shape (n,)
            16 kHz mono.
        text : str
            What is said in it.
        language : str
            Its code, one of `ALIGNED`.

        Returns
        -------
        list of tuple of str, float and float
            Seconds from the start of the piece, never decreasing, none after its end; empty for a text without words.
        """
        import torch

        if not self._processor.split_words_for_alignment(text, NAMES[language]):
            return []
        inputs, words = self._processor.prepare_forced_aligner_inputs(piece, text, NAMES[language])
        inputs = inputs.to(self._model.device, self._model.dtype)
        with torch.inference_mode(), quiet():
            logits = self._model(**inputs).logits
        (timed,) = self._processor.decode_forced_alignment(
            logits, inputs["input_ids"], words, self._model.config.timestamp_token_id
        )
        longest = len(piece) / RATE
        return [(word["text"], min(word["start_time"], longest), min(word["end_time"], longest)) for word in timed]


class _Chosen:
    """A logits processor that changes nothing and keeps the log-probability of the likeliest token of each step."""

    def __init__(self) -> None:
        self.logprobs: list[float] = []

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.logprobs.append(float(scores[0].float().log_softmax(0).max()))
        return scores


def _timed(
    text: str, timed: Sequence[tuple[str, float, float]], ends: Sequence[int], logprobs: Sequence[float]
) -> Iterator[RecognisedWord]:
    """Yield the words of a text with times; together they are the text.

    Parameters
    ----------
    text : str
        What was recognised.
    timed : sequence of tuple of str, float and float
        Its words in order, without punctuation, with start and end.
    ends : sequence of int
        Where in the text each token ends.
    logprobs : sequence of float
        The log-probability of each token.
    """
    at = 0
    cuts = _cuts(text, [word for word, _, _ in timed])
    for (_, start, end), cut in zip(timed, cuts, strict=True):
        own = [logprob for last, logprob in zip(ends, logprobs, strict=False) if at < last <= cut] or logprobs
        yield RecognisedWord(text[at:cut], start, end, exp(sum(own) / len(own)))
        at = cut


def _cuts(text: str, words: Sequence[str]) -> Iterator[int]:
    """Yield where each word ends in the text, with the punctuation behind it; the last ends with the text."""
    at = 0
    for number, word in enumerate(words):
        for letter in word:
            at = text.index(letter, at) + 1
        if number == len(words) - 1:
            at = len(text)
        while at < len(text) and not text[at].isspace() and not text[at].isalnum():
            at += 1
        yield at
