"""Asks a language model for the labels of one post: questions, a second attempt, scenes, parts of long scripts."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from valex_local.errors import InputError, ValexError
from valex_local.llm import ContextOverflow, LanguageModel, Reply
from valex_local.llm.at_once import AtOnce
from valex_local.records import LabelFigures, Notice, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.settings import LlmLabelSettings
from valex_local.stages.labels.answers import (
    AnswerWithProbabilities,
    BadLabelAnswer,
    StateProbabilities,
    disagree,
    joined,
    pooled,
    read_answer,
    read_probabilities,
    value_label,
)
from valex_local.stages.labels.lines import EvidenceLine
from valex_local.stages.labels.prompt import LabelPrompt, PromptKeyframe
from valex_local.stages.labels.questions import Question, answer_schema, questions
from valex_local.stages.labels.routes import LabelResult
from valex_local.stages.labels.scenes import counted_scenes, windows
from valex_local.stages.labels.yes_no import EMPTY, Asked, logit_of_yes, may_be_about, over, says_yes, yes_no_label

ALTERNATIVES = 64
"""Number of likeliest tokens to read where an answer names a state; servers report 20 at most."""

LIKELY = 0.5
"""If the codes of the states together are less probable than this, their probabilities come with a warning."""

NO_PROBABILITIES = "the engine reports no probabilities: the state that the model answered has probability 1"

RETRY_TEMPERATURE = 0.6
"""Temperature of a second attempt: at temperature 0 another seed changes nothing."""


class LlmLabeller:
    """Labels evidence with a language model.

    Parameters
    ----------
    model : LanguageModel
        The model to ask.
    prompt : LabelPrompt
        How to ask.
    settings : LlmLabelSettings
        Limits, temperature, seed and way of asking.
    requests : int
        Maximum number of questions at once, if the model takes several.

    Attributes
    ----------
    batch_size : int
        How many posts to pass to `label_all`.
    """

    def __init__(
        self, model: LanguageModel, prompt: LabelPrompt, settings: LlmLabelSettings, *, requests: int = 1
    ) -> None:
        self._model = model
        self._prompt = prompt
        self._settings = settings
        self._of_nothing: dict[Asked, float] = {}
        self._at_once = AtOnce(model, requests)
        self.batch_size = self._at_once.batch_size

    def label_all(
        self, posts: Sequence[tuple[Sequence[EvidenceLine], Sequence[PromptKeyframe]]]
    ) -> list[LabelResult | ValexError]:
        """Return the labels of each post, given its lines and stills, or the error, which concerns only this post."""
        return self._at_once(lambda post: self._label_or_error(*post), posts)

    def _label_or_error(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe]
    ) -> LabelResult | ValexError:
        try:
            return self.label(lines, stills)
        except ValexError as error:
            return error

    def label(self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe] = ()) -> LabelResult:
        """Return the labels of some evidence.

        Parameters
        ----------
        lines : sequence of EvidenceLine
            The script or the transcript.
        stills : sequence of PromptKeyframe
            Keyframes, for a model that takes images.

        Raises
        ------
        InputError
            There is nothing to label.
        ContextOverflow
            The question exceeds the context even without evidence, or with the keyframes alone.
        ModelError
            The engine failed.
        """
        if not lines and not stills:
            raise InputError("it contains no words", hint="Leave it out")
        tally = _Tally()
        if self._settings.ask == "scenes":
            values = self._by_scene(lines, tally)
        else:
            values = self._in_parts(lines, stills, tally)
        return LabelResult(values, tuple(tally.notices), LabelFigures(**tally.figures))

    def _by_scene(self, lines: Sequence[EvidenceLine], tally: _Tally) -> tuple[ValueLabel, ...]:
        """Return the labels of the scenes, pooled; see `scenes` and `pooled`."""
        asked = windows(lines)
        scenes = []
        for window in asked:
            tally.where = window.name
            scenes.append(self._in_parts(window.lines, (), tally))
        what = counted_scenes(lines)
        if len(asked) == 1:
            tally.note("labelled-by-scene", f"asked as a whole ({what})")
            return scenes[0]
        tally.note("labelled-by-scene", f"{what}, asked in {len(asked)} windows and pooled")
        lengths = [window.length for window in asked]
        return _combined(scenes, tally, lambda value, found: pooled(value, found, lengths))

    def _in_parts(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> tuple[ValueLabel, ...]:
        """Return the labels of lines; if they are too long for the context, those of their parts, joined."""
        parts = [self._labels(part, stills, tally) for part in self._parts(lines, stills)]
        if len(parts) == 1:
            return parts[0]
        what = f"{tally.where} is too long" if tally.where else "too long"
        tally.note("labelled-in-parts", f"{what} for the context: labelled in {len(parts)} parts, then joined")
        return _combined(parts, tally, joined)

    def _parts(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe]
    ) -> Iterator[Sequence[EvidenceLine]]:
        """Yield parts of the lines small enough for question and answer to fit; a single long line is cut too."""
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
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> tuple[ValueLabel, ...]:
        if self._settings.ask == "yes-no":
            return tuple(self._yes_no(value, lines, stills, tally) for value in CIRCLE)
        answers: dict[Value, list[AnswerWithProbabilities]] = {value: [] for value in CIRCLE}
        for question in questions(self._settings.ask):
            for value, answer in self._ask(question, lines, stills, tally):
                answers[value].append(answer)
        return tuple(value_label(value, answers[value]) for value in CIRCLE)

    def _yes_no(
        self, value: Value, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> ValueLabel:
        """Return the label of a value by questions with yes or no; see the module `yes_no`."""
        present = self._logit((value, Polarity.PRESENT), lines, stills, tally)
        conflicted = present
        if may_be_about(present):
            conflicted = self._logit((value, Polarity.CONFLICTED), lines, stills, tally)
        return yes_no_label(value, present, conflicted)

    def _logit(
        self, asked: Asked, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> float:
        """Return the logit of yes over that of texts without content, which are asked about once."""
        if asked not in self._of_nothing:
            empty = ([EvidenceLine("L1", "text", text)] for text in EMPTY)
            self._of_nothing[asked] = sum(self._logit_alone(asked, own, (), _Tally()) for own in empty) / len(EMPTY)
        return over(self._logit_alone(asked, lines, stills, tally), self._of_nothing[asked])

    def _logit_alone(
        self, asked: Asked, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> float:
        value, polarity = asked
        reply = self._model.chat(
            self._prompt.messages(lines, stills, Question((value,), polarity, alone=True)),
            max_tokens=1,
            seed=self._settings.seed,
            alternatives=ALTERNATIVES,
        )
        tally.count(reply, again=False)
        logit = logit_of_yes(reply.tokens)
        if logit is not None:
            return logit
        tally.note("no-probabilities", NO_PROBABILITIES)
        return math.inf if says_yes(reply.text) else -math.inf

    def _ask(
        self, question: Question, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], tally: _Tally
    ) -> Iterator[tuple[Value, AnswerWithProbabilities]]:
        """Yield the answers to a question; after two answers that cannot be used, its values are not assessed."""
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
            tally.count(reply, again=bool(attempt))
            try:
                answers = read_answer(reply.text, question, evidence)
            except BadLabelAnswer as reason:
                fault = str(reason)
                continue
            probabilities = read_probabilities(reply.tokens, question)
            _note_doubts(tally, reply, probabilities, sum(answer.refused for answer in answers.values()))
            yield from (
                (value, AnswerWithProbabilities(question, answer, probabilities.get(value)))
                for value, answer in answers.items()
            )
            return
        asked = question.values[0].value if question.alone else "the values"
        asked += f" in {tally.where}" if tally.where else ""
        tally.note("no-answer", f"the language model's answer on {asked} could not be used: {fault}")


def _combined(
    parts: Sequence[tuple[ValueLabel, ...]],
    tally: _Tally,
    combine: Callable[[Value, Sequence[ValueLabel]], ValueLabel],
) -> tuple[ValueLabel, ...]:
    """Return one label for each value, given those of the parts, and note on which values the parts disagree."""
    of_value = dict(zip(CIRCLE, zip(*parts, strict=True), strict=True))
    if in_doubt := [value.value for value, found in of_value.items() if disagree(found)]:
        tally.note("parts-disagree", f"present in one part and conflicted in another: {'; '.join(in_doubt)}")
    return tuple(combine(value, found) for value, found in of_value.items())


def _cut(lines: Sequence[EvidenceLine]) -> tuple[Sequence[EvidenceLine], Sequence[EvidenceLine]] | None:
    """Return a single line cut in two at the space nearest to its middle; None if it has no space."""
    if not lines:
        return None
    (line,) = lines
    spaces = [at for at, letter in enumerate(line.text) if letter == " "]
    if not spaces:
        return None
    at = min(spaces, key=lambda space: abs(space - len(line.text) // 2))
    return (replace(line, text=line.text[:at]),), (replace(line, text=line.text[at + 1 :]),)


def _note_doubts(tally: _Tally, reply: Reply, probabilities: Mapping[Value, StateProbabilities], refused: int) -> None:
    """Note what a reader must know about a usable answer."""
    if not reply.tokens:
        tally.note("no-probabilities", NO_PROBABILITIES)
    if any(found.total < LIKELY for found in probabilities.values()):
        tally.note(
            "unsure-probabilities",
            "without a schema the model would hardly have named a state: its probabilities mean little",
        )
    if refused:
        tally.note("evidence-refused", f"{refused} references to evidence that does not exist were left out")


class _Tally:
    """Notices, each once, and figures collected while one post is labelled; `where` names the scene it is about."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.figures: Counter[str] = Counter()
        self.where = ""

    def note(self, code: str, text: str) -> None:
        notice = Notice(code=code, text=text)
        if notice not in self.notices:
            self.notices.append(notice)

    def count(self, reply: Reply, *, again: bool) -> None:
        self.figures.update(
            questions=1, asked_again=again, prompt_tokens=reply.prompt_tokens, output_tokens=reply.output_tokens
        )
