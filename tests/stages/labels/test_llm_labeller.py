"""Lines, definitions, prompts and the judge around a model that says what it was taught."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.labels.talk import Parrot, script, short_values, shown, told
from valex_local.errors import ConfigError, InputError
from valex_local.llm import ContextOverflow, Picture
from valex_local.records import Dialogue, OnScreenText, Scene, Script
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.settings import LlmLabelSettings, Settings
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, script_lines, text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import BLOCKS, LabelledExample, LabelPrompt, PromptKeyframe
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.setting_files import setting_file

OURS = setting_file(Settings(), "labels", "fewshot", "values")
PROMPT = setting_file(Settings(), "labels", "fewshot", "prompt")
LINES = script_lines(script("I did it alone.", "Nobody helped me.", post="my own way", screen=("DAY 1",)))
ALL = questions("together")[0]


# --- lines ----------------------------------------------------------------------------------------------------------


def test_lines_are_named_by_their_evidence() -> None:
    assert [(line.id, line.kind, line.text) for line in LINES] == [
        ("H1", "place", "KITCHEN"),
        ("P1", "post", "my own way"),
        ("S1", "speech", "I did it alone."),
        ("S2", "speech", "Nobody helped me."),
        ("T1", "on screen", "DAY 1"),
        ("L5", "action", "Somebody waves."),
    ]


def test_scripts_from_elsewhere_are_numbered_and_repeats_are_shown_once() -> None:
    elements = (
        Dialogue(ref=None, speaker="OLD MAN", text="Well.", start=None, end=None),
        OnScreenText(ref="T1", text="Well.", start=0, end=1, repeats="S1"),
        OnScreenText(ref=None, text=" \n ", start=None, end=None),
        OnScreenText(ref=None, text="END", start=None, end=None),
    )
    scene = Scene(start=None, end=None, elements=elements, written_by="import")
    found = script_lines(Script(name="gemini", scenes=(scene, scene)))
    assert [line.id for line in found] == ["L1", "L4", "L5", "L8"]
    assert found[0].speaker == "OLD MAN"


@given(st.text(max_size=200))
def test_every_line_of_a_text_is_one_line_and_has_a_name_of_its_own(text: str) -> None:
    found = text_lines(text)
    assert len({line.id for line in found}) == len(found)
    assert all(line.text and line.text == " ".join(line.text.split()) for line in found)


# --- definitions ----------------------------------------------------------------------------------------------------


def test_ours_define_every_value_and_label_an_example() -> None:
    ours = read_definitions(OURS)
    assert [d.name for d in ours.in_order()] == list(CIRCLE)
    assert all({e.state for e in d.examples} == {State.PRESENT, State.CONFLICTED} for d in ours.value)
    assert ours.example is not None
    assert {label.state for label in ours.example.labels} == {State.PRESENT, State.CONFLICTED}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('name = "Face"', 'name = "Fame"'), "value 'Fame': name"),
        (("[[value]]", "[[values]]"), "unknown key values; did you mean value"),
        (('name = "Face"', 'name = "Hedonism"'), "defined once; check: Hedonism, Face"),
        (('definition = "', 'definition = ""\nx = "'), "value 'Self-direction: thought': definition"),
        (("[[value]]", "[[value"), "not valid TOML"),
    ],
)
def test_what_is_wrong_with_a_file_of_values_is_said(change: tuple[str, str], complaint: str, tmp_path: Path) -> None:
    path = short_values(tmp_path / "values.toml")
    path.write_text(path.read_text("utf-8").replace(*change, 1 if "defin" in change[0] else -1), "utf-8")
    with pytest.raises(ConfigError, match=complaint) as error:
        read_definitions(path)
    assert str(path) in str(error.value)


def test_a_worked_example_cannot_rest_on_lines_it_has_not(tmp_path: Path) -> None:
    path = tmp_path / "values.toml"
    example = (
        '[example]\nscript = [{kind = "speech", text = "a"}]\n'
        'labels = [{value = "Face", state = "present", lines = [2]}]\n'
    )
    path.write_text(example + short_values(tmp_path / "v.toml").read_text("utf-8"), "utf-8")
    with pytest.raises(ConfigError, match=r"lines that do not exist: \[2\]"):
        read_definitions(path)


# --- prompts --------------------------------------------------------------------------------------------------------


def prompt(way: Any = "together", *, shots: tuple[LabelledExample, ...] = (), sees: bool = False) -> LabelPrompt:
    return LabelPrompt(PROMPT, read_definitions(OURS), way, shots=shots, sees=sees)


def test_what_questions_share_comes_first_and_is_the_same() -> None:
    for way in ("together", "one", "apart"):
        made = prompt(way)
        asked = [made.messages(LINES, (), question) for question in questions(way)]
        assert len({messages[0].content for messages in asked}) == 1
        assert len({messages[1].parts[0] for messages in asked}) == 1, "the script too"
        assert len({shown(messages) for messages in asked}) == len(asked)
    assert len(prompt().messages(LINES, (), ALL)[1].parts) == 1, "behind a script comes nothing more"


def test_the_prompt_tells_codes_definitions_examples_and_the_right_answer() -> None:
    text = shown(prompt().messages(LINES, (), ALL))
    for definition in read_definitions(OURS).value:
        assert f"{definition.name.code} {definition.name.value}. Present: {definition.definition}" in text
    assert '"SDT":["d","E1","E2"]' in text
    assert 'S1 speech by "SPEAKER": "I did it alone."' in text


def test_labelled_scripts_are_shown_as_examples() -> None:
    shot = LabelledExample((EvidenceLine("L1", "text", "Look at my car!"),), {Value.FACE: Known(State.PRESENT, True)})
    text = shown(prompt(shots=(shot, shot)).messages(LINES, (), ALL))
    assert text.count("Labelled by people") == text.count('"Look at my car!"') == 2
    assert '"FAC":["d"]' in text


def test_pictures_stand_behind_the_lines_with_their_times() -> None:
    still = PromptKeyframe("K1", 3.04, Picture(b"\xff\xd8"))
    parts = prompt(sees=True).messages(LINES, (still,), ALL)[1].parts
    assert parts[1:] == ("K1 picture at 3.0 s:", still.picture, "\n")


@settings(max_examples=50)
@given(st.text(min_size=1, max_size=60))
def test_no_text_of_the_evidence_begins_a_line_of_the_prompt(text: str) -> None:
    lines = script_lines(script(text, post=text, screen=(text,)))
    part = prompt().messages(lines, (), ALL)[1].parts[0]
    assert isinstance(part, str)
    assert len(part.strip().split("\n")) == len(lines)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{% block system %}{% endblock %}", "lacks the block evidence"),
        ("{% block system %}", "line 1 of the prompt"),
        ("".join(f"{{% block {name} %}}{{% endblock %}}" for name in BLOCKS[:-1])
         + "{% block question %}{{ ask + 1 }}{% endblock %}", "block question"),
        ("".join(f"{{% block {name} %}}{{{{ nothing }}}}{{% endblock %}}" for name in BLOCKS),
         "'nothing' is undefined"),
    ],
)  # fmt: skip
def test_a_prompt_of_the_labs_own_that_will_not_do(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        LabelPrompt(path, read_definitions(OURS), "together")


# --- the judge ------------------------------------------------------------------------------------------------------

KNOWN = {
    Value.SELF_DIRECTION_ACTION: Known(State.PRESENT, True, ("S1", "S2")),
    Value.HUMILITY: Known(State.CONFLICTED, False, ("P1",)),
}


def judge(parrot: Parrot, **how: Any) -> LlmLabeller:
    settings = LlmLabelSettings(**how)
    return LlmLabeller(parrot, prompt(settings.ask), settings)


@pytest.mark.parametrize("way", ["together", "one", "apart", "scenes"])
def test_each_way_of_asking_gives_the_same_labels(way: Any) -> None:
    asked = questions(way)
    parrot = Parrot(lambda n, _: told(asked[n], KNOWN))
    found = judge(parrot, ask=way).label(LINES)
    by_value = {label.value: label for label in found.values}
    assert tuple(by_value) == CIRCLE
    action, humility = by_value[Value.SELF_DIRECTION_ACTION], by_value[Value.HUMILITY]
    assert (action.state, action.dominant, action.evidence) == (State.PRESENT, True, ("S1", "S2"))
    assert (humility.state, humility.dominant, humility.evidence) == (State.CONFLICTED, False, ("P1",))
    assert sum(label.state is State.ABSENT for label in found.values) == 17
    assert [notice.code for notice in found.notices] == ["no-probabilities", "labelled-by-scene"][
        : 1 + (way == "scenes")
    ]
    assert len(parrot.asked) == len(asked)
    assert {a["temperature"] for a in parrot.asked} == {0.0}


def test_probabilities_come_from_the_tokens() -> None:
    chances = tuple(math.log(p) for p in (0.25, 0.25, 0.25, 0.25))
    found = judge(Parrot(lambda n, _: told(ALL, KNOWN, chances))).label(LINES)
    assert {(label.present, label.conflicted) for label in found.values} == {(0.5, 0.25)}
    assert found.notices == ()


def test_a_bad_answer_is_asked_for_once_more_and_then_its_values_are_not_assessed() -> None:
    parrot = Parrot(lambda n, _: "{" if n == 0 else told(ALL, KNOWN))
    found = judge(parrot).label(LINES)
    assert [(a["temperature"] > 0, a["seed"]) for a in parrot.asked] == [(False, 0), (True, 1)]
    assert all(label.state is not State.NOT_ASSESSED for label in found.values)
    asked = questions("one")
    hopeless = Parrot(lambda n, text: "{" if "FAC Face?" in text else told(asked[n - 2 * (n > 7)], {}))
    found = judge(hopeless, ask="one").label(LINES)
    assert [label.value for label in found.values if label.state is State.NOT_ASSESSED] == [Value.FACE]
    assert "no-answer" in [notice.code for notice in found.notices]
    assert "Face" in found.notices[-1].text


def test_a_script_too_long_for_the_context_is_labelled_in_parts_and_none_is_left_out() -> None:
    lines = text_lines("\n".join(f"line number {n} of a long script" for n in range(900)))
    seen: list[str] = []
    parrot = Parrot(lambda n, text: seen.append(text) or told(ALL, KNOWN if n == 1 else {}), context=4096 + 2048)
    found = judge(parrot, context=8192).label(lines)
    assert len(parrot.asked) > 2
    assert all(sum(f" {n} of a long" in text for text in seen) == 1 for n in range(900))
    assert "labelled-in-parts" in [notice.code for notice in found.notices]
    assert {label.value for label in found.values if label.state is not State.ABSENT} == set(KNOWN)


def test_where_parts_disagree_it_is_said() -> None:
    lines = text_lines("\n".join(f"line number {n} of a long script" for n in range(900)))
    found = judge(
        Parrot(lambda n, _: told(ALL, {Value.FACE: Known(State.CONFLICTED if n else State.PRESENT)}), context=6144),
        context=8192,
    ).label(lines)
    (notice,) = (notice for notice in found.notices if notice.code == "parts-disagree")
    assert notice.text == "present in one part and conflicted in another: Face"


def test_a_prompt_of_the_labs_own_is_asked_by_scene_as_together(tmp_path: Path) -> None:
    path = tmp_path / "mine.jinja"
    path.write_text("".join(f"{{% block {name} %}}{{{{ ask }}}}{{% endblock %}}" for name in ("system", "question"))
                    + "{% block evidence %}{% endblock %}{% block picture %}{% endblock %}", "utf-8")  # fmt: skip
    made = LabelPrompt(path, read_definitions(OURS), "scenes")
    assert shown(made.messages(LINES, (), ALL)).split() == ["together"] * 2


def test_one_line_longer_than_the_context_is_cut_and_keeps_its_name() -> None:
    seen: list[str] = []
    known = {Value.FACE: Known(State.PRESENT, False, ("L1",))}
    parrot = Parrot(lambda n, text: seen.append(text) or told(ALL, known), context=6144)
    words = " ".join(f"word{n}" for n in range(3000))
    found = judge(parrot, context=8192).label(text_lines(words))
    assert len(seen) > 1
    assert all(sum(f"word{n} " in text or f'word{n}"' in text for text in seen) == 1 for n in range(3000))
    assert found.values[CIRCLE.index(Value.FACE)].evidence == ("L1",)
    assert found.figures is not None and found.figures.questions == len(seen)


def test_what_does_not_fit_even_so_is_an_error_of_that_post() -> None:
    with pytest.raises(ContextOverflow, match=r"question alone exceeds.*fewer or shorter examples"):
        judge(Parrot(lambda *_: "never")).label(text_lines("w" * 60_000))


def test_nothing_is_not_asked_about() -> None:
    with pytest.raises(InputError, match="contains no words"):
        judge(Parrot(lambda *_: "never")).label(text_lines("\x7f"))


def test_codes_that_were_unlikely_come_with_a_warning() -> None:
    found = judge(Parrot(lambda n, _: told(ALL, KNOWN, (-5.0, -5.0, -5.0, -5.0)))).label(LINES)
    assert [notice.code for notice in found.notices] == ["unsure-probabilities"]


def test_evidence_there_is_not_is_left_out_and_said() -> None:
    known = {Value.FACE: Known(State.PRESENT, False, ("S1", "S9"))}
    found = judge(Parrot(lambda *_: told(ALL, known))).label(LINES)
    assert found.values[CIRCLE.index(Value.FACE)].evidence == ("S1",)
    assert "evidence-refused" in [notice.code for notice in found.notices]
