from __future__ import annotations

import pytest

from tests.stages.script.evidences import KEYFRAMES, SHOTS, segment, tag
from valex_local.records import KeyframeCaption
from valex_local.stages.script.evidence import SeenKeyframe
from valex_local.stages.script.names import introduced, is_merely_heard, names_of, one_is_seen_to_speak
from valex_local.stages.script.scenes import EvidenceStretch


def seen(number: int = 1, *labels: str, caption: str | None = None) -> SeenKeyframe:
    tags = tuple(tag("activity", label) for label in labels)
    told = KeyframeCaption(keyframe=f"K{number}", tags=tags, caption=caption)
    return SeenKeyframe(KEYFRAMES[number - 1], SHOTS[number - 1], told)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Hi, I'm Lina, and today is the day.", ("Lina",)),
        ("My name is Anna Lind.", ("Anna Lind",)),
        ("I AM Noah", ("Noah",)),
        ("Hallo, ich heiße Jörg.", ("Jörg",)),
        ("Je m’appelle Zoé et voilà.", ("Zoé",)),
        ("Me llamo Íñigo.", ("Íñigo",)),
        ("Lina, look at this!", ()),
        ("Come here, Lina.", ()),
        ("My friend Lina said I am crazy.", ()),
        ("I'm hungry.", ()),
        ("Miami Lina", ()),
    ],
)
def test_a_name_is_introduced_by_its_owner(text: str, names: tuple[str, ...]) -> None:
    assert introduced(text) == names


@pytest.mark.parametrize(
    ("keyframe", "speaks"),
    [
        (seen(1, "one woman", "talking to the camera"), True),
        (seen(1, caption="A young woman sings on a stage."), True),
        (seen(1, "one woman", "talking to the camera", caption="A woman is talking to the camera."), True),
        (seen(1, "one woman", "sitting"), False),
        (seen(1, "talking to the camera"), False),
        (seen(1, "two people", "talking with each other"), False),
        (seen(1, caption="A woman is talking to a man."), False),
        (seen(1, "one woman", "talking to the camera", caption="Two girls are talking."), False),
        (seen(1, "a crowd", "one man", "singing"), False),
    ],
)
def test_one_person_is_seen_to_speak_or_not(keyframe: SeenKeyframe, speaks: bool) -> None:
    assert one_is_seen_to_speak([keyframe]) is speaks
    assert not one_is_seen_to_speak([keyframe, seen(2, "red dress")])


def test_names_hold_in_the_shot_of_the_one_who_is_seen_to_speak() -> None:
    speech = (
        segment(1, 0.5, 2, "Hi, I am Lina."),
        segment(2, 2.5, 4.5, "Marco, look!"),
        segment(3, 5.5, 7, "I am Marco."),
        segment(4, 7.5, 9, "And she is late."),
    )
    shown = (seen(1, "one woman", "talking to the camera"), seen(2, "red dress"))
    stretch = EvidenceStretch(0.0, 10.0, speech=speech, seen=shown)
    assert [names_of(s, stretch).choices for s in speech] == [("LINA", "WOMAN"), ("LINA", "WOMAN"), ("MARCO",), ()]


def test_two_names_in_one_shot_hold_for_their_own_segments() -> None:
    speech = (segment(1, 0.5, 2, "I am Lina."), segment(2, 2.1, 3, "I am Marco."), segment(3, 3.5, 4.5, "Well."))
    stretch = EvidenceStretch(0.0, 5.0, speech=speech, seen=(seen(1, caption="A tall man is speaking."),))
    assert [names_of(s, stretch).choices for s in speech] == [
        ("LINA", "TALL MAN"), ("MARCO", "TALL MAN"), ("TALL MAN",),
    ]  # fmt: skip


def test_a_name_that_is_called_is_merely_heard() -> None:
    stretch = EvidenceStretch(0.0, 5.0, speech=(segment(1, 0.5, 2, "Lina, I am Marco."),))
    names = names_of(stretch.speech[0], stretch)
    heard = ("Lina, I am Marco.",)
    assert is_merely_heard("LINA", heard, names)
    assert is_merely_heard("MARCO LINA", heard, names)
    assert not is_merely_heard("MARCO", heard, names)
    assert not is_merely_heard("OLD SAILOR", heard, names)
