"""Whisper as OpenAI published it, on PyTorch."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.stages.speech.engine import RawSegment, RecognisedWord, SpeechTask

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.store import StoredModel
    from valex_local.system.devices import Device


# What torch and Whisper raise for a file that is damaged, contains code, or belongs to another model.
UNREADABLE = (
    UnpicklingError,
    struct.error,
    LookupError,
    EOFError,
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
)


class OpenaiWhisper:
    """A speech engine on an openai-whisper checkpoint: the only ``.pt`` file in the model's folder.

    Besides ``dims`` and ``model_state_dict`` the checkpoint may contain ``alignment_heads``, the (layer, head) pairs
    whose attention follows the audio; without it the upper half of the decoder is used, whose word times are coarser.
    """

    batch_size = 1
    detects = True
    translates = True

    def __init__(self, model: StoredModel, device: Device) -> None:
        checkpoint = _checkpoint(model.folder)
        import torch
        import whisper

        self._whisper: Any = whisper
        self._half = device.kind == "cuda"
        if device.kind == "cpu":
            torch.set_num_threads(device.threads)
        self._model: Any = load_checkpoint(checkpoint).to(device.kind).eval()
        known = list(whisper.tokenizer.LANGUAGES)[: self._model.num_languages]
        self.languages = frozenset(known if self._model.is_multilingual else ["en"])

    def detect(self, piece: NDArray[np.float32], *, brief: bool = False) -> Mapping[str, float]:
        """Return the probability of each language; see `SpeechEngine.detect`. The library knows whole windows only."""
        if not self._model.is_multilingual:
            return {"en": 1.0}
        padded = self._whisper.pad_or_trim(piece)
        mel = self._whisper.log_mel_spectrogram(padded, self._model.dims.n_mels).to(self._model.device)
        _, probabilities = self._model.detect_language(mel)
        return dict(probabilities)

    def recognise(
        self, pieces: Sequence[NDArray[np.float32]], *, language: str, task: SpeechTask, beam_size: int
    ) -> list[list[RawSegment]]:
        """Return the segments of each piece, unfiltered; see `SpeechEngine.recognise`."""
        return [self._recognise(piece, language=language, task=task, beam_size=beam_size) for piece in pieces]

    def _recognise(self, piece: NDArray[np.float32], **options: Any) -> list[RawSegment]:
        result = self._model.transcribe(
            piece,
            word_timestamps=options["task"] == "transcribe",
            fp16=self._half,
            # No sampling and no thresholds, for the reasons given in faster_whisper.py.
            temperature=0.0,
            no_speech_threshold=None,
            logprob_threshold=None,
            compression_ratio_threshold=None,
            condition_on_previous_text=False,
            **options,
        )
        return [_raw_segment(segment) for segment in result["segments"] if segment["text"]]

    def close(self) -> None:
        """Free the model."""
        self._model = None


def load_checkpoint(path: Path) -> Any:
    """Return a Whisper model built from a checkpoint, on the CPU.

    Raises
    ------
    ModelError
        The file contains anything but plain tensors and numbers, or they do not form a Whisper model.
    """
    import torch
    from whisper.model import ModelDimensions, Whisper

    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        model = Whisper(ModelDimensions(**checkpoint["dims"]))
        model.load_state_dict(checkpoint["model_state_dict"])
        heads = checkpoint.get("alignment_heads")
        if heads is not None:
            mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
            mask[tuple(torch.tensor(heads).T)] = True
            model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    except UNREADABLE as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"this is not an openai-whisper checkpoint ({first})",
            path=path,
            hint="Check it with: valex models verify",
        ) from error
    return model


def _checkpoint(folder: Path) -> Path:
    found = sorted(folder.glob("*.pt"))
    if len(found) != 1:
        raise ModelError(
            f"an openai-whisper model is a single .pt file, but there are {len(found)} here",
            path=folder,
            hint="Keep each checkpoint in a folder of its own",
        )
    return found[0]


def _raw_segment(segment: dict[str, Any]) -> RawSegment:
    return RawSegment(
        start=float(segment["start"]),
        end=float(segment["end"]),
        text=segment["text"],
        words=tuple(
            RecognisedWord(word["word"], float(word["start"]), float(word["end"]), float(word["probability"]))
            for word in segment.get("words", ())
        ),
        avg_logprob=float(segment["avg_logprob"]),
        no_speech_probability=float(segment["no_speech_prob"]),
        compression_ratio=float(segment["compression_ratio"]),
    )
