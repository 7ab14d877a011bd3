"""The script stage, in its variants ``template`` and ``local``."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.errors import ModelError, ValexError
from valex_local.records import Script
from valex_local.stages.base import Context, Item, Output
from valex_local.stages.script.evidence import Evidence, gather
from valex_local.stages.script.speakers import with_speakers
from valex_local.stages.script.template import TemplateWriter
from valex_local.stages.script.writers import Draft, ScriptWriter
from valex_local.stages.setting_files import setting_file


class ScriptStage:
    """Writes the script of a post from its records.

    Parameters
    ----------
    context : Context
        Its variant names the writer; ``local`` needs the role ``llm``.

    Raises
    ------
    ModelError
        The variant needs a model, and none is configured.
    """

    def __init__(self, context: Context) -> None:
        self._variant = context.variant
        self._settings = context.settings.script
        self._writer = _writer(context)
        self.batch_size = self._writer.batch_size

    def prepare(self, item: Item) -> Evidence:
        """Return the evidence of a post."""
        return gather(item, self._settings, sees=self._writer.sees)

    def __call__(self, batch: Sequence[Evidence]) -> list[Output | ValexError]:
        """Return the script of each post."""
        drafts = zip(batch, self._writer.write_all(batch), strict=True)
        return [d if isinstance(d, ValexError) else Output(self._script(evidence, d)) for evidence, d in drafts]

    def _script(self, evidence: Evidence, draft: Draft) -> Script:
        return Script(
            name=self._variant,
            genre=evidence.genre or draft.genre,
            language=evidence.language,
            sound=evidence.sound,
            scenes=with_speakers(draft.scenes, evidence.spoken),
            figures=draft.figures,
            notices=evidence.notices + draft.notices,
        )

    def close(self) -> None:
        """Free the writer's model."""
        self._writer.close()


def _writer(context: Context) -> ScriptWriter:
    """Return the writer that a variant names."""
    if context.variant == "template":
        return TemplateWriter()
    if "llm" not in context.models:
        raise ModelError(
            f"the script variant {context.variant} needs a model for the role llm",
            hint="Name one in the profile or under [models], or use only the variant template",
        )
    from valex_local.llm import load_language_model
    from valex_local.stages.script.llm import LlmWriter
    from valex_local.stages.script.prompt import ScenePrompt

    settings = context.settings.script.llm
    prompt = ScenePrompt(setting_file(context.settings, "script", "llm", "prompt"))
    model = load_language_model(context.models["llm"], context.device, context=settings.context)
    return LlmWriter(model, prompt, settings, requests=context.settings.work.requests)
