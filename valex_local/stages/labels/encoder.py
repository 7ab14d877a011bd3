"""The encoder route: one pass per window gives the probabilities of all values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.records import LabelSource
from valex_local.rendering.render import render
from valex_local.stages.base import Context
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.routes import LabelResult, LabelTask

if TYPE_CHECKING:
    from valex_local.corpus import Text

_CPU_BATCH, _CUDA_BATCH = 4, 64


class EncoderRoute:
    """Labels the paper text of a script with a label model of the store."""

    def __init__(self, context: Context) -> None:
        stored = context.models["labels"]
        self._model = LabelModel(
            stored.folder, requires=stored.requires, device=context.device, int8=context.settings.labels.int8
        )
        card = self._model.card
        self.source = LabelSource(
            route="encoder", model=stored.id, baseline=card.baseline, domain=card.domain, languages=card.languages
        )
        self.batch_size = _CPU_BATCH if context.device.kind == "cpu" else _CUDA_BATCH

    def prepare(self, task: LabelTask) -> str:
        """Return the script rendered as the text the model reads."""
        return render(task.script, "text")

    def prepare_text(self, text: Text) -> str:
        """Return the text."""
        return text.text

    def __call__(self, batch: Sequence[str]) -> Sequence[LabelResult | ValexError]:
        """Return the labels of each text."""
        return [LabelResult(self._model.labels(scores)) for scores in self._model.scores(batch)]

    def close(self) -> None:
        """Free the model."""
        del self._model
