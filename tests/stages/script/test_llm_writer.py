from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.stages.script.evidences import ASKED, evidence, segment, tag, track
from tests.stages.script.parrot import good_answer, write
from valex_local.llm import Picture
from valex_local.records import Action, Captions, Dialogue, KeyframeCaption, Shot
from valex_local.stages.script.checks import faults
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.llm import MAX_SAID_CHARACTERS
from valex_local.stages.script.scenes import plan_scenes

SEEN = evidence(captions=ASKED)


def looked_at(found: Evidence) -> Evidence:
    """The same evidence for a model that is shown the pictures, and no tags or captions."""
    plain = tuple(replace(k, caption=KeyframeCaption(keyframe=k.id)) for k in found.seen)
    return replace(found, seen=plain, pictures={k.id: Picture(k.id.encode()) for k in found.seen})


def answers(found: Evidence) -> list[str]:
    return [json.dumps(good_answer(s, found)) for s in plan_scenes(found)]


def test_each_scene_is_asked_for_once_when_all_goes_well() -> None:
    draft, parrot = write(SEEN, lambda n: answers(SEEN)[n])
    assert len(parrot.asked) == len(draft.scenes) == 3
    assert {(a["temperature"], a["seed"]) for a in parrot.asked} == {(0.0, 0)}
    assert (draft.figures.prompt_tokens, draft.figures.output_tokens) == (300, 150)
    assert draft.notices == ()


def test_a_bad_answer_is_asked_for_once_more_in_another_way() -> None:
    good = answers(SEEN)
    draft, parrot = write(SEEN, lambda n: ["no JSON", *good][n])
    assert [(a["temperature"] > 0, a["seed"]) for a in parrot.asked] == [(False, 0), (True, 1), (False, 0), (False, 0)]
    assert {s.written_by for s in draft.scenes} == {"llm"}
    assert draft.figures.prompt_tokens == 400


def test_a_scene_that_fails_twice_is_the_templates() -> None:
    good = answers(SEEN)
    draft, _ = write(SEEN, lambda n: ["no JSON", "{", *good[1:]][n])
    assert [s.written_by for s in draft.scenes] == ["template", "llm", "llm"]
    assert draft.figures.scenes_fallen_back == 1
    assert [n.text for n in draft.notices] == [
        "the scene from 0.0 to 10.0 s was written without the language model: the answer is cut off or not JSON"
    ]
    assert faults(draft.scenes, SEEN) == []


def test_names_given_before_are_told_on() -> None:
    _, parrot = write(SEEN, lambda n: answers(SEEN)[n])
    told = ["Speakers so far: GIRL" in a["messages"][-1].content for a in parrot.asked]
    assert told == [False, True, True]


def test_a_model_that_sees_is_told_in_short_what_came_before() -> None:
    found = looked_at(SEEN)
    draft, parrot = write(found, lambda n: json.dumps(good_answer(plan_scenes(found)[n], found)))
    asked = [a["messages"][-1].parts[-1] for a in parrot.asked]
    assert "so far" not in asked[0] and "Said just before" not in asked[0]
    assert "Seen so far: QUIET ATTIC. Somebody is seen, picture K1. Somebody is seen, picture K2." in asked[1]
    said = [s.text for s in SEEN.speech if s.start < plan_scenes(SEEN)[1].start][-1]
    assert f"Said just before: {json.dumps(said.strip())}" in asked[1]
    assert faults(draft.scenes, found) == []


def test_a_model_that_reads_is_told_of_no_earlier_place_or_action() -> None:
    _, parrot = write(SEEN, lambda n: answers(SEEN)[n])
    for asked, stretch in zip(parrot.asked, plan_scenes(SEEN), strict=True):
        told = asked["messages"][-1].content
        others = [k for s in plan_scenes(SEEN) if s is not stretch for k in s.seen]
        labels = {t.label for k in others for t in k.caption.tags} - {
            t.label for k in stretch.seen for t in k.caption.tags
        }
        assert labels and not any(label in told for label in labels)


def test_what_came_before_is_told_within_bounds() -> None:
    speech = tuple(segment(i, 10 * i, 10 * i + 9, "many words " * 60) for i in range(30))
    shots = tuple(Shot(start=5.0 * i, end=5.0 * i + 5) for i in range(6))
    long = looked_at(evidence(captions=ASKED, speech=speech, texts=(), shots=shots, duration=300.0))
    draft, parrot = write(
        long, lambda n: '{"K1": "", "K2": "", "K3": "", "K4": "", "K5": "", "place": "x"}', context=8192
    )
    before = [str(a["messages"][-1].parts[-1]).partition("Said just before: ")[2] for a in parrot.asked]
    assert max(len(text.partition("\n")[0]) for text in before) <= MAX_SAID_CHARACTERS + 2
    assert faults(draft.scenes, long) == []


