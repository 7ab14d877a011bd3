"""What a language model writes, corrupted in every way we could think of, changes neither the words nor their order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.script.evidences import CAPTIONS, INJECTIONS, any_evidence, evidence
from tests.stages.script.parrot import good_answer, write
from valex_local.records import Action, Dialogue, OnScreenText, Scene
from valex_local.stages.script.checks import BadSceneAnswer, check_answer, faults, speaker_name
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.scenes import plan_scenes

FOUND = evidence(captions=CAPTIONS)
FIRST, SECOND, _ = plan_scenes(FOUND)
GOOD: dict[str, Any] = {
    "place": "bedroom",
    "elements": [
        {"action": "A girl talks to the camera.", "keyframes": ["K1"]},
        {"text": "T1"},
        {"dialogue": "S1", "speaker": "young girl"},
        {"dialogue": "S2", "speaker": "Young Girl"},
    ],
}


def test_a_good_answer_is_taken_whole() -> None:
    answer = check_answer(json.dumps(GOOD), FIRST, FOUND)
    assert answer.place == "BEDROOM"
    assert answer.speakers == {"S1": "YOUNG GIRL", "S2": "YOUNG GIRL"}
    assert [(line.text, [k.id for k in line.keyframes]) for line in answer.actions] == [
        ("A girl talks to the camera.", ["K1"])
    ]
    assert (answer.references_refused, answer.references_restored, answer.actions_refused) == (0, 0, 0)


def corrupt(edit: Callable[[dict[str, Any]], object]) -> str:
    answer = json.loads(json.dumps(GOOD))
    edit(answer)
    return json.dumps(answer, ensure_ascii=False)


def put(*element: object) -> Callable[[dict[str, Any]], object]:
    return lambda answer: answer["elements"].extend(element)


def act(text: str, *keyframes: object) -> Callable[[dict[str, Any]], object]:
    return put({"action": text, "keyframes": list(keyframes or ["K1"])})


# Name: (the corrupted answer, the figures that must tell of it).
MUTATIONS: dict[str, tuple[str, dict[str, int]]] = {
    "speech dropped": (corrupt(lambda a: a["elements"].pop(2)), {"references_restored": 1}),
    "text dropped": (corrupt(lambda a: a["elements"].pop(1)), {"references_restored": 1}),
    "all but one dropped": (corrupt(lambda a: a.update(elements=a["elements"][-1:])), {"references_restored": 2}),
    "speech doubled": (corrupt(put({"dialogue": "S1", "speaker": "ECHO"})), {"references_refused": 1}),
    "speech doubled at once": (corrupt(put({"dialogue": "S2", "speaker": "ECHO"})), {"references_refused": 1}),
    "text doubled": (corrupt(put({"text": "T1"}, {"text": "T1"})), {"references_refused": 2}),
    "speech swapped": (corrupt(lambda a: a["elements"].reverse()), {"references_refused": 2, "references_restored": 2}),
    "forged speech": (corrupt(put({"dialogue": "S9", "speaker": "GHOST"})), {"references_refused": 1}),
    "speech of another scene": (corrupt(put({"dialogue": "S3", "speaker": "GIRL"})), {"references_refused": 1}),
    "forged text": (corrupt(put({"text": "T9"})), {"references_refused": 1}),
    "text as speech": (corrupt(put({"dialogue": "T1", "speaker": "SIGN"})), {"references_refused": 1}),
    "speech as text": (corrupt(put({"text": "S1"})), {"references_refused": 1}),
    "text that repeats speech": (corrupt(put({"text": "T2"})), {"references_refused": 1}),
    "speech retyped as reference": (
        corrupt(put({"dialogue": "I never said this", "speaker": "X"})), {"references_refused": 1},
    ),
    "speech retyped beside": (
        corrupt(put({"dialogue": "S2", "speaker": "X", "text": "My budget was a million"})), {"references_refused": 1},
    ),
    "reference is a number": (corrupt(put({"dialogue": 1, "speaker": "X"})), {"references_refused": 1}),
    "reference is a list": (corrupt(put({"text": ["T1"]})), {"references_refused": 1}),
    "element is a string": (corrupt(put("S1")), {"references_refused": 1}),
    "element is empty": (corrupt(put({}, None, [])), {"references_refused": 3}),
    "unknown kind": (corrupt(put({"narration": "And so it went."})), {"references_refused": 1}),
    "action quotes": (corrupt(act('She says "I bought a house".')), {"actions_refused": 1}),
    "action quotes curled": (corrupt(act("She says ‘a house’ and “a car”.")), {"actions_refused": 1}),
    "action retypes speech": (corrupt(act("She tells us that she bought nothing new at all.")), {"actions_refused": 1}),
    "action retypes post text": (corrupt(act("Seven days, no new clothes it is.")), {"actions_refused": 1}),
    "action retypes the speech of another scene": (corrupt(act("She is really proud of it.")), {"actions_refused": 1}),
    "action as dialogue": (corrupt(act("MAN: what a day")), {"actions_refused": 1}),
    "action as screen text": (corrupt(act("[BUY NOW]")), {"actions_refused": 1}),
    "action empty": (corrupt(act(" ")), {"actions_refused": 1}),
    "action endless": (corrupt(act("a very long walk " * 100)), {"actions_refused": 1}),
    "action on nothing": (
        corrupt(put({"action": "A dragon lands.", "keyframes": []})), {"actions_without_keyframes": 1},
    ),
    "action on a forged keyframe": (
        corrupt(act("A dragon lands.", "K9")), {"actions_without_keyframes": 1, "references_refused": 1},
    ),
    "action on a keyframe doubled": (corrupt(act("A girl nods.", "K1", "K1", 7)), {"references_refused": 2}),
    "action without keyframes": (corrupt(put({"action": "A dragon lands."})), {"references_refused": 1}),
    "speaker quotes": (corrupt(lambda a: a["elements"][2].update(speaker='MAN: "hey"')), {}),
    "speaker retypes": (corrupt(lambda a: a["elements"][2].update(speaker="I bought nothing new at all")), {}),
    "speaker is a reference": (corrupt(lambda a: a["elements"][2].update(speaker="S2")), {}),
    "speaker endless": (corrupt(lambda a: a["elements"][2].update(speaker="A" * 500)), {}),
    "place retypes": (corrupt(lambda a: a.update(place="Thrift challenge")), {}),
    "place forged": (corrupt(lambda a: a.update(place="the moon")), {}),
    "place is no text": (corrupt(lambda a: a.update(place=["bedroom"])), {}),
    "text cut": (json.dumps(GOOD)[:-30], {"scenes_fallen_back": 1}),
    "nothing": ("", {"scenes_fallen_back": 1}),
    "no object": ("[]", {"scenes_fallen_back": 1}),
    "no elements": (corrupt(lambda a: a.pop("elements")), {"scenes_fallen_back": 1}),
    "elements are no list": (corrupt(lambda a: a.update(elements={"dialogue": "S1"})), {"scenes_fallen_back": 1}),
    "elements empty": (corrupt(lambda a: a["elements"].clear()), {"scenes_fallen_back": 1}),
    "only forged": (corrupt(lambda a: a.update(elements=[{"text": "T7"}])), {"scenes_fallen_back": 1}),
    "a second scene": (corrupt(lambda a: a.update(scenes=[{"heading": "HACKED"}])), {"scenes_fallen_back": 1}),
    "prose around": ("Sure! Here you go: " + json.dumps(GOOD), {"scenes_fallen_back": 1}),
    "two documents": (json.dumps(GOOD) * 2, {"scenes_fallen_back": 1}),
    "nested without end": ("[" * 100_000, {"scenes_fallen_back": 1}),
    "a huge number": ('{"elements": [' + "9" * 10_000 + "]}", {"scenes_fallen_back": 1}),
    "a raw line break": (json.dumps(GOOD).replace("talks to", "talks\nto"), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_corrupted_answer_changes_no_word_and_says_so(name: str) -> None:
    raw, told = MUTATIONS[name]
    draft, _ = write(FOUND, lambda n: raw)
    assert faults(draft.scenes, FOUND) == []
    try:
        answer = check_answer(raw, FIRST, FOUND)
    except BadSceneAnswer:
        assert told == {"scenes_fallen_back": 1}
        assert draft.scenes[0].written_by == "template"
        assert "scene-by-template" in {n.code for n in draft.notices}
        return
    kinds = ("references_refused", "references_restored", "actions_refused", "actions_without_keyframes")
    assert {k: getattr(answer, k) for k in kinds if getattr(answer, k)} == told
    assert draft.scenes[0].written_by == "llm"


@pytest.mark.parametrize("name", [n for n in MUTATIONS if n.startswith("speaker")])
def test_what_is_no_name_becomes_the_plain_speaker(name: str) -> None:
    assert check_answer(MUTATIONS[name][0], FIRST, FOUND).speakers == {"S1": "SPEAKER", "S2": "YOUNG GIRL"}


@pytest.mark.parametrize("name", [n for n in MUTATIONS if n.startswith("place")])
def test_a_place_that_nothing_tells_of_is_none(name: str) -> None:
    assert check_answer(MUTATIONS[name][0], FIRST, FOUND).place is None


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("young girl", "YOUNG GIRL"),
        (" old  man in a jacket ", "OLD MAN IN A JACKET"),
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


def test_without_pictures_no_answer_adds_anything() -> None:
    blind = evidence()
    stretch = plan_scenes(blind)[0]
    answer = check_answer(json.dumps(GOOD), stretch, blind)
    assert (answer.place, answer.speakers, answer.actions, answer.actions_without_keyframes) == (None, {}, [], 1)
    draft, _ = write(blind, lambda n: json.dumps(GOOD))
    assert faults(draft.scenes, blind) == []


# --- any answer -----------------------------------------------------------------------------------------------------

_refs = st.sampled_from(["S1", "S2", "S3", "T1", "T2", "T3", "K1", "K2", "P1", "S99", "", "SPEAKER"])
_words = st.one_of(st.text(max_size=50), st.sampled_from(INJECTIONS), st.sampled_from([s.text for s in FOUND.speech]))
_elements = st.one_of(
    st.fixed_dictionaries({"dialogue": _refs}, optional={"speaker": _words, "text": _words}),
    st.fixed_dictionaries({"text": _refs}, optional={"speaker": _words}),
    st.fixed_dictionaries({"action": _words, "keyframes": st.lists(_refs, max_size=4)}),
    st.recursive(st.none() | _words | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(_words, inner)),
)
any_answer = st.one_of(
    st.text(max_size=200),
    st.fixed_dictionaries({"elements": st.lists(_elements, max_size=12)}, optional={"place": _words}).map(json.dumps),
)


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
