"""Similarity of two scripts in meaning, by a sentence encoder from the model store."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.comparison.lines import ComparedLine, LineKind
from valex_local.errors import ModelError
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import Store, StoredModel
from valex_local.study import Study
from valex_local.study.settings import resolve_settings
from valex_local.system.devices import Device, detect, set_threads

WINDOW = 256
"""Tokens in a window, if the encoder's manifest does not set ``max_tokens``."""


class TextSimilarity:
    """Compare scripts with a sentence encoder.

    Parameters
    ----------
    model : StoredModel
        The encoder; its manifest sets ``pooling`` and ``max_tokens``.
    device : Device
        Where to compute.

    Raises
    ------
    ModelError
        The model is not a sentence encoder.
    """

    def __init__(self, model: StoredModel, device: Device) -> None:
        window = int(model.options.get("max_tokens", WINDOW))
        self._encoder = TextEncoder(
            model.folder,
            pooling=model.options.get("pooling", "mean"),
            normalise=True,
            window=window,
            overlap=window // 4,
            device=device,
        )

    def similarity(self, one: Sequence[ComparedLine], other: Sequence[ComparedLine]) -> float | None:
        """Return the cosine of the mean vectors over both scripts' windows; None if a script contains no words."""
        import torch

        texts = [_text(lines) for lines in (one, other)]
        if not all(texts):
            return None
        first, second = (windows.mean(0) for windows in self._encoder.vectors(texts))
        return min(1.0, float(torch.nn.functional.cosine_similarity(first, second, dim=0)))


def load_similarity(study: Study, store: Store | None = None) -> tuple[TextSimilarity | None, str]:
    """Return the sentence encoder that a study's settings name.

    Parameters
    ----------
    study : Study
        The study.
    store : Store, optional
        The model store; by default that of the user.

    Returns
    -------
    tuple of TextSimilarity or None, and str
        The encoder, or None if it is not available; and a notice that names the model, or the reason.

    Raises
    ------
    ConfigError
        The device in the settings is not available.
    """
    store = store or Store()
    settings = resolve_settings(store, study)
    device = detect(settings.work.device)
    set_threads(device.threads)  # before torch is imported
    try:
        model = store.resolve(settings.profile, settings.models, needed=["sentence"])["sentence"]
    except ModelError as error:
        return None, f"similarity of meaning: not assessed because {error}"
    return TextSimilarity(model, device), f"similarity of meaning: computed with {model.id}"


def _text(lines: Sequence[ComparedLine]) -> str:
    return "\n".join(_written(line) for line in lines if line.words)


def _written(line: ComparedLine) -> str:
    match line.kind:
        case LineKind.SPEECH:
            return f'{line.speaker}: "{line.text}"'
        case LineKind.TEXT:
            return f"[{line.text}]"
        case _:
            return line.text