def test_the_genre_is_asked_for_once_and_what_the_post_says_goes_before() -> None:
    def with_genre(n: int, genre: str) -> str:
        return json.dumps(json.loads(answers(SEEN)[n]) | {"genre": genre})

    found = replace(SEEN, genre=None)
    draft, parrot = write(found, lambda n: with_genre(n, "prank") if n == 2 else answers(SEEN)[n])
    assert draft.genre == "prank"
    assert ["genre" in a["schema"]["properties"] for a in parrot.asked] == [False, False, True]
    assert ["genre: of the whole" in a["messages"][-1].content for a in parrot.asked] == [False, False, True]
    invented, _ = write(found, lambda n: with_genre(n, "masterpiece") if n == 2 else answers(SEEN)[n])
    assert invented.genre is None
    _, told = write(replace(SEEN, genre="vlog"), lambda n: answers(SEEN)[n])
    assert not any("genre" in a["schema"]["properties"] for a in told.asked)
    blind, silent = write(replace(evidence(), genre=None), lambda n: '{"genre": "prank"}')
    assert (blind.genre, silent.asked) == (None, []), "nobody saw it"


def test_a_model_that_sees_is_shown_some_keyframes_of_each_scene() -> None:
    found = looked_at(SEEN)
    pictures = found.pictures
    draft, parrot = write(found, lambda n: json.dumps(good_answer(plan_scenes(found)[n], found)), keyframes_per_scene=1)
    for asked, scene in zip(parrot.asked, draft.scenes, strict=True):
        parts = asked["messages"][-1].parts
        shown = [part for part in parts if isinstance(part, Picture)]
        assert len(shown) == 1
        assert f"{shown[0].data.decode()}:" in parts
        assert set(scene.evidence) & set(pictures) == {shown[0].data.decode()}
        assert "place" in asked["schema"]["properties"], "it can see where it is"
    assert faults(draft.scenes, found) == []


def test_what_is_seen_is_said_even_when_the_model_has_nothing_to_say_of_it() -> None:
    silent = ['{"S1": "GIRL"}', '{"K4": ""}', '{"place": "garden"}']
    draft, _ = write(SEEN, lambda n: silent[n])
    assert {k for s in draft.scenes for e in s.elements if isinstance(e, Action) for k in e.keyframes} == {
        "K1", "K2", "K3", "K4", "K5",
    }  # fmt: skip
    assert draft.figures.references_restored == 3
    assert draft.figures.actions_refused == 1


def test_too_much_evidence_goes_into_smaller_scenes_and_is_never_cut() -> None:
    speech = tuple(segment(i, i * 0.16, i * 0.16 + 0.1, f"sentence number {i} of a long talk") for i in range(1, 61))
    long_talk = evidence(captions=ASKED, speech=speech, texts=(), duration=30.0)
    draft, parrot = write(long_talk, lambda n: "{}", max_tokens=256)
    asked = [len([key for key in a["schema"]["properties"] if key.startswith("S")]) for a in parrot.asked]
    assert max(asked) <= 256 / 20 and len(draft.scenes) >= 60 * 20 / 256
    assert faults(draft.scenes, long_talk) == []
    assert all(a["max_tokens"] == 256 for a in parrot.asked)
    assert [a.end for a in draft.scenes[:-1]] == [b.start for b in draft.scenes[1:]]


def test_one_text_longer_than_the_context_is_not_asked_about() -> None:
    labels = (tag("activity", "talking"), tag("people", "one girl"), tag("objects", "word " * 5000))
    long = Captions(keyframes=(KeyframeCaption(keyframe="K1", tags=labels),))
    found = evidence(captions=long, speech=(), texts=(track(1, 1, 2, "short"),))
    draft, parrot = write(found, lambda n: "never")
    assert faults(draft.scenes, found) == []
    assert draft.figures.scenes_fallen_back == 1
    assert parrot.asked == []


def test_scenes_without_any_evidence_are_not_asked_about() -> None:
    draft, parrot = write(evidence(speech=(), texts=()), lambda n: "never")
    assert parrot.asked == []
    assert draft.figures.scenes_fallen_back == 0


def test_a_scene_costs_two_calls_at_most() -> None:
    draft, parrot = write(SEEN, lambda n: '{"K1": "A dragon lands.", "K4": "A dragon lands.", "place": "moon"}')
    assert len(parrot.asked) == 3, "what no evidence supports is refused, not asked for again"
    assert [n.text for n in draft.notices if n.code == "not-supported"] == [
        "the language model wrote what no evidence supports, and it was refused (lines: 2, places: 1)"
    ]
    _, parrot = write(SEEN, lambda n: "no JSON")
    assert len(parrot.asked) == 6


@pytest.mark.parametrize("post_text", [True, False])
def test_scenes_name_what_they_were_written_from(post_text: bool) -> None:
    found = SEEN if post_text else replace(SEEN, post=None)
    draft, _ = write(found, lambda n: answers(found)[n])
    assert draft.scenes[1].evidence == (("P1",) if post_text else ()) + ("S3", "T3", "K3", "K4")


def test_speakers_are_named_and_mumbling_is_kept() -> None:
    draft, _ = write(SEEN, lambda n: answers(SEEN)[n])
    said = {e.ref: (e.speaker, e.mumbled) for s in draft.scenes for e in s.elements if isinstance(e, Dialogue)}
    assert said == {
        "S1": ("GIRL", False),
        "S2": ("GIRL", False),
        "S3": ("SPEAKER", True),
        "S4": ("YOUNG WOMAN", False),
    }
