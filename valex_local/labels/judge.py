"""How a language model is asked for the labels of one post: questions, one more try, parts of long scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from valex_local.config import LlmLabelSettings
from valex_local.errors import ValexError
from valex_local.labels.asking import Question, answer_schema, questions
from valex_local.labels.lines import Line
from valex_local.labels.prompt import LabelPrompt, Still
from valex_local.labels.routes import Judgement
from valex_local.labels.verdicts import BadAnswer, Said, joined, read_answer, read_probabilities, value_label
from valex_local.llm import ContextOverflow, LanguageModel
from valex_local.records import Notice, ValueLabel
from valex_local.schwartz import CIRCLE, Value

ALTERNATIVES = 64
"""How many of the likeliest tokens are looked at where an answer names a state; servers tell 20 at most."""

RETRY_TEMPERATURE = 0.6
"""At temperature 0 another seed changes nothing."""


class Judge:
    """Labels evidence with a language model.

    Parameters
    ----------
    model : LanguageModel
        The model to ask.
    prompt : LabelPrompt
        How to ask.
    settings : LlmLabelSettings
        Limits, temperature, seed and way of asking.
    """

    def __init__(self, model: LanguageModel, prompt: LabelPrompt, settings: LlmLabelSettings) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings

    def judge(self, lines: Sequence[Line], stills: Sequence[Still] = ()) -> Judgement:
        """Label some evidence.

        Parameters
        ----------
        lines : sequence of Line
            The script or the transcript.
        stills : sequence of Still
            Keyframes, for a model that sees.

        Raises
        ------
        ContextOverflow
            One line, or the stills, exceed the context.
        ModelError
            The engine broke down.
        """
        notes = _Notes()
        parts = [self._labels(part, stills, notes) for part in self._parts(lines, stills)]
        if len(parts) > 1:
            notes.add("labelled-in-parts", f"too long for the context: labelled in {len(parts)} parts, then joined")
        values = tuple(joined(value, [part[at] for part in parts]) for at, value in enumerate(CIRCLE))
        return Judgement(values if len(parts) > 1 else parts[0], tuple(notes.notices))

    def _parts(self, lines: Sequence[Line], stills: Sequence[Still]) -> Iterator[Sequence[Line]]:
        """Cut the lines until question and answer fit."""
        if self._fits(lines, stills):
            yield lines
        elif len(lines) < 2:
            raise ContextOverflow(
                "the evidence exceeds the context of the language model even line by line",
                hint="Raise context of the route, or lower labels.direct.max_keyframes, in the settings",
            )
        else:
            middle = len(lines) // 2
            yield from self._parts(lines[:middle], stills)
            yield from self._parts(lines[middle:], stills)

    def _fits(self, lines: Sequence[Line], stills: Sequence[Still]) -> bool:
        longest = max(questions(self._settings.ask), key=lambda q: len(str(q.facts())))
        asked = self._model.count(self._prompt.messages(lines, stills, longest))
        return asked + self._settings.max_tokens <= self._model.context

    def _labels(self, lines: Sequence[Line], stills: Sequence[Still], notes: _Notes) -> tuple[ValueLabel, ...]:
        said: dict[Value, list[Said]] = {value: [] for value in CIRCLE}
        for question in questions(self._settings.ask):
            for value, answer in self._ask(question, lines, stills, notes):
                said[value].append(answer)
        return tuple(value_label(value, said[value]) for value in CIRCLE)

    def _ask(
        self, question: Question, lines: Sequence[Line], stills: Sequence[Still], notes: _Notes
    ) -> Iterator[tuple[Value, Said]]:
        """Ask a question, once more where the first answer cannot be used; then its values are not assessed."""
        evidence = [line.id for line in lines] + [still.id for still in stills]
        for attempt in range(2):
            reply = self._model.chat(
                self._prompt.messages(lines, stills, question),
                schema=answer_schema(question, evidence),
                max_tokens=self._settings.max_tokens,
                temperature=max(self._settings.temperature, RETRY_TEMPERATURE if attempt else 0.0),
                seed=self._settings.seed + attempt,
                alternatives=ALTERNATIVES,
            )
            try:
                verdicts = read_answer(reply.text, question, evidence)
            except BadAnswer as reason:
                fault = str(reason)
                continue
            shares = read_probabilities(reply.tokens, question)
            if not reply.tokens:
                notes.add("no-probabilities", "the engine tells no probabilities: 1 stands for what the model said")
            if refused := sum(verdict.refused for verdict in verdicts.values()):
                notes.add("evidence-refused", f"{refused} references to evidence that is not there were left out")
            yield from ((value, Said(question, verdict, shares.get(value))) for value, verdict in verdicts.items())
            return
        asked = question.values[0].value if question.alone else "the values"
        notes.add("no-answer", f"the language model's answer on {asked} could not be used: {fault}")


class _Notes:
    """Notices of one post, each once."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    def add(self, code: str, text: str) -> None:
        notice = Notice(code=code, text=text)
        if notice not in self.notices:
            self.notices.append(notice)


def judged(judge: Judge, lines: Sequence[Line], stills: Sequence[Still] = ()) -> Judgement | ValexError:
    """Label some evidence; an error is that of this post alone."""
    try:
        return judge.judge(lines, stills)
    except ValexError as error:
        return error
