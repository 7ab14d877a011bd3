from __future__ import annotations

from hypothesis import given, settings

from tests.stages.script.evidences import CAPTIONS, INJECTIONS, any_evidence, evidence, segment, track
from valex_local.records import Action, Captions, Dialogue, KeyframeCaption, OnScreenText, PostText
from valex_local.stages.script.checks import faults
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.template import TemplateWriter


def write(found: Evidence) -> tuple:
    return TemplateWriter().write(found).scenes


@settings(deadline=None)
@given(any_evidence)
def test_any_evidence_stands_in_the_script_exactly_once_in_time_order(found: Evidence) -> None:
    assert faults(write(found), found) == []


def test_nothing_is_said_of_what_nobody_saw() -> None:
    found = evidence()
    for scene in write(found):
        assert scene.heading is None
        assert not any(isinstance(e, Action) for e in scene.elements)
        assert {e.speaker for e in scene.elements if isinstance(e, Dialogue)} <= {"SPEAKER"}


def test_captions_and_tags_become_actions_and_headings() -> None:
    scenes = write(evidence(captions=CAPTIONS))
    assert [s.heading for s in scenes] == ["BEDROOM", "SHOP", None]
    actions = [(e.text, e.keyframes, e.start, e.end) for s in scenes for e in s.elements if isinstance(e, Action)]
    assert actions == [
        ("Talking to the camera.", ("K1", "K2"), 0.0, 10.0),
        ("A young woman holds up a red jacket.", ("K3",), 10.0, 15.0),
        ("A sign that says sale.", ("K4",), 15.0, 20.0),
        ("Two people; jacket.", ("K5",), 20.0, 25.0),
    ]


def test_screen_text_and_speech_keep_times_and_marks() -> None:
    elements = [e for s in write(evidence()) for e in s.elements]
    assert {e.ref: e.repeats for e in elements if isinstance(e, OnScreenText)} == {"T1": None, "T2": "S2", "T3": None}
    assert [e.ref for e in elements if isinstance(e, Dialogue) and e.mumbled] == ["S3"]
    assert next((e.ref, e.start, e.end) for e in elements if isinstance(e, Dialogue)) == ("S1", 0.5, 4.5)


def test_injected_structure_stays_text() -> None:
    speech = tuple(segment(i, i, i + 0.9, text) for i, text in enumerate(INJECTIONS, 1))
    texts = tuple(track(i, i + 0.5, i + 1, text) for i, text in enumerate(INJECTIONS, 1))
    found = evidence(speech=speech, texts=texts, post=PostText(caption=" ".join(INJECTIONS)))
    assert faults(write(found), found) == []
    assert [e.text for s in write(found) for e in s.elements if isinstance(e, Dialogue)] == [
        s.strip() for s in INJECTIONS
    ]


def test_a_caption_of_nothing_but_quotes_makes_no_line() -> None:
    found = evidence(captions=Captions(keyframes=(KeyframeCaption(keyframe="K1", caption='"”“'),)))
    assert not any(isinstance(e, Action) for s in write(found) for e in s.elements)
