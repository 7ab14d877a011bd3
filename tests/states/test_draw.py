"""States by the calibration of a study, on label records that the tests make."""

from __future__ import annotations

from datetime import date
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Calibration, Cutoff, LabelFigures, Labels, LabelSource, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.states import CAUTIOUS, RELATIVE_FROM, StateSummary, choose, common, draw, relative
from valex_local.states.cutoffs import HIGHEST, LOWEST
from valex_local.states.logits import logit_of, sigmoid

TODAY = date(2026, 3, 1)
SOURCE = LabelSource(route="encoder", model="a-model", domain="English arguments")

probabilities = st.floats(0, 1).map(lambda p: round(p, 4))


def labels(present: dict[int, float | None], *, conflicted: float | None = None, answer: bool = False) -> Labels:
    """Return labels whose values, by place in the circle, have a probability of presence; the others have 0.1."""
    values = tuple(
        ValueLabel(value=value, present=present.get(place, 0.1), conflicted=conflicted)
        for place, value in enumerate(CIRCLE)
    )
    return Labels(script="template", source=SOURCE, values=values, figures=LabelFigures() if answer else None)


def states(record: Labels) -> list[State]:
    return [label.state for label in record.values]


@given(st.lists(probabilities, min_size=19, max_size=19))
def test_without_a_calibration_a_value_is_called_from_one_cautious_probability_on(found: list[float]) -> None:
    drawn = draw(labels(dict(enumerate(found))), None)
    assert states(drawn) == [State.PRESENT if p >= CAUTIOUS else State.ABSENT for p in found]
    assert [label.present for label in drawn.values] == found
    assert {label.present_from for label in drawn.values} == {CAUTIOUS}


def test_what_is_not_assessed_is_never_called() -> None:
    drawn = draw(labels({0: None}), None)
    assert drawn.values[0].state is State.NOT_ASSESSED
    assert drawn.values[0].present_from is None
    assert all(label.conflicted_from is None for label in drawn.values)


def test_where_a_language_model_named_no_state_they_are_drawn() -> None:
    record = labels({0: 0.7, 1: 0.55}, answer=True)
    values = tuple(v.model_copy(update={"present_logit": 0.0, "state": State.PRESENT}) for v in record.values)
    drawn = draw(record.model_copy(update={"values": values}), None)
    assert drawn.calibration is not None
    assert drawn.calibration.kind == "cautious"
    assert [value.state for value in drawn.values[:2]] == [State.PRESENT, State.ABSENT]


def test_answers_of_a_language_model_stay_as_they_are() -> None:
    record = labels({0: 0.2}, answer=True)
    answered = record.model_copy(
        update={"values": (record.values[0].model_copy(update={"state": State.PRESENT}), *record.values[1:])}
    )
    drawn = draw(answered, None)
    assert drawn.values == answered.values
    assert drawn.calibration is not None
    assert drawn.calibration.kind == "answer"
    assert choose({"a": answered}, "relative", drawn=TODAY).kind == "answer"


@given(st.lists(probabilities, min_size=RELATIVE_FROM, max_size=60))
def test_relative_states_call_what_is_far_above_the_mean_of_the_study(found: list[float]) -> None:
    study = {f"post-{n}": labels({4: p}) for n, p in enumerate(found)}
    calibration = choose(study, None, drawn=TODAY)
    assert (calibration.kind, calibration.posts) == ("relative", tuple(sorted(study)))
    logits = [logit_of(p) for p in found]
    weight = len(found) / (len(found) + 10)
    limit = sigmoid(weight * (fmean(logits) + 1.8 * stdev(logits)) + (1 - weight) * logit_of(CAUTIOUS))
    limit = min(max(limit, LOWEST), HIGHEST)
    for (name, record), probability in zip(study.items(), found, strict=True):
        label = draw(record, calibration).values[4]
        assert label.present_from == pytest.approx(limit)
        if abs(probability - limit) > 1e-9:
            assert (label.state is State.PRESENT) == (probability > limit), name


def test_relative_states_do_not_depend_on_the_order_of_the_posts() -> None:
    study = {f"post-{n}": labels({4: n / 50}) for n in range(40)}
    backwards = dict(reversed(study.items()))
    assert relative(study, drawn=TODAY) == relative(backwards, drawn=TODAY)


def test_fewer_posts_are_drawn_cautiously() -> None:
    study = {f"post-{n}": labels({}) for n in range(RELATIVE_FROM - 1)}
    assert choose(study, None, drawn=TODAY).kind == "cautious"


def test_the_thresholds_of_the_model_are_used_on_request() -> None:
    study = {f"post-{n}": labels({0: 0.3, 1: 0.3}) for n in range(40)}
    thresholds = {(CIRCLE[0], Polarity.PRESENT): 0.25, (CIRCLE[1], Polarity.PRESENT): 0.35}
    drawn = draw(study["post-0"], choose(study, "own domain", drawn=TODAY, thresholds=thresholds))
    assert states(drawn)[:3] == [State.PRESENT, State.ABSENT, State.NOT_ASSESSED]


