"""Questions with yes or no: what is read from the tokens, what is taken off, and when the second question is asked."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.labels.talk import Parrot, short_values
from valex_local.llm import Reply, Token
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.settings import LlmLabelSettings, Settings, make_settings
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelledExample, LabelPrompt
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.labels.yes_no import EMPTY, logit_of_yes
from valex_local.stages.setting_files import setting_file

OURS = setting_file(Settings(), "labels", "fewshot", "values")
PROMPT = setting_file(make_settings({"labels": {"fewshot": {"ask": "yes-no"}}}), "labels", "fewshot", "prompt")
LINES = text_lines("I did it alone.")

logits = st.floats(-8, 8)


def reply(logit: float | None) -> Reply:
    """An answer whose yes is likelier than its no by a logit; None reports no probabilities."""
    if logit is None:
        return Reply("Yes", 10, 1, "stop")
    share = {"Yes": -math.log1p(math.exp(-logit)), "No": -math.log1p(math.exp(logit))}
    alternatives = {word: math.log(0.5) + likely for word, likely in share.items()}
    return Reply("Yes", 10, 1, "stop", tokens=(Token("Yes", alternatives),))


def labeller(tmp_path: Path, answer: Callable[[str], float | None]) -> tuple[LlmLabeller, Parrot]:
    parrot = Parrot(lambda _, text: reply(answer(text)))
    definitions = read_definitions(short_values(tmp_path / "values.toml"))
    settings = LlmLabelSettings(ask="yes-no")
    return LlmLabeller(parrot, LabelPrompt(PROMPT, definitions, "yes-no"), settings), parrot


@given(logits)
def test_the_logit_is_that_of_the_two_words(logit: float) -> None:
    assert logit_of_yes(reply(logit).tokens) == pytest.approx(logit, abs=1e-6)


def test_every_spelling_counts_and_other_words_do_not() -> None:
    shares = {"Yes": 0.2, " yes": 0.2, "YES": 0.1, "no": 0.25, "Yesterday": 0.24}
    spelled = {word: math.log(share) for word, share in shares.items()}
    assert logit_of_yes((Token("x", spelled),)) == pytest.approx(math.log(2))
    rare = {"maybe": math.log(0.9), "No": math.log(0.08), "so": math.log(0.02)}
    assert logit_of_yes((Token("x", rare),)) == pytest.approx(math.log(0.02 / 0.08)), "an upper bound"
    assert logit_of_yes(()) is None and logit_of_yes((Token("x", {}),)) is None


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_model_that_always_says_the_same_finds_nothing(tmp_path_factory, about: float, against: float) -> None:
    asked, _ = labeller(tmp_path_factory.mktemp("v"), lambda text: against if "against" in text else about)
    for label in asked.label(LINES).values:
        assert label.present == pytest.approx(0.5, abs=1e-6)


def test_what_is_said_of_nothing_is_taken_off_and_asked_once(tmp_path: Path) -> None:
    def answer(text: str) -> float:
        return 3.0 if "alone" in text and "pleasure" in text and "against" not in text else 2.0

    asked, parrot = labeller(tmp_path, answer)
    by_value = {label.value: label for label in asked.label(LINES).values}
    assert by_value[Value.HEDONISM].present_logit == pytest.approx(1.0, abs=1e-6)
    assert by_value[Value.HEDONISM].state is State.PRESENT
    assert by_value[Value.FACE].present_logit == pytest.approx(0.0, abs=1e-6)
    first = len(parrot.asked)
    of_nothing = [one for one in parrot.asked if any(f'"{text}"' in one["messages"][1].parts[0] for text in EMPTY)]
    assert len(of_nothing) == len(EMPTY) * (len(CIRCLE) + 1), "presence of all, conflict of the one that may be present"
    asked.label(LINES)
    assert len(parrot.asked) - first == len(CIRCLE) + 1


def test_the_second_question_comes_where_the_first_may_hold(tmp_path: Path) -> None:
    def answer(text: str) -> float:
        if "alone" not in text:
            return 0.0
        if "power over people" in text:
            return 4.0 if "against" in text else 2.0
        return -2.0

    asked, parrot = labeller(tmp_path, answer)
    by_value = {label.value: label for label in asked.label(LINES).values}
    label = by_value[Value.POWER_DOMINANCE]
    assert (label.state, label.conflicted_logit) == (State.CONFLICTED, pytest.approx(4.0, abs=1e-6))
    other = by_value[Value.HUMILITY]
    assert other.state is State.ABSENT and other.conflicted_logit == other.present_logit
    assert {one["max_tokens"] for one in parrot.asked} == {1} and all(one["alternatives"] for one in parrot.asked)


def test_without_probabilities_the_word_counts_and_the_record_says_so(tmp_path: Path) -> None:
    asked, _ = labeller(tmp_path, lambda text: None)
    found = asked.label(LINES)
    assert {(label.present, label.present_logit) for label in found.values} == {(1.0, None)}
    assert [notice.code for notice in found.notices] == ["no-probabilities"]


def test_examples_show_as_many_yes_as_no() -> None:
    definitions = read_definitions(OURS)
    known = {Value.FACE: Known(State.PRESENT), Value.HUMILITY: Known(State.CONFLICTED)}
    shot = LabelledExample((EvidenceLine("L1", "text", "Look at my car!"),), known)
    made = LabelPrompt(PROMPT, definitions, "yes-no", shots=(shot,))
    system = made.messages(LINES, (), questions("yes-no")[0])[0].content
    assert isinstance(system, str)
    assert system.count("\nyes") == system.count("\nno") == 2
    assert "Is this about reputation and saving face? Answer yes or no.\nyes" in system
    assert "Does this reject or act against modesty? Answer yes or no.\nyes" in system


def test_questions_share_what_comes_before_them() -> None:
    made = LabelPrompt(PROMPT, read_definitions(OURS), "yes-no")
    asked = [made.messages(LINES, (), question) for question in questions("yes-no")]
    assert len(asked) == 2 * len(CIRCLE)
    assert len({(messages[0].content, messages[1].parts[0]) for messages in asked}) == 1
    assert len({messages[1].parts[1] for messages in asked}) == len(asked)
    assert {question.polarity for question in questions("yes-no")} == set(Polarity)
