"""Questions and answers: the schema admits right answers alone, and what is read out of an answer is what it says."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.llm import Token
from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.stages.labels.answers import (
    AnswerWithProbabilities,
    BadLabelAnswer,
    StateProbabilities,
    ValueAnswer,
    joined,
    read_answer,
    read_probabilities,
    value_label,
)
from valex_local.stages.labels.questions import Known, Question, answer_schema, answered, examples, questions

EVIDENCE = ("P1", "S1", "S2", "T1")
HELD = st.sampled_from([State.PRESENT, State.CONFLICTED])
KNOWN = st.dictionaries(
    st.sampled_from(CIRCLE),
    st.builds(
        Known, HELD, st.booleans(), st.lists(st.sampled_from(EVIDENCE), min_size=1, max_size=3, unique=True).map(tuple)
    ),
)
WAYS = st.sampled_from(["together", "one", "apart", "scenes"])


def test_ways_of_asking() -> None:
    ways = ("together", "one", "apart", "scenes", "yes-no")
    assert [len(questions(way)) for way in ways] == [1, 19, 2, 1, 38]
    for way in ways:
        asked = [value for question in questions(way) for value in question.values]
        assert {asked.count(value) for value in CIRCLE} == {2 if way in ("apart", "yes-no") else 1}


@given(KNOWN, WAYS)
def test_what_is_answered_is_read_again(known: dict[Value, Known], way: Any) -> None:
    for question in questions(way):
        read = read_answer(answered(question, known), question, EVIDENCE)
        assert list(read) == list(question.values)
        for value, verdict in read.items():
            what = known.get(value)
            holds = what is not None and question.polarity in (None, Polarity(what.state.value))
            assert (verdict.code in ("d", "p", "c", "y")) is holds
            if holds and what:
                assert verdict.evidence == what.evidence
                assert (verdict.code == "d") is (what.dominant and what.state is State.PRESENT)


@given(KNOWN, WAYS)
def test_right_answers_keep_to_the_schema(known: dict[Value, Known], way: Any) -> None:
    for question in questions(way):
        assert fits(answer_schema(question, EVIDENCE), json.loads(answered(question, known)))


@pytest.mark.parametrize(
    "answer",
    ['["x"]', '["p"]', '"p"', '["p","S9"]', '["a","S1"]', '["p","S1","S1","S1","S1"]', "[]", "{}"],
)
def test_the_schema_refuses(answer: str) -> None:
    question = questions("one")[0]
    assert not fits(answer_schema(question, EVIDENCE), json.loads(answer))


def fits(schema: Any, data: Any, defs: Any = None) -> bool:
    """Hold data against the few words of JSON schema that are used here."""
    defs = schema.get("$defs", defs)
    if "$ref" in schema:
        return fits(defs[schema["$ref"].rpartition("/")[2]], data, defs)
    if "anyOf" in schema:
        return any(fits(option, data, defs) for option in schema["anyOf"])
    if "enum" in schema:
        return data in schema["enum"]
    match schema["type"]:
        case "array":
            items = schema["prefixItems"]
            return (
                isinstance(data, list)
                and len(data) == len(items)
                and all(fits(*pair, defs) for pair in zip(items, data, strict=True))
            )
        case "object":
            return (
                isinstance(data, dict)
                and set(data) == set(schema["required"])
                and all(fits(schema["properties"][key], value, defs) for key, value in data.items())
            )
    raise AssertionError(schema)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(raw: str) -> None:
    for question in (questions("together")[0], questions("one")[3], questions("apart")[1]):
        with pytest.raises(BadLabelAnswer):
            read_answer(raw, question, EVIDENCE)


GOOD = answered(questions("together")[0], {Value.FACE: Known(State.PRESENT, True, ("S1",))})


@pytest.mark.parametrize(
    "bad",
    [
        GOOD[:-1],
        GOOD[:100],
        GOOD.replace('"FAC"', '"FACE"'),
        GOOD.replace('"HE":["a"],', ""),
        GOOD.replace('["d","S1"]', '"d"'),
        GOOD.replace('["d","S1"]', "[]"),
        GOOD.replace('["d","S1"]', '["present","S1"]'),
        GOOD.replace('["d","S1"]', '["a","S1"]'),
        GOOD + GOOD,
        f"[{GOOD}]",
        "[" * 100_000,
        GOOD[:-1] + ',"EXTRA":["a"]}',
    ],
)
def test_answers_of_another_shape_are_refused(bad: str) -> None:
    with pytest.raises(BadLabelAnswer):
        read_answer(bad, questions("together")[0], EVIDENCE)


def test_evidence_that_is_not_there_is_left_out_and_counted() -> None:
    raw = json.dumps(["p", "S1", "S9", "S1", 4, "T1"])
    verdict = read_answer(raw, questions("one")[0], EVIDENCE)[CIRCLE[0]]
    assert (verdict.evidence, verdict.refused) == (("S1", "T1"), 2)


def test_raw_line_breaks_and_blanks_do_no_harm() -> None:
    assert read_answer('[ \n"a" ]', questions("one")[0], EVIDENCE)[CIRCLE[0]] == ValueAnswer("a")


# --- probabilities --------------------------------------------------------------------------------------------------


def tokens(*parts: str | tuple[str, dict[str, float]]) -> list[Token]:
    """Tokens; of those with likelihoods the alternatives."""
    return [
        Token(part, {part: 0.0}) if isinstance(part, str) else
        Token(part[0], {text: math.log(p) for text, p in part[1].items()})
        for part in parts
    ]  # fmt: skip


def test_shares_are_those_of_the_token_that_names_the_state() -> None:
    question = Question((Value.HEDONISM, Value.FACE))
    answer = tokens(
        '{"', "HE", '":["', ("p", {"p": 0.4, "d": 0.1, "a": 0.2, "c": 0.1, "x": 0.2}), '","S1"]', ',"FAC"', ":",
        ("[\"a", {'["a': 0.6, '["p': 0.2, '["c"]': 0.1, "[": 0.1}), '"]}',
    )  # fmt: skip
    found = read_probabilities(answer, question)
    assert found[Value.HEDONISM].by_code == pytest.approx({"d": 0.125, "p": 0.5, "c": 0.125, "a": 0.25})
    assert found[Value.FACE].by_code == pytest.approx({"d": 0.1, "p": 0.2, "c": 0.1, "a": 0.6})
    assert (found[Value.HEDONISM].total, found[Value.FACE].total) == pytest.approx((0.8, 0.9))


def test_words_that_begin_as_a_code_are_none() -> None:
    answer = tokens('["', ("a", {"absent": 0.6, "a": 0.1, 'p"': 0.2, "care": 0.1}), '"]')
    found = read_probabilities(answer, Question((Value.FACE,), alone=True))[Value.FACE]
    assert found.total == pytest.approx(0.3)
    assert found.by_code == pytest.approx({"d": 0.2, "p": 0.4, "c": 0.2, "a": 0.2})


def test_no_items_stand_beside_prefix_items() -> None:
    """The converter of llama.cpp's own server would read them instead."""
    for question in (questions("together")[0], questions("one")[0], questions("apart")[1]):
        assert '"items"' not in json.dumps(answer_schema(question, EVIDENCE))


