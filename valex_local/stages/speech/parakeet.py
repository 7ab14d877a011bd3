"""Parakeet TDT (Xu et al. 2023) through transformers: a transducer that predicts how long each token lasts.

The model does not say which language it heard, nor how likely it heard speech at all. So the language is set by the
user, and the no-speech probability stays open. It does not translate either.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.errors import ConfigError, ModelError
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
_WORD = "▁"
"""How SentencePiece marks the beginning of a word."""


@dataclass(frozen=True)
class _Token:
    """A token as the model wrote it: its piece of text, its frames, and its log-probability."""

    id: int
    piece: str
    first: int
    last: int
    logprob: float


class Parakeet:
    """A speech engine on a directory with ``config.json``, ``model.safetensors``, processor and tokenizer.

    The option ``languages`` of its manifest lists the codes of the languages that the model knows. Pieces are
    recognised one at a time and greedily: the model knows no beams.
    """

    batch_size = 1
    detects = False
    translates = False

    def __init__(self, model: StoredModel, device: Device) -> None:
        from transformers import ParakeetForTDT

        self.languages = _languages(model)
        self._processor, self._model = load_pretrained(model.folder, ParakeetForTDT, device, name="Parakeet")
        extractor = self._processor.feature_extractor
        self._frame = extractor.hop_length / RATE * self._model.config.encoder_config.subsampling_factor

    def detect(self, piece: NDArray[np.float32], *, brief: bool = False) -> Mapping[str, float]:
        """Return the only language; see `SpeechEngine.detect`.

        Raises
        ------
        ConfigError
            The model knows several languages, and does not say which one it heard.
        """
        if len(self.languages) > 1:
            raise ConfigError(
                "this speech model does not detect languages", hint="Set the language: --set speech.language=en"
            )
        return dict.fromkeys(self.languages, 1.0)

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: SpeechTask, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return the segments of each piece, unfiltered; see `SpeechEngine.recognise`."""
        if task != "transcribe":
            raise ConfigError(
                "this speech model does not translate", hint="Leave out speech.translate, or use Whisper large-v3"
            )
        return [self._recognise(piece) for piece in pieces]

    def _recognise(self, piece: NDArray[np.float32]) -> list[RawSegment]:
        import torch

        inputs = self._processor(piece, sampling_rate=RATE).to(self._model.device)
        chosen: list[torch.Tensor] = []
        with torch.inference_mode(), quiet():
            out = self._model.generate(**inputs, do_sample=False, logits_processor=[_Recorder(chosen)])
        tokens = list(self._tokens(out.sequences[0].tolist(), out.durations[0].tolist(), chosen))
        words = tuple(_words(tokens, self._frame, len(piece) / RATE))
        if not words:
            return []
        text = "".join(word.text for word in words)
        return [
            RawSegment(
                start=words[0].start,
                end=words[-1].end,
                text=text,
                words=words,
                avg_logprob=sum(token.logprob for token in tokens) / len(tokens),
                no_speech_probability=None,
                compression_ratio=len(text.encode()) / len(zlib.compress(text.encode())),
            )
        ]

    def _tokens(self, ids: Sequence[int], durations: Sequence[int], chosen: Sequence[torch.Tensor]) -> Iterator[_Token]:
        """Yield the tokens that are text; the first of `ids` only begins the decoding and was not chosen."""
        tokenizer = self._processor.tokenizer
        silent = {self._model.config.blank_token_id, self._model.config.pad_token_id, *tokenizer.all_special_ids}
        at = 0
        for token, duration, scores in zip(ids[1:], durations[1:], chosen, strict=False):
            if token not in silent:
                vocabulary = scores[: self._model.config.vocab_size].float().log_softmax(0)
                piece = tokenizer.convert_ids_to_tokens(token)
                yield _Token(token, piece, at, at + duration, float(vocabulary[token]))
            at += duration

    def close(self) -> None:
        """Free the model."""
        self._model = None


class _Recorder:
    """A logits processor that changes nothing and keeps the scores of each step."""

    def __init__(self, chosen: list[torch.Tensor]) -> None:
        self._chosen = chosen

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._chosen.append(scores[0])
        return scores


def _words(tokens: Sequence[_Token], frame: float, duration: float) -> Iterator[RecognisedWord]:
    """Yield the words of a piece; a token that begins with the mark of SentencePiece begins a word."""
    from math import exp

    groups: list[list[_Token]] = []
    for token in tokens:
        if token.piece.startswith(_WORD) or not groups:
            groups.append([])
        groups[-1].append(token)
    for group in groups:
        text = "".join(token.piece for token in group).replace(_WORD, " ")
        if text.strip():
            start, end = min(group[0].first * frame, duration), min(group[-1].last * frame, duration)
            probability = exp(sum(token.logprob for token in group) / len(group))
            yield RecognisedWord(text if text[0] == " " else f" {text}", start, end, probability)


def _languages(model: StoredModel) -> frozenset[str]:
    listed = model.options.get("languages")
    if not isinstance(listed, list) or not listed or not all(isinstance(code, str) for code in listed):
        raise ModelError(
            f"the manifest of {model.id} does not list the languages of the model",
            path=model.folder,
            hint='Add to its manifest: [options] languages = ["en"]',
        )
    return frozenset(listed)
