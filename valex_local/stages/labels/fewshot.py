"""The few-shot route: a language model reads the script, with definitions and examples of the values before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.llm import load_language_model
from valex_local.records import LabelSource
from valex_local.stages.base import Context
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, lines_of, script_lines
from valex_local.stages.labels.llm_labeller import Judge, judged
from valex_local.stages.labels.prompt import LabelledExample, LabelPrompt
from valex_local.stages.labels.routes import LabelResult, Task
from valex_local.stages.setting_files import setting_file

if TYPE_CHECKING:
    from valex_local.corpus import Text

DOMAIN = "any script, by instruction; trained on no labels"


class FewshotRoute:
    """Labels scripts with a language model of the store."""

    # An answer takes its time: labels are handed over one by one.
    batch_size = 1

    def __init__(self, context: Context) -> None:
        stored = context.models["llm"]
        self._settings = context.settings.labels.fewshot
        self._prompt = setting_file(context.settings, "labels", "fewshot", "prompt")
        self._definitions = read_definitions(setting_file(context.settings, "labels", "fewshot", "values"))
        prompt = self._asked(())  # before the weights are loaded: what is wrong with it shows at once
        self._model = load_language_model(stored, context.device, context=self._settings.context)
        self._judge = Judge(self._model, prompt, self._settings)
        self.source = LabelSource(route="fewshot", model=stored.id, domain=DOMAIN)

    def show(self, shots: Sequence[LabelledExample]) -> None:
        """Show these labelled scripts as examples from now on, and no others."""
        self._judge = Judge(self._model, self._asked(shots), self._settings)

    def _asked(self, shots: Sequence[LabelledExample]) -> LabelPrompt:
        return LabelPrompt(self._prompt, self._definitions, self._settings.ask, shots=shots)

    def prepare(self, task: Task) -> tuple[EvidenceLine, ...]:
        """Number the lines of a script."""
        return script_lines(task.script)

    def prepare_text(self, text: Text) -> tuple[EvidenceLine, ...]:
        """Number the lines of a text."""
        return lines_of(text)

    def __call__(self, batch: Sequence[tuple[EvidenceLine, ...]]) -> Sequence[LabelResult | ValexError]:
        """Judge scripts."""
        return [judged(self._judge, lines) for lines in batch]

    def close(self) -> None:
        """Free the model."""
        self._model.close()
