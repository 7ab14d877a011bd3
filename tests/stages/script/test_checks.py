"""What a language model writes, corrupted in every way we could think of, changes neither the words nor their order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.script.evidences import ASKED, INJECTIONS, any_evidence, evidence, segment
from tests.stages.script.parrot import good_answer, write
from valex_local.llm import Picture
from valex_local.records import Action, Dialogue, KeyframeCaption, OnScreenText, Scene
from valex_local.stages.script.checks import BadSceneAnswer, SceneAnswer, check_answer, faults, speaker_name
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.question import question_about
from valex_local.stages.script.scenes import EvidenceStretch, plan_scenes

FOUND = evidence(captions=ASKED)
FIRST, SECOND, THIRD = plan_scenes(FOUND)
GOOD = {"K1": "One girl is talking to the camera.", "S1": "girl", "S2": "A Girl"}
BY_TEMPLATE = "One girl; talking to the camera."

PICTURES = {k.id: Picture(k.id.encode()) for k in FOUND.seen}
LOOKED_AT = replace(
    FOUND, seen=tuple(replace(k, caption=KeyframeCaption(keyframe=k.id)) for k in FOUND.seen), pictures=PICTURES
)


def checked(
    raw: str, stretch: EvidenceStretch = FIRST, found: Evidence = FOUND, own: tuple[str, ...] = ()
) -> SceneAnswer:
    question = question_about(stretch, found)
    assert question is not None
    return check_answer(raw, question, stretch, found, own=own)


def test_a_good_answer_is_taken_whole() -> None:
    answer = checked(json.dumps(GOOD))
    assert answer.place == "BEDROOM"
    assert answer.speakers == {"S1": "GIRL", "S2": "GIRL"}
    assert [(line.text, [k.id for k in line.keyframes]) for line in answer.actions] == [(GOOD["K1"], ["K1", "K2"])]
    assert (answer.references_refused, answer.references_restored, answer.refused.total()) == (0, 0, 0)


def corrupt(edit: Callable[[dict[str, Any]], object]) -> str:
    answer = dict(GOOD)
    edit(answer)
    return json.dumps(answer, ensure_ascii=False)


def put(**more: object) -> Callable[[dict[str, Any]], object]:
    return lambda answer: answer.update(more)


# Name: (the corrupted answer, the figures that must tell of it).
MUTATIONS: dict[str, tuple[str, dict[str, int]]] = {
    "speaker dropped": (corrupt(lambda a: a.pop("S1")), {"restored": 1}),
    "line dropped": (corrupt(lambda a: a.pop("K1")), {"restored": 1}),
    "all but one dropped": (json.dumps({"S2": "GIRL"}), {"restored": 2}),
    "forged speech": (corrupt(put(S9="GHOST")), {"refused": 1}),
    "speech of another scene": (corrupt(put(S3="GIRL")), {"refused": 1}),
    "a text": (corrupt(put(T1="BUY NOW")), {"refused": 1}),
    "a place that was not asked for": (corrupt(put(place="the moon")), {"refused": 1}),
    "a scene in it": (corrupt(put(scenes=[{"heading": "HACKED"}])), {"refused": 1}),
    "line is a list": (corrupt(put(K1=["a", "b"])), {"refused": 1, "restored": 1}),
    "speaker is a number": (corrupt(put(S1=7)), {"refused": 1, "restored": 1}),
    "line quotes": (corrupt(put(K1='One girl is talking to the "camera".')), {"line": 1}),
    "line retypes speech": (corrupt(put(K1="She bought nothing new at all.")), {"line": 1}),
    "line retypes post text": (corrupt(put(K1="Seven days, no new clothes it is.")), {"line": 1}),
    "line as dialogue": (corrupt(put(K1="MAN: what a day")), {"line": 1}),
    "line as screen text": (corrupt(put(K1="[BUY NOW]")), {"line": 1}),
    "line empty": (corrupt(put(K1=" ")), {"line": 1}),
    "line endless": (corrupt(put(K1="one girl talking to the camera " * 100)), {"line": 1}),
    "line invents a deed": (corrupt(put(K1="One girl is dancing and talking to the camera.")), {"line": 1}),
    "line invents a thing": (corrupt(put(K1="One girl with a phone is talking to the camera.")), {"line": 1}),
    "line places": (corrupt(put(K1="One girl is talking at the camera.")), {"line": 1}),
    "line denies": (corrupt(put(K1="One girl is not talking to the camera.")), {"line": 1}),
    "line leaves out a tag": (corrupt(put(K1="One girl is talking.")), {"line": 1}),
    "line of another keyframe": (corrupt(put(K1="One woman is shopping, and there is a red bag.")), {"line": 1}),
    "speaker quotes": (corrupt(put(S1='MAN: "hey"')), {"name": 1}),
    "speaker retypes": (corrupt(put(S1="I bought nothing new at all")), {"name": 1}),
    "speaker is a reference": (corrupt(put(S1="S2")), {"name": 1}),
    "speaker endless": (corrupt(put(S1="A" * 500)), {"name": 1}),
    "speaker of another keyframe": (corrupt(put(S1="YOUNG WOMAN")), {"name": 1}),
    "speaker invented": (corrupt(put(S1="DRAGON")), {"name": 1}),
    "text cut": (json.dumps(GOOD)[:-10], {"fallen back": 1}),
    "nothing": ("", {"fallen back": 1}),
    "no object": ("[]", {"fallen back": 1}),
    "an empty object": ("{}", {"fallen back": 1}),
    "only forged": (json.dumps({"S7": "X"}), {"fallen back": 1}),
    "prose around": ("Sure! Here you go: " + json.dumps(GOOD), {"fallen back": 1}),
    "two documents": (json.dumps(GOOD) * 2, {"fallen back": 1}),
    "nested without end": ("[" * 100_000, {"fallen back": 1}),
    "a huge number": ('{"K1": ' + "9" * 10_000 + "}", {"fallen back": 1}),
    "a raw break": (json.dumps(GOOD).replace("talking to", "talking\nto"), {}),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_corrupted_answer_changes_no_word_and_says_so(name: str) -> None:
    raw, told = MUTATIONS[name]
    draft, _ = write(FOUND, lambda n: raw)
    assert faults(draft.scenes, FOUND) == []
    try:
        answer = checked(raw)
    except BadSceneAnswer:
        assert told == {"fallen back": 1}
        assert draft.scenes[0].written_by == "template"
        assert "scene-by-template" in {n.code for n in draft.notices}
        return
    figures = {"refused": answer.references_refused, "restored": answer.references_restored} | answer.refused
    assert {key: count for key, count in figures.items() if count} == told
    assert draft.scenes[0].written_by == "llm"
    [line] = answer.actions
    assert (" ".join(GOOD["K1"].split()) == line.text) is ("K1" in raw and "line" not in name)
    assert line.text in (GOOD["K1"], BY_TEMPLATE)
    assert set(answer.speakers.values()) <= {"GIRL", "SPEAKER"}
    if {"line", "name"} & told.keys():
        assert "not-supported" in {n.code for n in draft.notices}


@pytest.mark.parametrize(
    ("line", "supported"),
    [
        ("One woman is shopping, and there is a red bag.", True),
        ("A woman with a red bag shops.", True),
        ("One woman shops in a red bag.", False),
        ("One woman is shopping with a red jacket.", False),
        ("One red woman is shopping with a bag.", False),
        ("Two women are shopping, and there is a red bag.", False),
        ("She is shopping with a red bag.", False),
        ("One woman is shopping with a red bag, and there is a woman.", False),
    ],
)
def test_a_line_says_all_that_the_tags_say_and_nothing_else(line: str, supported: bool) -> None:
    answer = checked(json.dumps({"K4": line}), SECOND)
    assert answer.actions[0].text == "A young woman holds up a red jacket.", "a caption is a sentence already"
    assert (answer.actions[1].text == line) is supported
    assert answer.refused["line"] == (not supported)


@pytest.mark.parametrize(
    ("place", "heading"),
    [("garden", "GARDEN"), ("unknown", None), ("blue coat", None), ("shop", None), ("the moon", None), ("", None)],
)
def test_a_place_is_one_that_the_captions_name(place: str, heading: str | None) -> None:
    answer = checked(json.dumps({"place": place, "S4": "YOUNG WOMAN"}), THIRD)
    assert (answer.place, answer.speakers) == (heading, {"S4": "YOUNG WOMAN"})


def test_the_likeliest_place_of_the_tags_is_not_asked_for() -> None:
    assert [q.asks_place for s in (FIRST, SECOND, THIRD) if (q := question_about(s, FOUND))] == [False, False, True]


def test_a_model_that_sees_may_use_words_of_its_own_but_none_of_the_prompt() -> None:
    first = plan_scenes(LOOKED_AT)[0]
    own = ("Describe it. A vorn is frobbing in a drall, YOUNG GIRL.",)
    said = {"K1": "Rain falls on a tent.", "S1": "OLD SAILOR", "place": "tent"}
    answer = checked(json.dumps(said), first, LOOKED_AT, own)
    assert [line.text for line in answer.actions] == ["Rain falls on a tent."]
    assert (answer.speakers["S1"], answer.place, answer.refused.total()) == ("OLD SAILOR", "TENT", 0)
    copied = {"K1": "The vorn is frobbing by the drall.", "S1": "young girl", "place": "a drall"}
    answer = checked(json.dumps(copied), first, LOOKED_AT, own)
    assert (answer.actions, answer.speakers["S1"], answer.place) == ([], "SPEAKER", None)
    assert answer.refused == {"line": 1, "name": 1, "place": 1}


def test_a_name_that_is_merely_heard_is_no_speakers() -> None:
    speech = (segment(1, 0.5, 3, "Lina, look at this!"), segment(2, 3.5, 4.5, "Hi, I'm Tilda Swan."))
    found = replace(LOOKED_AT, speech=speech)
    first = plan_scenes(found)[0]
    assert checked('{"S1": "LINA", "S2": "Tilda Swan"}', first, found).speakers == {"S1": "SPEAKER", "S2": "TILDA SWAN"}
    assert checked('{"S1": "TILDA", "S2": "LINA"}', first, found).speakers == {"S1": "SPEAKER", "S2": "SPEAKER"}


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("young girl", "YOUNG GIRL"),
        (" old  man in a jacket ", "OLD MAN IN A JACKET"),
        ("one woman", "WOMAN"),
        ("frau müller 2", "FRAU MÜLLER 2"),
        ("少女", "少女"),
        ("", "SPEAKER"),
        ("GIRL (O.S.)", "SPEAKER"),
        ("@GIRL", "SPEAKER"),
        ("K1", "SPEAKER"),
        ("thrift challenge", "SPEAKER"),
        ("x" * 41, "SPEAKER"),
        ("straße", "STRASSE"),
    ],
)
def test_speaker_names(name: str, speaker: str) -> None:
    assert speaker_name(name, FOUND) == speaker


def test_without_pictures_tags_and_captions_nothing_is_asked() -> None:
    blind = evidence()
    assert [question_about(stretch, blind, genre=True) for stretch in plan_scenes(blind)] == [None] * 3
    draft, parrot = write(blind, lambda n: json.dumps(GOOD))
    assert parrot.asked == []
    assert {scene.written_by for scene in draft.scenes} == {"template"}
    assert draft.figures.scenes_fallen_back == 0


# --- any answer -----------------------------------------------------------------------------------------------------

_keys = st.sampled_from(["S1", "S2", "S3", "T1", "K1", "K2", "K4", "P1", "S99", "", "place", "genre", "elements"])
_words = st.one_of(st.text(max_size=50), st.sampled_from(INJECTIONS), st.sampled_from([s.text for s in FOUND.speech]))
_values = _words | st.recursive(
    st.none() | _words | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(_words, inner)
)
any_answer = st.one_of(st.text(max_size=200), st.dictionaries(_keys, _values, max_size=12).map(json.dumps))


@settings(deadline=None)
@given(any_evidence, st.lists(any_answer, min_size=1, max_size=4))
def test_no_answer_changes_the_words_of_any_post(found: Evidence, answers: list[str]) -> None:
    draft, _ = write(found, lambda n: answers[n % len(answers)])
    assert faults(draft.scenes, found) == []


@settings(deadline=None)
@given(st.data())
def test_no_edit_of_a_good_answer_changes_the_words(data: st.DataObject) -> None:
    raws = [json.dumps(good_answer(s, FOUND)) for s in plan_scenes(FOUND)]
    edited = []
    for raw in raws:
        a, b = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw)))))
        edited.append(
            raw[:a] + data.draw(st.sampled_from(["", raw[a:b] * 2, *INJECTIONS]) | st.text(max_size=20)) + raw[b:]
        )
    draft, _ = write(FOUND, lambda n: edited[n % len(edited)])
    assert faults(draft.scenes, FOUND) == []


# --- the judge itself -----------------------------------------------------------------------------------------------


def good_scenes() -> list[Scene]:
    answers = [json.dumps(good_answer(s, FOUND)) for s in plan_scenes(FOUND)]
    draft, _ = write(FOUND, lambda n: answers[n])
    assert {s.written_by for s in draft.scenes} == {"llm"}
    assert (draft.figures.references_refused, draft.figures.references_restored, draft.figures.scenes_fallen_back) == (
        0,
        0,
        0,
    )
    return list(draft.scenes)


def spoil(edit: Callable[[list[Any]], object]) -> list[str]:
    first, *rest = good_scenes()
    elements: list[Any] = list(first.elements)
    edit(elements)
    return faults([first.model_copy(update={"elements": tuple(elements)}), *rest], FOUND)


def first_of(elements: list[Any], kind: type) -> int:
    return next(i for i, e in enumerate(elements) if isinstance(e, kind))


def change(kind: type, **update: object) -> Callable[[list[Any]], object]:
    def edit(elements: list[Any]) -> None:
        at = first_of(elements, kind)
        elements[at] = elements[at].model_copy(update=update)

    return edit


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (lambda e: e.pop(0), "post text is missing"),
        (lambda e: e.append(e.pop(0)), "does not come first"),
        (lambda e: e.pop(first_of(e, Dialogue)), "speech is missing"),
        (lambda e: e.append(e[first_of(e, OnScreenText)]), "on-screen text is missing, repeated"),
        (change(Dialogue, text="something else"), "reworded"),
        (lambda e: e.__setitem__(slice(1, None), e[:0:-1]), "out of time order"),
        (change(Action, text='He says "no".'), "contains a quotation"),
        (change(Action, text="my budget was thirty euros"), "repeats the evidence"),
        (change(Action, keyframes=()), "has no keyframe"),
        (change(Action, keyframes=("K77",)), "unknown keyframe"),
        (change(Dialogue, speaker="MAN:"), "not a name"),
    ],
)
def test_the_judge_sees_what_is_wrong(edit: Callable[[list[Any]], object], complaint: str) -> None:
    assert faults(good_scenes(), FOUND) == []
    assert any(complaint in fault for fault in spoil(edit))
