"""Scene by scene: how a script is split, what each window is shown, and how the answers are pooled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.labels.talk import Parrot, shown, told
from valex_local.records import Action, Dialogue, PostLine, Scene, Script, ValueLabel
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.settings import LlmLabelSettings, Settings
from valex_local.stages.labels.answers import pooled
from valex_local.stages.labels.definitions import read_definitions
from valex_local.stages.labels.lines import EvidenceLine, script_lines, text_lines
from valex_local.stages.labels.llm_labeller import LlmLabeller
from valex_local.stages.labels.prompt import LabelPrompt
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.labels.routes import LabelResult
from valex_local.stages.labels.scenes import LEAST, MOST, MOST_POST, counted_scenes, length, windows
from valex_local.stages.setting_files import setting_file

QUESTION = questions("scenes")[0]


def speech(words: int, scene: int = 1, *, id: str = "S1") -> EvidenceLine:
    return EvidenceLine(id, "speech", " ".join(["word"] * words), "SPEAKER", scene)


def script(*scenes: tuple[int, ...], post: str | None = None) -> Script:
    """A script with dialogue of so many words in each of its scenes."""
    made, spoken = [], 0
    for number, lengths in enumerate(scenes, 1):
        elements: list[Any] = [PostLine(text=post)] if post and number == 1 else []
        for words in lengths:
            spoken += 1
            text = " ".join(["word"] * words)
            elements.append(Dialogue(ref=f"S{spoken}", speaker="SPEAKER", text=text, start=spoken, end=spoken + 1))
        elements.append(Action(text="Somebody waves.", start=None, end=None))
        made.append(Scene(heading=f"ROOM {number}", start=None, end=None, elements=tuple(elements), written_by="llm"))
    return Script(name="local", scenes=tuple(made))


# --- windows --------------------------------------------------------------------------------------------------------

TEXT = st.text(st.sampled_from("ab ."), min_size=1, max_size=3 * LEAST)
LINES = st.lists(
    st.tuples(st.sampled_from(["speech", "action", "on screen", "place"]), TEXT, st.integers(0, 1)),
    max_size=25,
)
POST = st.lists(st.text("post", min_size=1, max_size=2 * MOST_POST), max_size=1)


def evidence(post: list[str], lines: list[tuple[str, str, int]]) -> list[EvidenceLine]:
    found, scene = [EvidenceLine("P1", "post", text) for text in post], 1
    for number, (kind, text, step) in enumerate(lines, 1):
        scene += step
        found.append(EvidenceLine(f"L{number}", kind, text, scene=scene))
    return found


@given(POST, LINES)
def test_every_line_is_asked_about_once_and_in_order(post: list[str], lines: list[tuple[str, str, int]]) -> None:
    whole = evidence(post, lines)
    found = windows(whole)
    assert all(window.lines for window in found)
    assert [line for window in found for line in window.lines if line.kind != "post"] == [
        line for line in whole if line.kind != "post"
    ]
    published = [line for line in whole if line.kind == "post"]
    with_post = [window for window in found if window.lines[0].kind == "post"]
    if published and lines and length(published) <= MOST_POST:
        assert with_post == list(found), "shown with each"
    else:
        assert len(with_post) == len(published), "asked about by itself"
        assert all(len(window.lines) == 1 for window in with_post)


@given(POST, LINES)
def test_no_window_is_too_short_or_too_long(post: list[str], lines: list[tuple[str, str, int]]) -> None:
    found = [window for window in windows(evidence(post, lines)) if window.lines[-1].kind != "post"]
    assert len(found) == 1 or all(window.length >= LEAST for window in found)
    # Lines here are shorter than a window: what is joined is at most a long part and a short one on either side.
    assert all(window.length <= MOST + 2 * LEAST for window in found)


def test_scenes_stay_whole_where_they_are_neither_short_nor_long() -> None:
    found = windows(script_lines(script((40,), (20, 20), (60,))))
    assert [window.name for window in found] == ["scene 1", "scene 2", "scene 3"]
    assert [line.id for line in found[1].lines] == ["H2", "S2", "S3", "L5"]


def test_twenty_tiny_scenes_are_asked_about_together() -> None:
    found = windows(script_lines(script(*[(3,)] * 20)))
    assert len(found) < 7
    assert found[0].name == "scenes 1 to 6"
    assert all(window.length >= LEAST for window in found)


def test_a_short_last_scene_belongs_to_the_one_before() -> None:
    assert [window.name for window in windows(script_lines(script((40,), (60,), (3,))))] == ["scene 1", "scenes 2 to 3"]


def test_one_long_scene_is_split_between_lines() -> None:
    found = windows(script_lines(script((50,) * 20)))
    assert [window.name for window in found] == ["scene 1"] * 8
    assert all(LEAST <= window.length <= MOST for window in found)


def test_a_text_without_scenes_is_split_at_blank_lines() -> None:
    block = "word " * 50
    lines = text_lines(f"\n{block}\n{block}\n \n\n{block}\n")
    assert [(line.id, line.scene) for line in lines] == [("L2", 1), ("L3", 1), ("L6", 2)]
    assert [window.name for window in windows(lines)] == ["paragraph 1", "paragraph 2"]
    assert counted_scenes(lines) == "2 paragraphs"


def test_writing_without_spaces_is_split_too() -> None:
    found = windows(text_lines("\n\n".join(["我自己一个人做的，没有人帮我。" * 12] * 3)))
    assert len(found) == 3


# --- asking ---------------------------------------------------------------------------------------------------------


def asked(parrot: Parrot, lines: tuple[EvidenceLine, ...]) -> LabelResult:
    settings = LlmLabelSettings(ask="scenes")
    file, values = (setting_file(Settings(), "labels", "fewshot", name) for name in ("prompt", "values"))
    return LlmLabeller(parrot, LabelPrompt(file, read_definitions(values), settings.ask), settings).label(lines)


def by_scene(*known: dict[Value, Known] | None) -> Parrot:
    """A model that knows the labels of each window; it has no answer to those that are None."""
    return Parrot(lambda n, text: _answer(text, known), context=8192)


def _answer(text: str, known: tuple[dict[Value, Known] | None, ...]) -> Any:
    _, _, shown_lines = text.rpartition("not an instruction to you.")
    number = next(n for n in range(1, len(known) + 1) if f'"ROOM {n}"' in shown_lines)
    found = known[number - 1]
    return "{" if found is None else told(QUESTION, found)


def known(state: State, *ids: str, dominant: bool = False) -> Known:
    return Known(state, dominant, ids)


def label_of(found: LabelResult, value: Value) -> ValueLabel:
    return found.values[CIRCLE.index(value)]


def test_each_scene_is_asked_about_with_the_post_text_and_what_is_found_in_one_holds() -> None:
    lines = script_lines(script((40,), (40,), (40,), post="my own way"))
    parrot = by_scene(
        {Value.FACE: known(State.PRESENT, "S1")},
        {},
        {Value.FACE: known(State.PRESENT, "S3", "P1"), Value.HEDONISM: known(State.CONFLICTED, "S3")},
    )
    found = asked(parrot, lines)
    assert found.figures is not None and found.figures.questions == len(parrot.asked) == 3
    assert len({a["messages"][0].content for a in parrot.asked}) == 1, "one prefix"
    assert all('P1 post: "my own way"' in shown(a["messages"]) for a in parrot.asked)
    schemas = [str(a["schema"]) for a in parrot.asked]
    assert ["'S1'" in s for s in schemas] == [True, False, False], "evidence is that of the scene"
    face, hedonism = label_of(found, Value.FACE), label_of(found, Value.HEDONISM)
    assert (face.state, face.present, face.evidence) == (State.PRESENT, 1.0, ("S1", "S3", "P1"))
    assert (hedonism.state, hedonism.evidence) == (State.CONFLICTED, ("S3",))
    assert sum(label.state is State.ABSENT for label in found.values) == 17
    assert [n.text for n in found.notices if n.code == "labelled-by-scene"] == [
        "3 scenes, asked in 3 windows and pooled"
    ]


def test_one_scene_is_asked_about_as_a_whole_and_that_is_said() -> None:
    parrot = by_scene({Value.FACE: known(State.PRESENT, "S1", dominant=True)})
    found = asked(parrot, script_lines(script((3,))))
    assert len(parrot.asked) == 1
    assert label_of(found, Value.FACE).dominant
    assert "asked as a whole (1 scene)" in [notice.text for notice in found.notices]


def test_a_post_text_alone_is_asked_about() -> None:
    parrot = Parrot(lambda *_: told(QUESTION, {}))
    assert len(asked(parrot, (EvidenceLine("P1", "post", "my own way"),)).values) == 19


def test_a_scene_without_an_answer_is_asked_again_then_named_and_never_left_out_silently() -> None:
    parrot = by_scene({Value.FACE: known(State.PRESENT, "S1")}, None, {})
    found = asked(parrot, script_lines(script((40,), (40,), (40,))))
    assert found.figures is not None
    assert (found.figures.questions, found.figures.asked_again) == (4, 1)
    (notice,) = (notice for notice in found.notices if notice.code == "no-answer")
    assert "on the values in scene 2 could not be used" in notice.text
    assert label_of(found, Value.FACE).state is State.PRESENT
    assert {label.state for label in found.values if label.value is not Value.FACE} == {State.NOT_ASSESSED}


def test_a_scene_beyond_the_context_is_asked_about_in_parts() -> None:
    lines = (speech(40), speech(4000, 2, id="S2"), speech(40, 3, id="S3"))
    parrot = Parrot(lambda *_: told(QUESTION, {Value.FACE: known(State.PRESENT)}), context=6144)
    found = asked(parrot, lines)
    (notice,) = (notice for notice in found.notices if notice.code == "labelled-in-parts")
    assert notice.text.startswith("scene 2 is too long for the context: labelled in ")
    assert found.figures is not None and found.figures.questions == len(parrot.asked) == 4


@pytest.mark.parametrize(("times", "state"), [((2, 1), State.PRESENT), ((1, 2), State.CONFLICTED)])
def test_where_scenes_disagree_it_is_said_and_the_state_of_more_scenes_wins(
    times: tuple[int, int], state: State
) -> None:
    """This model reports no probabilities, so all states are equally likely."""
    states = [State.PRESENT] * times[0] + [State.CONFLICTED] * times[1]
    parrot = by_scene(*({Value.FACE: known(found, f"S{n}")} for n, found in enumerate(states, 1)))
    found = asked(parrot, script_lines(script(*[(40,)] * 3)))
    assert label_of(found, Value.FACE).state is state
    assert [notice.text for notice in found.notices if notice.code == "parts-disagree"] == [
        "present in one part and conflicted in another: Face"
    ]


# --- pooling --------------------------------------------------------------------------------------------------------


def label(state: State, present: float, conflicted: float, *evidence: str, dominant: bool = False) -> ValueLabel:
    return ValueLabel(
        value=Value.FACE, present=present, conflicted=conflicted, state=state, dominant=dominant, evidence=evidence
    )


def test_the_likelier_state_wins_and_probabilities_are_the_largest() -> None:
    scenes = [
        label(State.PRESENT, 0.6, 0.1, "S1", dominant=True),
        label(State.CONFLICTED, 0.1, 0.9, "S2"),
        label(State.PRESENT, 0.7, 0.2, "S3"),
    ]
    assert pooled(Value.FACE, scenes, [500, 10, 10]) == label(State.CONFLICTED, 0.7, 0.9, "S2")


@pytest.mark.parametrize(("lengths", "dominant"), [([200, 300], False), ([300, 200], True), ([200, 200], True)])
def test_what_dominates_half_of_the_script_dominates_it(lengths: list[int], dominant: bool) -> None:
    scenes = [label(State.PRESENT, 0.6, 0.1, "S1", dominant=True), label(State.PRESENT, 0.9, 0.1, "S2")]
    assert pooled(Value.FACE, scenes, lengths).dominant is dominant


STATES = st.sampled_from([State.PRESENT, State.CONFLICTED, State.ABSENT])
PROBABILITY = st.floats(0, 1)


@given(st.lists(st.builds(label, STATES, PROBABILITY, PROBABILITY), min_size=1, max_size=6))
def test_pooling_invents_nothing(scenes: list[ValueLabel]) -> None:
    found = pooled(Value.FACE, scenes, [1] * len(scenes))
    states = {scene.state for scene in scenes}
    assert found.state in states
    assert found.state is not State.ABSENT or states == {State.ABSENT}
    assert found.present == max(scene.present or 0 for scene in scenes)
    assert found.conflicted == max(scene.conflicted or 0 for scene in scenes)
