"""What readers are shown of the evidence of labels."""

from __future__ import annotations

import pytest

from valex_local.records import LabelFigures, Labels, LabelSource, ValueLabel
from valex_local.schwartz import CIRCLE, State
from valex_local.states import about_evidence, shown_evidence

SOURCE = LabelSource(route="encoder", model="a-model", domain="anything")


def labels(state: State, *, figures: LabelFigures | None = None) -> Labels:
    found = {"present": 0.5, "conflicted": 0.5, "evidence": ("S1", "T1")}
    values = tuple(ValueLabel(value=value, **(found | {"state": state})) for value in CIRCLE)
    return Labels(script="template", source=SOURCE, values=values, figures=figures)


@pytest.mark.parametrize("state", State)
def test_evidence_is_shown_where_a_value_is_called(state: State):
    made = labels(state)
    called = state in (State.PRESENT, State.CONFLICTED)
    assert shown_evidence(made.values[0]) == (("S1", "T1") if called else ())
    assert bool(about_evidence(made)) is called


def test_it_says_who_named_the_lines():
    assert "probability rests" in about_evidence(labels(State.PRESENT))
    assert "language model named" in about_evidence(labels(State.PRESENT, figures=LabelFigures(questions=1)))
