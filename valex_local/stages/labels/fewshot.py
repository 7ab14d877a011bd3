"""The few-shot route: a language model reads the script after definitions and examples of the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from valex_local.errors import ValexError
from valex_local.llm import load_language_model
from valex_local.records import LabelSource
from valex_local.stages.base import Context
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, lines_of, script_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelledExample, LabelPrompt
from valex_local.stages.labels.routes import LabelResult, LabelTask
from valex_local.stages.setting_files import setting_file

if TYPE_CHECKING:
    from valex_local.corpus import Text

DOMAIN = "any script, by instruction; trained on no labels"


class FewshotRoute:
    """Labels scripts with a language model of the store."""

    def __init__(self, context: Context) -> None:
        stored = context.models["llm"]
        self._settings, self._requests = context.settings.labels.fewshot, context.settings.work.requests
        self._prompt = setting_file(context.settings, "labels", "fewshot", "prompt")
        self._definitions = read_definitions(setting_file(context.settings, "labels", "fewshot", "values"))
        prompt = self._label_prompt(())  # before the weights are loaded, so that mistakes in it show at once
        self._model = load_language_model(stored, context.device, context=self._settings.context)
        self._labeller = self._labeller_with(prompt)
        self.batch_size = self._labeller.batch_size
        self.source = LabelSource(route="fewshot", model=stored.id, domain=DOMAIN)

    def set_examples(self, shots: Sequence[LabelledExample]) -> None:
        """Use these labelled scripts as examples from now on, and no others."""
        self._labeller = self._labeller_with(self._label_prompt(shots))

    def _labeller_with(self, prompt: LabelPrompt) -> LlmLabeller:
        return LlmLabeller(self._model, prompt, self._settings, requests=self._requests)

    def _label_prompt(self, shots: Sequence[LabelledExample]) -> LabelPrompt:
        return LabelPrompt(self._prompt, self._definitions, self._settings.ask, shots=shots)

    def prepare(self, task: LabelTask) -> tuple[EvidenceLine, ...]:
        """Return the numbered lines of a script."""
        return script_lines(task.script)

    def prepare_text(self, text: Text) -> tuple[EvidenceLine, ...]:
        """Return the numbered lines of a text."""
        return lines_of(text)

    def __call__(self, batch: Sequence[tuple[EvidenceLine, ...]]) -> Sequence[LabelResult | ValexError]:
        """Return the labels of each script."""
        return self._labeller.label_all([(lines, ()) for lines in batch])

    def close(self) -> None:
        """Free the model."""
        self._model.close()
