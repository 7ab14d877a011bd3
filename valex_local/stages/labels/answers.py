"""The labels in a language model's answer: pure functions over its text and its tokens."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.llm import Token
from valex_local.records import ValueLabel
from valex_local.schwartz import Polarity, State, Value, decide
from valex_local.stages.labels.questions import STATES, Question


class BadLabelAnswer(Exception):
    """An answer that cannot be used; the message says why."""


@dataclass(frozen=True)
class ValueAnswer:
    """An answer for one value.

    Attributes
    ----------
    code : str
        One of `Question.codes`.
    evidence : tuple of str
        Ids of existing evidence, each once, in the order of the answer.
    refused : int
        Number of ids that do not exist.
    """

    code: str
    evidence: tuple[str, ...] = ()
    refused: int = 0


def read_answer(raw: str, question: Question, evidence: Collection[str]) -> dict[Value, ValueAnswer]:
    """Return the answer for each value.

    Parameters
    ----------
    raw : str
        The answer as the model wrote it.
    question : Question
        The question.
    evidence : collection of str
        The ids of the evidence that the model was shown.

    Returns
    -------
    dict of Value to ValueAnswer
        One for each value of the question.

    Raises
    ------
    BadLabelAnswer
        The text is cut off, is not JSON, or does not have the requested form.
    """
    try:
        # Some grammars allow raw line breaks in strings; they are harmless there.
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadLabelAnswer("it is cut off or not JSON") from error
    if question.alone:
        data = {question.values[0].code: data}
    if not isinstance(data, dict) or set(data) != {value.code for value in question.values}:
        raise BadLabelAnswer("it does not name each value once")
    return {value: _value_answer(data[value.code], question, evidence) for value in question.values}


def _value_answer(data: Any, question: Question, evidence: Collection[str]) -> ValueAnswer:
    *positive, absent = question.codes
    match data:
        case [str(code)] if code == absent:
            return ValueAnswer(code)
        case [str(code), *named] if code in positive:
            known = tuple(dict.fromkeys(e for e in named if isinstance(e, str) and e in evidence))
            return ValueAnswer(code, known, sum(1 for e in named if e not in evidence))
        case _:
            raise BadLabelAnswer("it does not have the requested form")


# --- probabilities --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StateProbabilities:
    """The probability of each state, by its code, adding up to 1.

    `total` is the probability that the model gave to all codes together, before they were normalised.
    """

    by_code: Mapping[str, float]
    total: float


def read_probabilities(tokens: Sequence[Token], question: Question) -> dict[Value, StateProbabilities]:
    """Return the probabilities of the states of each value, from the log-probabilities of the tokens that name them.

    At the token that contains the code of a state, the probabilities of all tokens that would have put a code in its
    place are taken and normalised to add up to 1. A code that is not among the tokens that the engine reports gets the
    probability of the least likely one of these, which is an upper bound.

    Parameters
    ----------
    tokens : sequence of Token
        The answer token by token; empty if the engine reports no log-probabilities.
    question : Question
        The question.

    Returns
    -------
    dict of Value to StateProbabilities
        Empty without tokens.
    """
    text = "".join(token.text for token in tokens)
    found = {}
    for value in question.values if tokens else ():
        lead = "" if question.alone else rf'"{value.code}"\s*:\s*'
        place = re.search(rf'{lead}\[\s*"([{"".join(question.codes)}])"', text)
        if place is not None:
            found[value] = _probabilities(tokens, place.start(1), question.codes)
    return found


def _probabilities(tokens: Sequence[Token], at: int, codes: Sequence[str]) -> StateProbabilities:
    """Return the probability of each code at the position `at` of the answer."""
    start = 0
    for token in tokens:
        if at < start + len(token.text):
            break
        start += len(token.text)
    offset = at - start
    lead = token.text[:offset]
    likelihood = dict.fromkeys(codes, 0.0)
    for text, logprob in token.alternatives.items():
        code, behind = text[offset : offset + 1], text[offset + 1 : offset + 2]
        if text.startswith(lead) and code in codes and behind in ("", '"'):  # a word such as "absent" is not a code
            likelihood[code] += math.exp(logprob)
    total = sum(likelihood.values())
    least = math.exp(min(token.alternatives.values(), default=0.0))
    likelihood = {code: p or least for code, p in likelihood.items()}
    whole = sum(likelihood.values())
    by_code = {code: p / whole if whole else 1 / len(codes) for code, p in likelihood.items()}
    return StateProbabilities(by_code, total)


# --- from answers to labels -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerWithProbabilities:
    """The answer to one question for one value, with the probabilities of the states if the engine reports them."""

    question: Question
    answer: ValueAnswer
    probabilities: StateProbabilities | None

    def probability(self, *codes: str) -> float:
        """Return the probability of some codes together; without log-probabilities it is 1 for the code answered."""
        if self.probabilities is None:
            return float(self.answer.code in codes)
        by_code = self.probabilities.by_code
        return min(1.0, sum(by_code[code] for code in codes if code in by_code))


def value_label(value: Value, answers: Sequence[AnswerWithProbabilities]) -> ValueLabel:
    """Return the label of a value, given the answers for it.

    The state is the one the model named. If present and conflicted were asked separately, it follows from both
    probabilities, each compared with 0.5.

    Parameters
    ----------
    value : Value
        The value.
    answers : sequence of AnswerWithProbabilities
        One for the state, or one for each polarity; empty if no answer could be used.
    """
    if not answers:
        return ValueLabel(value=value)
    first = answers[0]
    present: float | None
    conflicted: float | None
    if first.question.polarity is None:
        present, conflicted = first.probability("d", "p"), first.probability("c")
        state, answer = STATES[first.answer.code], first.answer
    else:
        by_polarity = {answer.question.polarity: answer for answer in answers}
        present, conflicted = (
            by_polarity[p].probability("d", "y") if p in by_polarity else None
            for p in (Polarity.PRESENT, Polarity.CONFLICTED)
        )
        state = decide(present, conflicted)
        asked = Polarity.CONFLICTED if state is State.CONFLICTED else Polarity.PRESENT
        answer = by_polarity.get(asked, first).answer
    return ValueLabel(
        value=value,
        present=present,
        conflicted=conflicted,
        state=state,
        dominant=answer.code == "d" and state is State.PRESENT,
        evidence=answer.evidence if state in (State.PRESENT, State.CONFLICTED) else (),
    )


def joined(value: Value, parts: Sequence[ValueLabel]) -> ValueLabel:
    """Return the label of a value for a long script, given the labels of its parts.

    A value that is present or conflicted in one part is so in the script; of the two, the one with the higher
    probability in any part wins, then the one found in more parts. A value is absent if it is absent in all parts.
    """
    positive = [p for p in parts if p.state in (State.PRESENT, State.CONFLICTED)]
    found_in = Counter(p.state for p in positive)
    assessed = [p for p in parts if p.state is not State.NOT_ASSESSED]
    if not assessed or (not positive and len(assessed) < len(parts)):
        return ValueLabel(value=value)  # the value may be in a part that was not assessed
    leading = max(positive, key=lambda p: (_strength(p), found_in[p.state]), default=assessed[0])
    alike = [p for p in positive if p.state is leading.state]
    return ValueLabel(
        value=value,
        present=max((p.present for p in assessed if p.present is not None), default=None),
        conflicted=max((p.conflicted for p in assessed if p.conflicted is not None), default=None),
        state=leading.state,
        dominant=any(p.dominant for p in alike),
        evidence=tuple(dict.fromkeys(e for p in alike for e in p.evidence)),
    )


def pooled(value: Value, scenes: Sequence[ValueLabel], lengths: Sequence[int]) -> ValueLabel:
    """Return the label of a value for a script, given the labels of its scenes; see `joined`.

    So the probabilities are the largest of the scenes, and the evidence is that of the scenes with the same state. A
    model that is shown a scene calls a value dominant if it dominates the scene: it is dominant in the script if the
    scenes that it dominates are at least half of the script.

    Parameters
    ----------
    value : Value
        The value.
    scenes : sequence of ValueLabel
        The label of each scene.
    lengths : sequence of int
        The length of each scene.
    """
    found = joined(value, scenes)
    dominated = sum(length for scene, length in zip(scenes, lengths, strict=True) if scene.dominant)
    return found.model_copy(update={"dominant": found.dominant and 2 * dominated >= sum(lengths)})


def disagree(parts: Sequence[ValueLabel]) -> bool:
    """Whether a value is present in one part of a script and conflicted in another."""
    return {State.PRESENT, State.CONFLICTED} <= {part.state for part in parts}


def _strength(label: ValueLabel) -> float:
    likelihood = label.present if label.state is State.PRESENT else label.conflicted
    return likelihood or 0.0
