"""The encoder route: one pass per window gives the probabilities of all values, and the lines they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.records import LabelSource, Notice
from valex_local.stages.base import Context
from valex_local.stages.labels.evidence import scores_and_evidence
from valex_local.stages.labels.lines import LinedText, lined_script, lined_text
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.routes import LabelResult, LabelTask

if TYPE_CHECKING:
    from valex_local.corpus import Text

_CPU_BATCH, _CUDA_BATCH = 4, 64
_CANNOT = (
    "no evidence: this label model pools by the first token, so what a line contributes cannot be told; "
    "labels.encoder.evidence=checked reads the text again without it"
)


class EncoderRoute:
    """Labels the paper text of a script with a label model of the store."""

    def __init__(self, context: Context) -> None:
        stored, settings = context.models["labels"], context.settings.labels
        self._model = LabelModel(stored.folder, requires=stored.requires, device=context.device, int8=settings.int8)
        self._evidence = settings.encoder.evidence
        card = self._model.card
        cannot = self._evidence == "lines" and card.pooling == "cls"
        self._notices = (Notice(code="no-evidence", text=_CANNOT),) if cannot else ()
        self.source = LabelSource(
            route="encoder", model=stored.id, baseline=card.baseline, domain=card.domain, languages=card.languages
        )
        self.batch_size = _CPU_BATCH if context.device.kind == "cpu" else _CUDA_BATCH

    def prepare(self, task: LabelTask) -> LinedText:
        """Return the script rendered as the text the model reads."""
        return lined_script(task.script)

    def prepare_text(self, text: Text) -> LinedText:
        """Return the text."""
        return lined_text(text)

    def __call__(self, batch: Sequence[LinedText]) -> Sequence[LabelResult | ValexError]:
        """Return the labels of each text."""
        if self._evidence == "off":
            return [LabelResult(self._model.labels(scores)) for scores in self._model.scores([t.text for t in batch])]
        found = scores_and_evidence(self._model, batch, self._evidence)
        return [LabelResult(self._model.labels(scores, evidence), self._notices) for scores, evidence in found]

    def close(self) -> None:
        """Free the model."""
        del self._model