def test_a_state_the_engine_tells_nothing_of_counts_as_the_least_likely_token() -> None:
    answer = tokens('["', ("y", {"y": 0.9, "q": 0.05, "r": 0.01}), '"]')
    found = read_probabilities(answer, Question((Value.FACE,), Polarity.CONFLICTED, alone=True))[Value.FACE].by_code
    assert found == pytest.approx({"y": 0.9 / 0.91, "n": 0.01 / 0.91})


def test_a_state_that_only_the_schema_forced_is_not_made_likely() -> None:
    answer = tokens('["', ("c", {"q": 0.9, "r": 0.1}), '"]')
    found = read_probabilities(answer, Question((Value.FACE,), alone=True))[Value.FACE]
    assert list(found.by_code.values()) == pytest.approx([1 / 4] * 4)
    assert found.total == 0


def test_without_log_probabilities_there_are_none() -> None:
    assert read_probabilities([], questions("together")[0]) == {}
    said = AnswerWithProbabilities(questions("together")[0], ValueAnswer("d", ("S1",)), None)
    assert value_label(Value.FACE, [said]) == ValueLabel(
        value=Value.FACE, present=1.0, conflicted=0.0, state=State.PRESENT, dominant=True, evidence=("S1",)
    )


# --- labels ---------------------------------------------------------------------------------------------------------


