"""Scripts in which speakers were told apart: divided lines, names, and everything that refers to lines."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.stages.script.evidences import item, segment
from valex_local.records import Dialogue, Scene, Script, Speakers, SpeakerSegment, Word
from valex_local.rendering.lines import script_lines
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.script import ScriptStage
from valex_local.stages.script.speakers import with_speakers
from valex_local.stages.speakers.words import SpokenPart, spoken_parts
from valex_local.system.devices import Device


def said(n: int, start: float, text: str) -> object:
    """Return a segment of one word a second."""
    words = tuple(
        Word(text=f" {w}", start=start + k, end=start + k + 1, probability=1.0) for k, w in enumerate(text.split())
    )
    return segment(n, start, start + len(words), text).model_copy(update={"words": words})


SPEECH = (said(1, 0.0, "Where were you? At home."), said(2, 6.0, "I see."), said(3, 9.0, "Do you?"))
TURNS = (("SPEAKER 1", 0.0, 3.0), ("SPEAKER 2", 3.0, 5.0), ("SPEAKER 1", 6.0, 8.0), ("SPEAKER 2", 9.0, 11.0))


def turns(*given: tuple[str, float, float]) -> Speakers:
    return Speakers(segments=tuple(SpeakerSegment(speaker=s, start=a, end=b, confidence=0.9) for s, a, b in given))


def post(speakers: Speakers | None) -> Item:
    found = item(speech=SPEECH)  # type: ignore[arg-type]
    return found if speakers is None else replace(found, records={**found.records, "speakers": speakers})


def written(speakers: Speakers | None) -> Script:
    stage = ScriptStage(Context(Settings(), {}, Device("cpu", 1), "template"))
    (output,) = stage([stage.prepare(post(speakers))])
    return output.record  # type: ignore[union-attr, return-value]


def dialogue(script: Script) -> list[Dialogue]:
    return [e for scene in script.scenes for e in scene.elements if isinstance(e, Dialogue)]


def test_lines_are_divided_where_the_speaker_changes() -> None:
    assert [(d.ref, d.speaker, d.text, d.start, d.end) for d in dialogue(written(turns(*TURNS)))] == [
        ("S1", "SPEAKER 1", "Where were you?", 0.0, 3.0),
        ("S1", "SPEAKER 2", "At home.", 3.0, 5.0),
        ("S2", "SPEAKER 1", "I see.", 6.0, 8.0),
        ("S3", "SPEAKER 2", "Do you?", 9.0, 11.0),
    ]


def test_parts_have_ids_of_their_own_and_whole_lines_keep_theirs() -> None:
    ids = [line.id for line in script_lines(written(turns(*TURNS))) if line.kind == "dialogue"]
    assert ids == ["S1.1", "S1.2", "S2", "S3"]


def test_one_speaker_leaves_the_script_as_it_was() -> None:
    before = written(None).to_json()
    assert written(turns(("SPEAKER 1", 0.0, 5.0), ("SPEAKER 1", 6.0, 8.0))).to_json() == before
    assert written(Speakers(skipped="no model for the role speaker")).to_json() == before


def test_the_rest_of_the_script_stays_as_it_was() -> None:
    def others(script: Script) -> list[str]:
        return [e.model_dump_json() for scene in script.scenes for e in scene.elements if not isinstance(e, Dialogue)]

    one, two = written(None), written(turns(*TURNS))
    assert others(one) == others(two)
    starts = [e.start for scene in two.scenes for e in scene.elements if getattr(e, "start", None) is not None]
    assert starts == sorted(starts)


def named(*speakers: str) -> tuple[Scene, ...]:
    """Return a scene for each line, as a language model named who says it."""
    lines = zip(SPEECH, speakers, strict=True)
    elements = [
        Dialogue(ref=s.id, speaker=who, text=s.text, start=s.start, end=s.end)
        for s, who in lines  # type: ignore[attr-defined]
    ]
    return tuple(Scene(start=e.start, end=e.end, elements=(e,), written_by="llm") for e in elements)


def who(scenes: tuple[Scene, ...]) -> list[str]:
    return [e.speaker for scene in scenes for e in scene.elements if isinstance(e, Dialogue)]


def test_a_telling_name_stands_for_one_person_in_all_scenes() -> None:
    spoken = spoken_parts(SPEECH, turns(*TURNS))  # type: ignore[arg-type]
    assert who(with_speakers(named("SPEAKER", "MOTHER", "SPEAKER"), spoken)) == [
        "MOTHER", "SPEAKER 2", "MOTHER", "SPEAKER 2",
    ]  # fmt: skip
    # Of two people, one at most has a name; that of a line which two people say counts for neither.
    assert who(with_speakers(named("CHILD", "MOTHER", "MOTHER"), spoken)) == [
        "SPEAKER 1", "MOTHER", "SPEAKER 1", "MOTHER",
    ]  # fmt: skip


PART = st.builds(lambda n, t: SpokenPart(f"SPEAKER {n}", "so", t, t + 1), st.integers(1, 3), st.floats(0, 20))


@given(st.dictionaries(st.sampled_from(["S1", "S2", "S3"]), st.lists(PART, min_size=1, max_size=3).map(tuple)))
def test_all_parts_are_in_the_script_in_order_of_time(spoken: dict[str, tuple[SpokenPart, ...]]) -> None:
    scenes = with_speakers(named("SPEAKER", "SPEAKER", "A"), spoken)
    lines = [e for scene in scenes for e in scene.elements if isinstance(e, Dialogue)]
    assert len(lines) == sum(len(spoken.get(s.id, "1")) for s in SPEECH)  # type: ignore[attr-defined]
    for scene in scenes:
        starts = [e.start or 0.0 for e in scene.elements]  # type: ignore[union-attr]
        assert all(one <= after for one, after in pairwise(starts))
