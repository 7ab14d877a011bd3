"""The writer that asks a language model, scene by scene.

The model says who speaks, where it is and what is seen; the words of the post come from the evidence. What fails is
asked once more, then written by the template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from valex_local.config import LlmWriterSettings
from valex_local.llm import ContextOverflow, LanguageModel, Reply
from valex_local.records import Notice, Scene, ScriptFigures
from valex_local.script.checks import Answer, BadAnswer, check_answer, references
from valex_local.script.evidence import Evidence
from valex_local.script.prompt import ScenePrompt, answer_schema
from valex_local.script.scenes import SPEAKER, Stretch, assemble, plan_scenes
from valex_local.script.template import template_actions, template_scene
from valex_local.script.writers import Draft

# Tokens an answer takes: braces and place, a reference with its speaker, an action line with its keyframes.
FRAME_TOKENS, REFERENCE_TOKENS, ACTION_TOKENS = 40, 28, 80

MAX_SPEAKERS_TOLD = 8
"""How many of the names given so far the model is told."""

RETRY_TEMPERATURE = 0.6
"""At temperature 0 another seed changes nothing."""


class LlmWriter:
    """Writes scripts with a language model.

    Parameters
    ----------
    model : LanguageModel
        The model to ask; `close` closes it.
    prompt : ScenePrompt
        How to ask.
    settings : LlmWriterSettings
        Limits, temperature and seed.
    """

    def __init__(self, model: LanguageModel, prompt: ScenePrompt, settings: LlmWriterSettings) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings

    def write(self, evidence: Evidence) -> Draft:
        """Write the scenes of one post."""
        tally = _Tally()
        scenes = []
        for stretch in plan_scenes(evidence):
            for part in self._fitting(stretch, evidence, tally):
                scenes.append(self._scene(part, evidence, tally))
        return Draft(tuple(scenes), ScriptFigures(**tally.figures), tuple(tally.notices))

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    def _fitting(self, stretch: Stretch, evidence: Evidence, tally: _Tally) -> Iterator[Stretch]:
        """Cut a stretch until question and answer fit: evidence goes into smaller scenes and is never cut itself."""
        halves = None if self._fits(stretch, evidence, tally) else stretch.halves()
        if halves is None:
            yield stretch
        else:
            for half in halves:
                yield from self._fitting(half, evidence, tally)

    def _fits(self, stretch: Stretch, evidence: Evidence, tally: _Tally) -> bool:
        segments, tracks = references(stretch, evidence)
        answer = FRAME_TOKENS + REFERENCE_TOKENS * len(segments + tracks) + ACTION_TOKENS * len(stretch.seen)
        if answer > self._settings.max_tokens:
            return False
        question = self._model.count(self._prompt.messages(stretch, evidence, tally.speakers))
        return question + self._settings.max_tokens <= self._model.context

    def _scene(self, stretch: Stretch, evidence: Evidence, tally: _Tally) -> Scene:
        if not any(references(stretch, evidence)) and not stretch.seen:
            return template_scene(stretch, evidence)  # There is nothing to ask about.
        try:
            answer = self._ask(stretch, evidence, tally)
        except (BadAnswer, ContextOverflow) as reason:
            return _fall_back(stretch, evidence, tally, reason)
        if not answer.actions:
            # What is seen may not get lost when a model has nothing to say of it.
            answer.actions = template_actions(stretch)
            answer.references_restored += len({k.id for line in answer.actions for k in line.keyframes})
        tally.take(answer)
        return assemble(
            stretch,
            evidence,
            written_by="llm",
            place=answer.place,
            speakers=answer.speakers,
            actions=answer.actions,
        )

    def _ask(self, stretch: Stretch, evidence: Evidence, tally: _Tally) -> Answer:
        """Ask for a scene, once more where the first answer cannot be used."""
        try:
            return check_answer(self._reply(stretch, evidence, tally, attempt=0), stretch, evidence)
        except BadAnswer:
            return check_answer(self._reply(stretch, evidence, tally, attempt=1), stretch, evidence)

    def _reply(self, stretch: Stretch, evidence: Evidence, tally: _Tally, *, attempt: int) -> str:
        reply = self._model.chat(
            self._prompt.messages(stretch, evidence, tally.speakers),
            schema=answer_schema(stretch, evidence),
            max_tokens=self._settings.max_tokens,
            temperature=max(self._settings.temperature, RETRY_TEMPERATURE if attempt else 0.0),
            seed=self._settings.seed + attempt,
        )
        tally.count(reply)
        return reply.text


@dataclass
class _Tally:
    """What has come about so far in a script: names given, figures, notices."""

    names: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)

    @property
    def speakers(self) -> list[str]:
        """The names given most often, in order of their first use."""
        often = {name for name, _ in self.names.most_common(MAX_SPEAKERS_TOLD)}
        return [name for name in self.names if name in often]

    def count(self, reply: Reply) -> None:
        self.figures.update(prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens)

    def take(self, answer: Answer) -> None:
        self.names.update(name for name in answer.speakers.values() if name != SPEAKER)
        self.figures.update(
            references_refused=answer.references_refused,
            references_restored=answer.references_restored,
            actions_refused=answer.actions_refused,
            actions_without_keyframes=answer.actions_without_keyframes,
        )


def _fall_back(stretch: Stretch, evidence: Evidence, tally: _Tally, reason: Exception) -> Scene:
    tally.figures.update(scenes_fallen_back=1)
    when = f"{stretch.start:.1f} to {stretch.end:.1f} s"
    text = f"the scene from {when} was written without the language model: {reason}"
    tally.notices.append(Notice(code="scene-by-template", text=text))
    return template_scene(stretch, evidence)