def test_the_state_is_the_one_that_was_named() -> None:
    said = AnswerWithProbabilities(
        questions("together")[0], ValueAnswer("a"), StateProbabilities({"d": 0.15, "p": 0.3, "c": 0.05, "a": 0.5}, 1.0)
    )
    label = value_label(Value.FACE, [said])
    assert (label.state, label.present, label.conflicted, label.evidence) == (State.ABSENT, 0.45, 0.05, ())


@pytest.mark.parametrize(
    ("present", "conflicted", "state", "evidence"),
    [(0.8, 0.6, State.PRESENT, ("S1",)), (0.6, 0.9, State.CONFLICTED, ("T1",)), (0.4, 0.2, State.ABSENT, ())],
)
def test_asked_apart_the_larger_margin_wins(present: float, conflicted: float, state: State, evidence: Any) -> None:
    first, second = questions("apart")
    said = [
        AnswerWithProbabilities(
            first, ValueAnswer("d", ("S1",)), StateProbabilities({"d": present - 0.1, "y": 0.1, "n": 1 - present}, 1.0)
        ),
        AnswerWithProbabilities(
            second, ValueAnswer("y", ("T1",)), StateProbabilities({"y": conflicted, "n": 1 - conflicted}, 1.0)
        ),
    ]
    label = value_label(Value.FACE, said)
    assert (label.state, label.evidence) == (state, evidence)
    assert label.dominant is (state is State.PRESENT)
    alone = value_label(Value.FACE, said[1:])
    assert (alone.present, alone.conflicted) == (None, conflicted), "a polarity without an answer is not assessed"


def test_a_value_without_an_answer_is_not_assessed() -> None:
    assert value_label(Value.FACE, []) == ValueLabel(value=Value.FACE)


def label(state: State, present: float, conflicted: float, *evidence: str) -> ValueLabel:
    return ValueLabel(
        value=Value.FACE, present=present, conflicted=conflicted, state=state, dominant=False, evidence=evidence
    )


def test_what_holds_in_one_part_of_a_long_script_holds() -> None:
    parts = [
        label(State.ABSENT, 0.1, 0.2),
        label(State.PRESENT, 0.7, 0.1, "S1"),
        label(State.CONFLICTED, 0.2, 0.6, "S5"),
        label(State.PRESENT, 0.5, 0.1, "S9", "S1"),
        ValueLabel(value=Value.FACE),
    ]
    assert joined(Value.FACE, parts) == label(State.PRESENT, 0.7, 0.6, "S1", "S9")
    assert joined(Value.FACE, parts[:1]).state is State.ABSENT
    assert joined(Value.FACE, parts[-1:]).state is State.NOT_ASSESSED
    half = [label(State.ABSENT, 0.1, 0.1), ValueLabel(value=Value.FACE)]
    assert joined(Value.FACE, half).state is State.NOT_ASSESSED, "absence is not said of what nobody judged"


def test_examples_of_single_values_are_few_and_say_something() -> None:
    known = {Value.FACE: Known(State.CONFLICTED, False, ("L1",)), Value.HEDONISM: Known(State.PRESENT, True, ("L2",))}
    shown = examples("one", known)
    assert [q.values[0] for q, _ in shown] == [CIRCLE[0], Value.HEDONISM, Value.FACE]
    assert [json.loads(a)[0] for _, a in shown] == ["a", "d", "c"]
    assert len(examples("together", known)) == 1
    assert len(examples("apart", known)) == 2
