"""Changes of a coding, field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from valex_local.records import CodedValue, Coding, ShownLabels
from valex_local.review.changes import Conflict, Patch, Undecided, agreed, apply, mark_of
from valex_local.schwartz import CIRCLE, State

NOW = datetime(2026, 5, 1, tzinfo=UTC)
FIRST, SECOND = CIRCLE[:2]
EMPTY = Coding(coder="anna")


def patch(*changes: dict[str, Any]) -> Any:
    return Patch.model_validate({"changes": changes}).changes


def mark(value: str, before: str, after: str) -> dict[str, Any]:
    return {"field": "mark", "value": value, "before": before, "after": after}


def test_each_field_is_set():
    coding = apply(
        EMPTY,
        patch(
            mark(SECOND, "", "dominant"),
            {"field": "confidence", "value": FIRST, "before": None, "after": "low"},
            {"field": "lines", "value": SECOND, "before": [], "after": ["S1", "T3"]},
            {"field": "note", "value": SECOND, "before": "", "after": "e\u0301"},
            {"field": "note", "value": None, "before": "", "after": "hm"},
        ),
        NOW,
    )
    assert coding.of(SECOND) == CodedValue(
        value=SECOND, state=State.PRESENT, dominant=True, note="\u00e9", lines=("S1", "T3")
    )
    assert [one.value for one in coding.values] == [FIRST, SECOND]
    assert coding.of(FIRST).confidence == "low"
    assert (coding.note, coding.revision, coding.changed, coding.done) == ("hm", 1, NOW, False)
    assert Coding.parse(coding.to_json()) == coding


def test_what_was_changed_elsewhere_is_not_overwritten():
    coding = apply(EMPTY, patch(mark(FIRST, "", "present")), NOW)
    with pytest.raises(Conflict):
        apply(coding, patch(mark(SECOND, "", "absent"), mark(FIRST, "", "conflicted")), NOW)
    assert mark_of(apply(coding, patch(mark(SECOND, "", "absent")), NOW).of(FIRST)) == "present"


def test_a_post_is_finished_with_a_decision_on_every_value():
    done = {"field": "done", "before": False, "after": True}
    with pytest.raises(Undecided):
        apply(EMPTY, patch(done), NOW)
    coding = apply(EMPTY, patch(*(mark(value, "", "absent") for value in CIRCLE), done), NOW)
    assert coding.done and coding.finished == NOW
    with pytest.raises(Undecided):
        apply(coding, patch(mark(FIRST, "absent", "")), NOW)


def test_decisions_after_labels_of_a_model_were_seen_say_so():
    seen = EMPTY.model_copy(update={"shown": (ShownLabels(labels="template.encoder", finished=True),)})
    assert apply(seen, patch(mark(FIRST, "", "present")), NOW).of(FIRST).after_machine
    assert not apply(EMPTY, patch(mark(FIRST, "", "present")), NOW).of(FIRST).after_machine


@pytest.mark.parametrize(
    "change",
    [
        mark("Greed", "", "present"),
        mark(FIRST, "", "dominates"),
        {**mark(FIRST, "", "present"), "more": 1},
        {"field": "coder", "value": None, "before": "", "after": "x"},
        {"field": "note", "value": None, "before": "", "after": "x" * 5001},
        {"field": "lines", "value": FIRST, "before": [], "after": ["../x"]},
        {"field": "done", "value": FIRST, "before": False, "after": True},
    ],
)
def test_other_changes_are_not_understood(change):
    with pytest.raises(ValidationError):
        patch(change)


MARKS = st.sampled_from(["", "absent", "present", "dominant", "conflicted"])


@given(st.lists(st.tuples(st.sampled_from(CIRCLE), MARKS)))
def test_the_last_decision_on_a_value_counts(steps):
    coding, held = EMPTY, {}
    for value, after in steps:
        coding = apply(coding, patch(mark(value, held.get(value, ""), after)), NOW)
        held[value] = after
    assert {value: mark_of(coding.of(value)) for value in held} == held
    assert coding.revision == len(steps)


def test_adjudication_starts_from_what_all_agree_on():
    anna = apply(EMPTY, patch(mark(FIRST, "", "present"), mark(SECOND, "", "absent")), NOW)
    lines = {"field": "lines", "value": FIRST, "before": [], "after": ["S2"]}
    ben = apply(Coding(coder="ben"), patch(mark(FIRST, "", "present"), mark(SECOND, "", "dominant"), lines), NOW)
    start = agreed("adjudicated", [anna, ben])
    assert mark_of(start.of(FIRST)) == "present" and start.of(FIRST).lines == ("S2",)
    assert mark_of(start.of(SECOND)) == ""