def test_what_has_no_cut_off_is_not_assessed() -> None:
    cutoff = Cutoff(value=CIRCLE[0], polarity=Polarity.PRESENT, probability=0.05)
    drawn = draw(labels({}), Calibration(model="a-model", kind="validated", cutoffs=(cutoff,)))
    assert states(drawn)[:2] == [State.PRESENT, State.NOT_ASSESSED]
    assert drawn.values[1].present == 0.1


def test_a_calibration_for_another_model_is_not_used() -> None:
    cutoff = Cutoff(value=CIRCLE[0], polarity=Polarity.PRESENT, probability=0.05)
    drawn = draw(labels({}), Calibration(model="another", kind="validated", cutoffs=(cutoff,)))
    assert states(drawn)[0] is State.ABSENT
    assert drawn.calibration is not None
    assert drawn.calibration.kind == "cautious"


@given(st.floats(0.1, 5), st.floats(-4, 4), probabilities, probabilities)
def test_calibrating_shows_other_probabilities_in_the_same_order(
    slope: float, intercept: float, one: float, other: float
) -> None:
    cutoff = Cutoff(value=CIRCLE[0], polarity=Polarity.PRESENT, probability=0.5, slope=slope, intercept=intercept)
    calibration = Calibration(model="a-model", kind="validated", cutoffs=(cutoff,))
    low, high = (draw(labels({0: p}), calibration).values[0] for p in sorted((one, other)))
    assert low.present is not None
    assert high.present is not None
    assert low.present <= high.present
    assert (low.state is State.PRESENT) == (low.present >= 0.5)


def test_both_polarities_have_cut_offs() -> None:
    drawn = draw(labels({0: 0.65}, conflicted=0.7), None)
    assert drawn.values[0].state is State.CONFLICTED
    assert drawn.values[1].conflicted_from == CAUTIOUS


def test_what_is_only_drawn_is_not_stored() -> None:
    record = labels({0: 0.9})
    assert "present_from" not in record.to_json()
    assert draw(record, None).to_json() != record.to_json()
    assert "present_from" not in draw(record, None).to_json()


def test_a_value_that_most_posts_have_is_named_because_relative_states_hide_it() -> None:
    study = {f"post-{n}": labels({3: 0.8 + n / 1000}) for n in range(40)}
    calibration = relative(study, drawn=TODAY)
    (hidden,) = common(calibration)
    assert (hidden.value, round(hidden.mean or 0, 2)) == (CIRCLE[3], 0.82)
    summary = StateSummary.of((name, draw(record, calibration)) for name, record in study.items())
    assert any(f"{CIRCLE[3]} (present, mean probability 0.82)" in sentence for sentence in summary.sentences())


def test_a_summary_says_how_states_were_drawn_and_what_to_do() -> None:
    study = {f"post-{n}": labels({4: n / 50}) for n in range(40)}
    calibration = relative(study, drawn=TODAY)
    drawn = {name: draw(record, calibration) for name, record in study.items()}
    text = " ".join(StateSummary.of(drawn.items()).sentences())
    for part in ("not validated", "a-model", "English arguments", "40 posts", "2026-03-01", "valex calibrate"):
        assert part in text
    later = drawn | {"new": drawn["post-0"], "newer": drawn["post-1"]}
    assert "2 posts added since" in " ".join(StateSummary.of(later.items()).sentences())


@pytest.mark.parametrize(
    ("present", "conflicted", "state", "lines"),
    [
        (0.9, 0.1, State.PRESENT, ("S1",)),
        (0.1, 0.9, State.CONFLICTED, ("T1",)),
        (0.1, 0.1, State.ABSENT, ()),
    ],
)
def test_evidence_is_that_of_the_state_drawn(
    present: float, conflicted: float, state: State, lines: tuple[str, ...]
) -> None:
    values = tuple(
        ValueLabel(value=v, present=present, conflicted=conflicted, evidence=("S1",), conflicted_evidence=("T1",))
        for v in CIRCLE
    )
    drawn = draw(Labels(script="template", source=SOURCE, values=values), None)
    assert {(label.state, label.evidence) for label in drawn.values} == {(state, lines)}


@pytest.mark.parametrize("answer", [State.PRESENT, State.CONFLICTED])
def test_an_answer_has_evidence_where_calibration_agrees_with_it(answer: State) -> None:
    values = tuple(ValueLabel(value=v, present=0.9, conflicted=0.1, state=answer, evidence=("S1",)) for v in CIRCLE)
    record = Labels(script="template", source=SOURCE, values=values, figures=LabelFigures())
    cutoffs = tuple(Cutoff(value=v, polarity=p, probability=0.5) for v in CIRCLE for p in Polarity)
    drawn = draw(record, Calibration(model="a-model", kind="validated", cutoffs=cutoffs))
    lines = ("S1",) if answer is State.PRESENT else ()
    assert {(label.state, label.evidence) for label in drawn.values} == {(State.PRESENT, lines)}
