"""The few-shot route: a language model reads the script, with definitions and examples of the values before it."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.errors import ValexError
from valex_local.labels.definitions import read_definitions
from valex_local.labels.judge import Judge, judged
from valex_local.labels.lines import Line, script_lines, text_lines
from valex_local.labels.prompt import LabelPrompt, Shot
from valex_local.labels.routes import Judgement, Task
from valex_local.llm import load_language_model
from valex_local.records import LabelSource
from valex_local.stages import Context, setting_file

DOMAIN = "any script, by instruction; trained on no labels"


class FewshotRoute:
    """Labels scripts with a language model of the store."""

    # An answer takes its time: labels are handed over one by one.
    batch_size = 1

    def __init__(self, context: Context) -> None:
        stored = context.models["llm"]
        self._context = context
        self._settings = context.settings.labels.fewshot
        self._model = load_language_model(stored, context.device, context=self._settings.context)
        self.source = LabelSource(route="fewshot", model=stored.id, domain=DOMAIN)
        self.show(())

    def show(self, shots: Sequence[Shot]) -> None:
        """Show other labelled scripts as examples from now on."""
        settings = self._context.settings
        prompt = LabelPrompt(
            setting_file(settings, "labels", "fewshot", "prompt"),
            read_definitions(setting_file(settings, "labels", "fewshot", "values")),
            self._settings.ask,
            shots=shots,
        )
        self._judge = Judge(self._model, prompt, self._settings)

    def prepare(self, task: Task) -> tuple[Line, ...]:
        """Number the lines of a script."""
        return script_lines(task.script)

    def prepare_text(self, text: str) -> tuple[Line, ...]:
        """Number the lines of a bare text."""
        return text_lines(text)

    def __call__(self, batch: Sequence[tuple[Line, ...]]) -> Sequence[Judgement | ValexError]:
        """Judge scripts."""
        return [judged(self._judge, lines) for lines in batch]

    def close(self) -> None:
        """Free the model."""
        self._model.close()
