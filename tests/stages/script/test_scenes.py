from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from tests.stages.script.evidences import CAPTIONS, SHOTS, any_evidence, evidence, segment, track
from valex_local.records import Action, Dialogue, PostLine, Shot
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.scenes import EvidenceStretch, plan_scenes
from valex_local.stages.script.template import template_scene


def starts(found: Evidence) -> list[float]:
    return [s.start for s in plan_scenes(found)]


def test_a_clip_of_half_a_minute_has_few_scenes() -> None:
    many_cuts = tuple(Shot(start=t / 2, end=t / 2 + 0.5) for t in range(60))
    assert len(plan_scenes(Evidence(duration=30, shots=many_cuts))) <= 3


def test_scenes_follow_places_where_they_are_known() -> None:
    # Bedroom until 10, shop until 20, then nothing is known.
    assert starts(evidence(captions=CAPTIONS)) == [0, 10, 20]


def test_no_scene_begins_amid_a_sentence() -> None:
    found = Evidence(duration=30, shots=SHOTS)
    assert starts(found) == [0, 10, 20]
    assert starts(replace(found, speech=(segment(1, 8, 13, "a long sentence"),))) == [0, 15]


def test_without_shots_all_is_one_scene() -> None:
    only = plan_scenes(Evidence(duration=12.5, speech=(segment(1, 1, 2, "hello"),)))
    assert [(s.start, s.end, len(s.speech)) for s in only] == [(0, 12.5, 1)]


def test_with_nothing_at_all_there_is_one_empty_scene() -> None:
    assert [template_scene(s, Evidence()).elements for s in plan_scenes(Evidence())] == [()]


def test_evidence_past_the_end_goes_to_the_last_scene() -> None:
    found = Evidence(duration=30, shots=SHOTS, texts=(track(1, 45, 46, "late"),))
    assert [len(s.texts) for s in plan_scenes(found)] == [0, 0, 1]


def test_lines_of_a_scene_stand_in_time_order_behind_the_post_text() -> None:
    found = evidence(captions=CAPTIONS)
    scene = template_scene(plan_scenes(found)[0], found)
    assert [type(e) for e in scene.elements[:2]] == [PostLine, Action]
    assert [e.ref for e in scene.elements if isinstance(e, Dialogue)] == ["S1", "S2"]
    assert scene.evidence == ("P1", "S1", "S2", "T1", "T2", "K1", "K2")


@settings(deadline=None)
@given(any_evidence)
def test_scenes_hold_each_piece_of_evidence_once_and_leave_no_gap(found: Evidence) -> None:
    stretches = plan_scenes(found)
    assert [s.first for s in stretches] == [True] + [False] * (len(stretches) - 1)
    assert [a.end for a in stretches[:-1]] == [b.start for b in stretches[1:]]
    assert [x.id for s in stretches for x in s.speech] == [x.id for x in found.speech]
    assert [x.id for s in stretches for x in s.texts] == [x.id for x in found.texts]
    assert [x.id for s in stretches for x in s.seen] == [x.id for x in found.seen]


@settings(deadline=None)
@given(any_evidence)
def test_halves_share_the_evidence(found: Evidence) -> None:
    whole = EvidenceStretch(0.0, 91.0, found.speech, found.texts, found.seen, first=True)
    halves = whole.halves()
    pieces = len(found.speech) + len(found.texts) + len(found.seen)
    if halves is None:
        assert pieces < 2
        return
    early, late = halves
    assert (early.first, late.first) == (True, False)
    assert whole.start <= early.end == late.start <= late.end
    assert early.speech + late.speech == whole.speech
    assert early.texts + late.texts == whole.texts
    assert early.seen + late.seen == whole.seen
    assert abs(pieces - 2 * (len(early.speech) + len(early.texts) + len(early.seen))) <= 1


@pytest.mark.parametrize("cut", [0.4, 29.6])
def test_a_sliver_is_no_scene(cut: float) -> None:
    found = Evidence(duration=30, shots=(Shot(start=0, end=cut), Shot(start=cut, end=30)))
    assert starts(found) == [0]
