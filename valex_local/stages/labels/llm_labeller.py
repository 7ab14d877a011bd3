"""How a language model is asked for the labels of one post: questions, one more try, parts of long scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from valex_local.errors import InputError, ValexError
from valex_local.llm import ContextOverflow, LanguageModel, Reply
from valex_local.records import LabelFigures, Notice, ValueLabel
from valex_local.schwartz import CIRCLE, Value
from valex_local.settings import LlmLabelSettings
from valex_local.stages.labels.answers import (
    AnswerWithProbabilities,
    BadLabelAnswer,
    Shares,
    joined,
    read_answer,
    read_probabilities,
    value_label,
)
from valex_local.stages.labels.lines import EvidenceLine
from valex_local.stages.labels.prompt import LabelPrompt, PromptKeyframe
from valex_local.stages.labels.questions import Question, answer_schema, questions
from valex_local.stages.labels.routes import LabelResult

ALTERNATIVES = 64
"""How many of the likeliest tokens are looked at where an answer names a state; servers tell 20 at most."""

LIKELY = 0.5
"""Below this likelihood of all codes of a state together, their probabilities come with a warning."""

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

    def judge(self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe] = ()) -> LabelResult:
        """Label some evidence.

        Parameters
        ----------
        lines : sequence of EvidenceLine
            The script or the transcript.
        stills : sequence of PromptKeyframe
            Keyframes, for a model that sees.

        Raises
        ------
        InputError
            There is nothing to label.
        ContextOverflow
            The question exceeds the context even without evidence, or with the stills alone.
        ModelError
            The engine broke down.
        """
        if not lines and not stills:
            raise InputError("it holds no words", hint="Leave it out")
        account = _Account()
        parts = [self._labels(part, stills, account) for part in self._parts(lines, stills)]
        if len(parts) > 1:
            account.note("labelled-in-parts", f"too long for the context: labelled in {len(parts)} parts, then joined")
        values = tuple(joined(value, [part[at] for part in parts]) for at, value in enumerate(CIRCLE))
        return LabelResult(
            values if len(parts) > 1 else parts[0], tuple(account.notices), LabelFigures(**account.figures)
        )

    def _parts(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe]
    ) -> Iterator[Sequence[EvidenceLine]]:
        """Cut the lines until question and answer fit; a line too long by itself is cut too, and keeps its name."""
        if self._fits(lines, stills):
            yield lines
            return
        halves = (lines[: len(lines) // 2], lines[len(lines) // 2 :]) if len(lines) > 1 else _cut(lines)
        if halves is None:
            raise ContextOverflow(
                "the question alone exceeds the context of the language model",
                hint="In the settings, raise context of the route"
                + (", or lower labels.direct.max_keyframes" if stills else "; or show fewer or shorter examples"),
            )
        for half in halves:
            yield from self._parts(half, stills)

    def _fits(self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe]) -> bool:
        longest = max(questions(self._settings.ask), key=lambda q: len(str(q.facts())))
        asked = self._model.count(self._prompt.messages(lines, stills, longest))
        return asked + self._settings.max_tokens <= self._model.context

    def _labels(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], account: _Account
    ) -> tuple[ValueLabel, ...]:
        said: dict[Value, list[AnswerWithProbabilities]] = {value: [] for value in CIRCLE}
        for question in questions(self._settings.ask):
            for value, answer in self._ask(question, lines, stills, account):
                said[value].append(answer)
        return tuple(value_label(value, said[value]) for value in CIRCLE)

    def _ask(
        self, question: Question, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], account: _Account
    ) -> Iterator[tuple[Value, AnswerWithProbabilities]]:
        """Ask a question, once more where the first answer cannot be used; then its values are not assessed."""
        evidence = list(dict.fromkeys([line.id for line in lines] + [still.id for still in stills]))
        fault = ""
        for attempt in range(2):
            reply = self._model.chat(
                self._prompt.messages(lines, stills, question),
                schema=answer_schema(question, evidence),
                max_tokens=self._settings.max_tokens,
                temperature=max(self._settings.temperature, RETRY_TEMPERATURE if attempt else 0.0),
                seed=self._settings.seed + attempt,
                alternatives=ALTERNATIVES,
            )
            account.count(reply, again=bool(attempt))
            try:
                verdicts = read_answer(reply.text, question, evidence)
            except BadLabelAnswer as reason:
                fault = str(reason)
                continue
            shares = read_probabilities(reply.tokens, question)
            _doubt(account, reply, shares, sum(verdict.refused for verdict in verdicts.values()))
            yield from (
                (value, AnswerWithProbabilities(question, verdict, shares.get(value)))
                for value, verdict in verdicts.items()
            )
            return
        asked = question.values[0].value if question.alone else "the values"
        account.note("no-answer", f"the language model's answer on {asked} could not be used: {fault}")


def _cut(lines: Sequence[EvidenceLine]) -> tuple[Sequence[EvidenceLine], Sequence[EvidenceLine]] | None:
    """Cut a single line in two at the space nearest its middle; None where there is none."""
    if not lines:
        return None
    (line,) = lines
    spaces = [at for at, letter in enumerate(line.text) if letter == " "]
    if not spaces:
        return None
    at = min(spaces, key=lambda space: abs(space - len(line.text) // 2))
    return (replace(line, text=line.text[:at]),), (replace(line, text=line.text[at + 1 :]),)


def _doubt(account: _Account, reply: Reply, shares: Mapping[Value, Shares], refused: int) -> None:
    """Note what a reader must know of an answer that could be used."""
    if not reply.tokens:
        account.note("no-probabilities", "the engine tells no probabilities: 1 stands for what the model said")
    if any(share.told < LIKELY for share in shares.values()):
        account.note(
            "unsure-probabilities", "left alone the model would hardly have named a state: chances mean little"
        )
    if refused:
        account.note("evidence-refused", f"{refused} references to evidence that is not there were left out")


class _Account:
    """What came about while one post was labelled: notices, each once, and figures."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.figures: Counter[str] = Counter()

    def note(self, code: str, text: str) -> None:
        notice = Notice(code=code, text=text)
        if notice not in self.notices:
            self.notices.append(notice)

    def count(self, reply: Reply, *, again: bool) -> None:
        self.figures.update(
            questions=1, asked_again=again, prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens
        )


def judged(
    judge: Judge, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe] = ()
) -> LabelResult | ValexError:
    """Label some evidence; an error is that of this post alone."""
    try:
        return judge.judge(lines, stills)
    except ValexError as error:
        return error
