"""What a language model's answer says of each value: pure functions over its text and its tokens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valex_local.llm import Token
from valex_local.records import ValueLabel
from valex_local.schwartz import Polarity, State, Value, decide
from valex_local.stages.labels.questions import STATES, Question


class BadLabelAnswer(Exception):
    """An answer of which nothing can be used; the text says why."""


@dataclass(frozen=True)
class ValueAnswer:
    """What an answer says of one value.

    Attributes
    ----------
    code : str
        Of `Question.codes`.
    evidence : tuple of str
        Ids of evidence there is, each once, in the order of the answer.
    refused : int
        Ids of evidence there is not.
    """

    code: str
    evidence: tuple[str, ...] = ()
    refused: int = 0


def read_answer(raw: str, question: Question, evidence: Collection[str]) -> dict[Value, ValueAnswer]:
    """Read an answer.

    Parameters
    ----------
    raw : str
        What the model wrote, as it wrote it.
    question : Question
        What was asked.
    evidence : collection of str
        The ids it was shown.

    Raises
    ------
    BadAnswer
        The text is cut, is no JSON, or is not of the shape that was asked for.
    """
    try:
        # Some grammars let raw line breaks into strings; they do no harm there.
        data = json.loads(raw, strict=False)
    except (ValueError, RecursionError) as error:
        raise BadLabelAnswer("it is cut or no JSON") from error
    if question.alone:
        data = {question.values[0].code: data}
    if not isinstance(data, dict) or set(data) != {value.code for value in question.values}:
        raise BadLabelAnswer("it does not name each value once")
    return {value: _verdict(data[value.code], question, evidence) for value in question.values}


def _verdict(said: Any, question: Question, evidence: Collection[str]) -> ValueAnswer:
    *held, absent = question.codes
    match said:
        case [str(code)] if code == absent:
            return ValueAnswer(code)
        case [str(code), *named] if code in held:
            known = tuple(dict.fromkeys(e for e in named if isinstance(e, str) and e in evidence))
            return ValueAnswer(code, known, sum(1 for e in named if e not in evidence))
        case _:
            raise BadLabelAnswer("it is not of the shape that was asked for")


# --- probabilities --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shares:
    """The probability of each state, by its code; `told` is how likely the codes were at all before that."""

    of: Mapping[str, float]
    told: float


def read_probabilities(tokens: Sequence[Token], question: Question) -> dict[Value, Shares]:
    """Return the probability of each state, by value, out of the log-probabilities of the tokens that name it.

    At the token that holds the code of a state, the likelihoods of all tokens that would have put a code in its place
    are taken, and brought to a sum of 1. A code of which the engine tells nothing counts as likely as the least likely
    token it tells of: more it cannot be.

    Parameters
    ----------
    tokens : sequence of Token
        The answer token by token; empty where the engine tells no log-probabilities.
    question : Question
        What was asked.

    Returns
    -------
    dict of Value to Shares
        Empty without tokens.
    """
    text = "".join(token.text for token in tokens)
    found = {}
    for value in question.values if tokens else ():
        lead = "" if question.alone else rf'"{value.code}"\s*:\s*'
        place = re.search(rf'{lead}\[\s*"([{"".join(question.codes)}])"', text)
        if place is not None:
            found[value] = _shares(tokens, place.start(1), question.codes)
    return found


def _shares(tokens: Sequence[Token], at: int, codes: Sequence[str]) -> Shares:
    """Return the share of each code in the place `at` of the answer."""
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
        if text.startswith(lead) and code in codes and behind in ("", '"'):  # "absent" is no code
            likelihood[code] += math.exp(logprob)
    told = sum(likelihood.values())
    least = math.exp(min(token.alternatives.values(), default=0.0))
    likelihood = {code: share or least for code, share in likelihood.items()}
    whole = sum(likelihood.values())
    return Shares({code: share / whole if whole else 1 / len(codes) for code, share in likelihood.items()}, told)


# --- from verdicts to labels ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AnswerWithProbabilities:
    """A verdict of one question with the probabilities of its states; None where the engine tells none."""

    question: Question
    verdict: ValueAnswer
    shares: Shares | None

    def probability(self, *codes: str) -> float:
        """Return the probability of some codes; without log-probabilities 1 for the one that was said."""
        if self.shares is None:
            return float(self.verdict.code in codes)
        return min(1.0, sum(self.shares.of[code] for code in codes if code in self.shares.of))


def value_label(value: Value, said: Sequence[AnswerWithProbabilities]) -> ValueLabel:
    """Return the label of a value out of what was said of it.

    The state is the one the model named. Where present and conflicted were asked apart it follows from both
    probabilities, each held against one half.

    Parameters
    ----------
    said : sequence of AnswerWithProbabilities
        One for the state, or one for each polarity; empty where no answer could be used.
    """
    if not said:
        return ValueLabel(value=value)
    first = said[0]
    present: float | None
    conflicted: float | None
    if first.question.polarity is None:
        present, conflicted = first.probability("d", "p"), first.probability("c")
        state, verdict = STATES[first.verdict.code], first.verdict
    else:
        by_polarity = {s.question.polarity: s for s in said}
        present, conflicted = (
            by_polarity[p].probability("d", "y") if p in by_polarity else None
            for p in (Polarity.PRESENT, Polarity.CONFLICTED)
        )
        state = decide(present, conflicted)
        asked = Polarity.CONFLICTED if state is State.CONFLICTED else Polarity.PRESENT
        verdict = by_polarity.get(asked, first).verdict
    held = state in (State.PRESENT, State.CONFLICTED)
    return ValueLabel(
        value=value,
        present=present,
        conflicted=conflicted,
        state=state,
        dominant=verdict.code == "d" and state is State.PRESENT,
        evidence=verdict.evidence if held else (),
    )


def joined(value: Value, parts: Sequence[ValueLabel]) -> ValueLabel:
    """Return the label of a value out of those of the parts of a long script: what holds in one part holds.

    Of present and conflicted the one with the higher probability in any part wins. A value is absent where it is in
    all parts.
    """
    held = [p for p in parts if p.state in (State.PRESENT, State.CONFLICTED)]
    assessed = [p for p in parts if p.state is not State.NOT_ASSESSED]
    if not assessed or (not held and len(assessed) < len(parts)):
        return ValueLabel(value=value)  # what nobody judged may hold it
    leading = max(held, key=_strength, default=assessed[0])
    alike = [p for p in held if p.state is leading.state]
    return ValueLabel(
        value=value,
        present=max((p.present for p in assessed if p.present is not None), default=None),
        conflicted=max((p.conflicted for p in assessed if p.conflicted is not None), default=None),
        state=leading.state,
        dominant=any(p.dominant for p in alike),
        evidence=tuple(dict.fromkeys(e for p in alike for e in p.evidence)),
    )


def _strength(label: ValueLabel) -> float:
    likelihood = label.present if label.state is State.PRESENT else label.conflicted
    return likelihood or 0.0
