"""Ways of asking a language model for labels: the questions, the schema of an answer, and right answers.

``together`` asks for the state of all values at once; ``one`` for one value at a time; ``apart`` asks which values are
present, and then which are conflicted; ``scenes`` asks like ``together``, but about each scene alone (see the module
`scenes`); ``yes-no`` asks about one value and polarity at a time, and the answer is one of these words (see the module
`yes_no`). Other answers are JSON with short codes, to keep them small: for each value a list of the state and its
evidence, ``{"SDT": ["p", "S3"], "SDA": ["a"], ...}``; for a single value just the list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from valex_local.llm.base import JsonSchema, object_schema
from valex_local.schwartz import CIRCLE, Polarity, State, Value

Way = Literal["together", "one", "apart", "scenes", "yes-no"]

MAX_EVIDENCE = 3
"""Maximum number of evidence lines for a value."""

STATES: Mapping[str, State] = {"d": State.PRESENT, "p": State.PRESENT, "c": State.CONFLICTED, "a": State.ABSENT}
"""Meaning of the codes of states; d is present and dominant. For a single polarity the codes are y (yes) and n (no)."""

_DOMINANT = "d"


@dataclass(frozen=True)
class Question:
    """A question about some evidence.

    Attributes
    ----------
    values : tuple of Value
        The values it asks about.
    polarity : Polarity or None
        The polarity it asks about; None if it asks for the state.
    alone : bool
        Whether it asks about a single value, so that the answer does not name it.
    """

    values: tuple[Value, ...]
    polarity: Polarity | None = None
    alone: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the states in an answer; the last one means no and comes without evidence."""
        match self.polarity:
            case None:
                return tuple(STATES)
            case Polarity.PRESENT:
                return _DOMINANT, "y", "n"
            case Polarity.CONFLICTED:
                return "y", "n"

    def facts(self) -> dict[str, Any]:
        """Return the variables of a prompt's block ``question``."""
        value = {"code": self.values[0].code, "name": self.values[0].value} if self.alone else {}
        return value | ({} if self.polarity is None else {"polarity": self.polarity.value})


def questions(way: Way) -> tuple[Question, ...]:
    """Return the questions of a way of asking, in order; by scene, those about one scene."""
    match way:
        case "together" | "scenes":
            return (Question(CIRCLE),)
        case "one":
            return tuple(Question((value,), alone=True) for value in CIRCLE)
        case "apart":
            return tuple(Question(CIRCLE, polarity) for polarity in Polarity)
        case "yes-no":
            return tuple(Question((value,), polarity, alone=True) for value in CIRCLE for polarity in Polarity)


def answer_schema(question: Question, evidence: Sequence[str]) -> JsonSchema:
    """Return the JSON schema of an answer, in which evidence is an enum of the existing ids.

    Parameters
    ----------
    question : Question
        The question.
    evidence : sequence of str
        Ids of the evidence, at least one.
    """
    *positive, absent = question.codes
    line = {"$ref": "#/$defs/line"}
    lists = [_list({"enum": [absent]})]
    lists += [_list({"enum": positive}, *[line] * count) for count in range(1, MAX_EVIDENCE + 1)]
    choice = {"anyOf": lists}
    defs = {"line": {"enum": list(evidence)}}
    if question.alone:
        return {**choice, "$defs": defs}
    labels = object_schema({value.code: {"$ref": "#/$defs/label"} for value in question.values})
    return {**labels, "$defs": {**defs, "label": choice}}


def _list(*items: JsonSchema) -> dict[str, Any]:
    return {
        "type": "array",
        "prefixItems": list(items),  # without `items`: llama.cpp's own server would read only those
        "minItems": len(items),
        "maxItems": len(items),
    }


@dataclass(frozen=True)
class Known:
    """The known label of a value that is not absent, from the worked example or from people's labels."""

    state: State
    dominant: bool = False
    evidence: tuple[str, ...] = ()


def answered(question: Question, known: Mapping[Value, Known]) -> str:
    """Return the right answer to a question, in the form that a model should write it."""
    if question.alone and question.polarity is not None:
        own = known.get(question.values[0])
        return "yes" if own is not None and own.state.value == question.polarity.value else "no"
    labels = {value.code: _answered(question, known.get(value)) for value in question.values}
    data = labels[question.values[0].code] if question.alone else labels
    return json.dumps(data, separators=(",", ":"))


def _answered(question: Question, known: Known | None) -> list[str]:
    *_, absent = question.codes
    if known is None or (question.polarity is not None and known.state.value != question.polarity.value):
        return [absent]
    if known.dominant and known.state is State.PRESENT:
        code = _DOMINANT
    elif question.polarity is not None:
        code = "y"
    else:
        code = "p" if known.state is State.PRESENT else "c"
    return [code, *known.evidence[:MAX_EVIDENCE]]


def examples(way: Way, known: Mapping[Value, Known]) -> list[tuple[Question, str]]:
    """Return example questions with their right answers.

    For single values these are the ones not absent and one that is; for yes and no, as many with each answer.

    Parameters
    ----------
    way : Way
        How to ask.
    known : mapping of Value to Known
        The values that are not absent.
    """
    absent = [value for value in CIRCLE if value not in known]
    shown = list(questions(way))
    if way == "one":
        shown = [q for q in shown if q.values[0] in (*known, *absent[:1])]
    if way == "yes-no":
        right = [q for q in shown if answered(q, known) == "yes"]
        wrong = [q for q in shown if q.values[0] in absent[: len(right)] and q.polarity is Polarity.PRESENT]
        shown = [q for pair in zip(right, wrong, strict=False) for q in pair]
    return [(question, answered(question, known)) for question in shown]
