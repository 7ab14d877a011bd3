"""Loads a model of any role in its engine, to see whether that works."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from valex_local.settings import Settings
from valex_local.store import StoredModel
from valex_local.system.devices import Device, detect

_CONTEXT = 512
"""Tokens of the context of a language model that is asked nothing; memory for more would only be in the way."""


def load_once(model: StoredModel) -> None:
    """Load a model in its engine on this machine's device, and free it again.

    Raises
    ------
    ModelError
        It cannot be loaded.
    MissingExtra
        The library of its engine is not installed.
    """
    loaded = _LOADERS[model.role](model, detect("auto"))
    if hasattr(loaded, "close"):
        loaded.close()
    del loaded
    gc.collect()


def _speech(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.speech.engine import load_engine

    return load_engine(model, device)


def _aligner(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.speech.qwen3_asr import Aligner

    return Aligner(model, device)


def _speakers(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.speakers.engine import load_engine

    return load_engine(model, device, Settings().speakers)


def _ocr(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.ocr.engines import load_engine

    return load_engine(model, Settings().ocr, device)


def _clip(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.vision.clip import load

    return load(model, device)


def _detector(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.vision.detectors import Detectors

    return Detectors(model, device)


def _llm(model: StoredModel, device: Device) -> Any:
    from valex_local.llm import load_language_model

    return load_language_model(model, device, context=_CONTEXT)


def _encoder(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.labels.text_encoder import TextEncoder

    return TextEncoder(model.folder, pooling="mean", normalise=True, window=64, overlap=16, device=device)


def _labels(model: StoredModel, device: Device) -> Any:
    from valex_local.stages.labels.model import LabelModel

    return LabelModel(model.folder, device=device, requires=model.requires)


_LOADERS: dict[str, Callable[[StoredModel, Device], Any]] = {
    "asr": _speech,
    "aligner": _aligner,
    "speaker": _speakers,
    "ocr": _ocr,
    "clip": _clip,
    "detector": _detector,
    "llm": _llm,
    "sentence": _encoder,
    "encoder": _encoder,
    "labels": _labels,
}
"""What loads a model of each role."""
