"""The writer that asks a language model, scene by scene.

The model says who speaks, where the scene is and what is seen, as far as the evidence can support that: `question`
says what is asked. The words of the post come from the evidence. If an answer cannot be used, the model is asked once
more; then the template writes the scene, as it does where there is nothing to ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from valex_local.errors import ValexError
from valex_local.llm import ContextOverflow, LanguageModel, Message, Reply
from valex_local.llm.at_once import AtOnce
from valex_local.llm.images import spread
from valex_local.records import SPEAKER, Action, Dialogue, Notice, Scene, ScriptFigures
from valex_local.settings import LlmWriterSettings
from valex_local.stages.script.checks import BadSceneAnswer, SceneAnswer, check_answer
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.prompt import ScenePrompt, SoFar, answer_schema
from valex_local.stages.script.question import SceneQuestion, question_about
from valex_local.stages.script.scenes import EvidenceStretch, assemble, plan_scenes
from valex_local.stages.script.template import template_scene
from valex_local.stages.script.writers import Draft

# Tokens of an answer: braces, place and genre; a segment's id with its speaker; a keyframe's id with its line.
FRAME_TOKENS, SPEAKER_TOKENS, ACTION_TOKENS = 40, 20, 80

MAX_SPEAKERS, MAX_SEEN_CHARACTERS, MAX_SAID_CHARACTERS = 8, 600, 200
"""Limits of the summary of earlier scenes in a prompt: names, places and actions, and the end of the last dialogue."""

SO_FAR_TOKENS = 500
"""Maximum length of that, tokens, for texts with at least two characters per token."""

RETRY_TEMPERATURE = 0.6
"""Temperature of a second attempt: at temperature 0 another seed changes nothing."""


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
    requests : int
        Maximum number of questions at once, if the model takes several.
    """

    def __init__(
        self, model: LanguageModel, prompt: ScenePrompt, settings: LlmWriterSettings, *, requests: int = 1
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings
        self.sees = model.sees
        self._at_once = AtOnce(model, requests)
        self.batch_size = self._at_once.batch_size

    def write_all(self, posts: Sequence[Evidence]) -> list[Draft | ValexError]:
        """Return the scenes of each post, or the error, which concerns only this post."""
        return self._at_once(self._write_or_error, posts)

    def _write_or_error(self, evidence: Evidence) -> Draft | ValexError:
        try:
            return self.write(evidence)
        except ValexError as error:
            return error

    def write(self, evidence: Evidence) -> Draft:
        """Return the scenes of one post."""
        tally = _Tally()
        stretches = [part for stretch in plan_scenes(evidence) for part in self._fitting(stretch, evidence)]
        asked = [stretch for stretch in stretches if question_about(stretch, evidence) is not None]
        for stretch in stretches:
            # The genre is asked for once, with the last question, unless the post states it.
            last = bool(asked) and stretch is asked[-1]
            question = question_about(stretch, evidence, genre=last and evidence.genre is None)
            tally.scenes.append(
                template_scene(stretch, evidence)
                if question is None
                else self._scene(question, stretch, evidence, tally)
            )
        return Draft(tuple(tally.scenes), ScriptFigures(**tally.figures), tally.all_notices(), tally.genre)

    def close(self) -> None:
        """Free the model."""
        self._model.close()

    def _fitting(self, stretch: EvidenceStretch, evidence: Evidence) -> Iterator[EvidenceStretch]:
        """Yield parts of a stretch small enough for question and answer to fit; pieces of evidence are never cut."""
        halves = None if self._fits(stretch, evidence) else stretch.halves()
        if halves is None:
            yield self._shown(stretch, evidence)
        else:
            for half in halves:
                yield from self._fitting(half, evidence)

    def _fits(self, stretch: EvidenceStretch, evidence: Evidence) -> bool:
        shown = self._shown(stretch, evidence)
        question = question_about(shown, evidence, genre=True)
        if question is None:
            return True  # It is not asked.
        answer = FRAME_TOKENS + SPEAKER_TOKENS * len(question.speakers) + ACTION_TOKENS * len(question.lines)
        if answer > self._settings.max_tokens:
            return False
        size = self._model.count(self._prompt.messages(question, shown, evidence, SoFar()))
        return size + SO_FAR_TOKENS + self._settings.max_tokens <= self._model.context

    def _shown(self, stretch: EvidenceStretch, evidence: Evidence) -> EvidenceStretch:
        """Return the stretch with no more keyframes than a scene may show to a model that takes images."""
        if not evidence.pictures:
            return stretch
        return replace(stretch, seen=tuple(spread(stretch.seen, self._settings.keyframes_per_scene)))

    def _scene(self, question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence, tally: _Tally) -> Scene:
        try:
            answer = self._ask(question, stretch, evidence, tally)
        except (BadSceneAnswer, ContextOverflow) as reason:
            return _fall_back(stretch, evidence, tally, reason)
        tally.take(answer)
        return assemble(
            stretch,
            evidence,
            written_by="llm",
            place=answer.place,
            speakers=answer.speakers,
            actions=answer.actions,
        )

    def _ask(self, question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence, tally: _Tally) -> SceneAnswer:
        """Return the model's scene; if the first answer cannot be used, it is asked once more."""
        messages = self._prompt.messages(question, stretch, evidence, tally.so_far)
        own = self._prompt.own(question)
        try:
            return check_answer(self._reply(messages, question, tally, attempt=0), question, stretch, evidence, own=own)
        except BadSceneAnswer:
            return check_answer(self._reply(messages, question, tally, attempt=1), question, stretch, evidence, own=own)

    def _reply(self, messages: Sequence[Message], question: SceneQuestion, tally: _Tally, *, attempt: int) -> str:
        reply = self._model.chat(
            messages,
            schema=answer_schema(question),
            max_tokens=self._settings.max_tokens,
            temperature=max(self._settings.temperature, RETRY_TEMPERATURE if attempt else 0.0),
            seed=self._settings.seed + attempt,
        )
        tally.count(reply)
        return reply.text


@dataclass
class _Tally:
    """The state of a script while it is written: scenes, names, figures, notices, genre."""

    scenes: list[Scene] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    notices: list[Notice] = field(default_factory=list)
    genre: str | None = None

    @property
    def so_far(self) -> SoFar:
        """Summary of the scenes so far: the most frequent names, and what was seen and said last."""
        often = {name for name, _ in self.names.most_common(MAX_SPEAKERS)}
        said = [e.text for scene in self.scenes for e in scene.elements if isinstance(e, Dialogue)]
        return SoFar(
            speakers=tuple(name for name in self.names if name in often),
            seen=tuple(_last_seen(self.scenes)),
            said=said[-1][-MAX_SAID_CHARACTERS:] if said else None,
        )

    def count(self, reply: Reply) -> None:
        self.figures.update(prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens)

    def take(self, answer: SceneAnswer) -> None:
        self.genre = self.genre or answer.genre
        self.names.update(name for name in answer.speakers.values() if name != SPEAKER)
        self.figures.update(
            references_refused=answer.references_refused,
            references_restored=answer.references_restored,
            actions_refused=answer.refused["line"],
        )
        self.refused.update(answer.refused)

    def all_notices(self) -> tuple[Notice, ...]:
        """Return the notices, the last on what was refused."""
        counts = ", ".join(f"{kind}s: {count}" for kind, count in sorted(self.refused.items()) if count)
        text = f"the language model wrote what no evidence supports, and it was refused ({counts})"
        return tuple(self.notices) + ((Notice(code="not-supported", text=text),) if counts else ())


def _last_seen(scenes: Sequence[Scene]) -> list[str]:
    """Return places and action lines of the last scenes, up to `MAX_SEEN_CHARACTERS`."""
    lines: list[str] = []
    for scene in scenes:
        lines += [f"{scene.heading}."] if scene.heading else []
        lines += [e.text for e in scene.elements if isinstance(e, Action)]
    last: list[str] = []
    for line in reversed(lines):
        if sum(map(len, last)) + len(line) > MAX_SEEN_CHARACTERS:
            break
        last.insert(0, line)
    return last


def _fall_back(stretch: EvidenceStretch, evidence: Evidence, tally: _Tally, reason: Exception) -> Scene:
    tally.figures.update(scenes_fallen_back=1)
    when = f"{stretch.start:.1f} to {stretch.end:.1f} s"
    text = f"the scene from {when} was written without the language model: {reason}"
    tally.notices.append(Notice(code="scene-by-template", text=text))
    return template_scene(stretch, evidence)
