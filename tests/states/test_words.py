"""What readers are told about states."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valex_local.records import Calibration, Cutoff, LabelFigures, Labels, LabelSource, StateKind, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.states import Banner, StateSummary, draw, kind_of_states, relative, to_do, with_cutoff

SOURCE = LabelSource(route="encoder", model="a-model", domain="English arguments")
POSTS = tuple(f"post-{n}" for n in range(40))


def record(present: float, source: LabelSource = SOURCE, figures: LabelFigures | None = None) -> Labels:
    values = tuple(ValueLabel(value=value, present=present, state=State.ABSENT) for value in CIRCLE)
    return Labels(script="template", source=source, values=values, figures=figures)


def calibration(kind: StateKind, *, posts: tuple[str, ...] = POSTS) -> Calibration:
    support = 12 if kind == "validated" else None
    cutoffs = tuple(
        Cutoff(value=value, polarity=Polarity.PRESENT, probability=0.5, support=support) for value in CIRCLE
    )
    return Calibration(model="a-model", kind=kind, drawn=date(2026, 3, 1), posts=posts, cutoffs=cutoffs)


def summary(kind: StateKind) -> StateSummary:
    return StateSummary.of((post, draw(record(0.7), calibration(kind))) for post in POSTS)


# --- a probability beside its cut-off -------------------------------------------------------------------------------


@given(st.floats(0, 1).map(lambda p: round(p, 4)), st.floats(0, 1))
def test_a_reader_sees_from_the_digits_whether_a_value_is_called(probability: float, cutoff: float) -> None:
    shown, limit = with_cutoff(probability, cutoff)
    assert (float(shown) >= float(limit)) == (probability >= cutoff)
    assert float(shown) == pytest.approx(probability, abs=0.0051)
    assert float(limit) == pytest.approx(cutoff, abs=0.0051)


@pytest.mark.parametrize(
    ("cutoff", "shown"),
    [(0.35, ("0.41", "0.35")), (0.412, ("0.410", "0.412")), (0.41001, ("0.4100", "0.4101")), (2.0, ("0.41", "never"))],
)
def test_as_few_digits_as_tell_them_apart(cutoff: float, shown: tuple[str, str]) -> None:
    assert with_cutoff(0.41, cutoff) == shown
    assert with_cutoff(0.41, None) == ("0.41", "")


# --- one set of labels ----------------------------------------------------------------------------------------------


def test_each_kind_has_its_words() -> None:
    kinds: Mapping[StateKind, str] = {
        "validated": "validated on 40 posts of this study",
        "relative": "relative, where a value stands out among 40 posts of this study; not validated",
        "cautious": "cautious, from a probability of 0.6 on; not validated",
        "own domain": "own domain, from the thresholds of the model on; not validated",
        "answer": "answer, as the language model gave it; not validated",
    }
    assert {kind: kind_of_states(calibration(kind)) for kind in kinds} == kinds


def test_a_line_says_kind_number_model_domain_and_that_nobody_checked() -> None:
    for part in ("relative", "19.0 values called per post", "by a-model, made for English arguments", "not validated"):
        assert part in summary("relative").line
    assert "not validated" not in summary("validated").line


def test_validated_states_drop_the_warning() -> None:
    assert Banner.of({"": summary("validated")}) is None
    (sentence,) = summary("validated").sentences()
    assert "validated on 40 posts of this study" in sentence


def test_labels_of_another_model_are_counted_apart() -> None:
    other = SOURCE.model_copy(update={"model": "older"})
    drawn = {post: draw(record(0.7, other if post == "post-0" else SOURCE), calibration("relative")) for post in POSTS}
    found = StateSummary.of(drawn.items())
    assert (found.posts, found.others, found.source) == (39, 1, SOURCE)
    assert "1 post labelled by another model" in found.line


# --- the banner -----------------------------------------------------------------------------------------------------

UNVALIDATED: tuple[StateKind, ...] = ("relative", "cautious", "own domain", "answer")


@pytest.mark.parametrize("kind", UNVALIDATED)
def test_a_banner_says_what_was_measured_what_not_to_report_and_what_to_do(kind: StateKind) -> None:
    text = " ".join(summary(kind).sentences())
    for part in ("not validated", "made for English arguments", "values per post are called", '"Present" means'):
        assert part in text
    assert "do not report in how many posts a value is present" in text
    assert "choose 30 posts or more at random" in text and "valex evaluate" in text and "valex calibrate" in text
    for jargon in ("logit", "z-score", "standard deviation", "sigma"):
        assert jargon not in text


def test_several_sets_have_one_banner_that_says_each_meaning_once() -> None:
    sets = {"one": summary("relative"), "two": summary("relative"), "three": summary("answer")}
    banner = Banner.of(sets)
    assert banner is not None
    assert [name for name, _ in banner.sets] == ["one", "two", "three"]
    assert sum("stands out" in remark for remark in banner.remarks) == 1
    assert "These states" in banner.title


def test_validated_sets_are_not_in_the_banner() -> None:
    banner = Banner.of({"one": summary("validated"), "two": summary("cautious")})
    assert banner is not None
    assert [name for name, _ in banner.sets] == ["two"]
    assert banner.title.startswith("Some states")


def test_values_without_enough_gold_labels_are_named() -> None:
    validated = calibration("validated")
    kept = (validated.cutoffs[0].model_copy(update={"support": None}), *validated.cutoffs[1:])
    partly = validated.model_copy(update={"cutoffs": kept})
    found = StateSummary.of((post, draw(record(0.7), partly)) for post in POSTS)
    assert "validated on 40 posts of this study, except 1 of 19 cut-offs" in found.line
    banner = Banner.of({"one": found, "two": summary("validated")})
    assert banner is not None
    assert banner.title.startswith("Some values are not validated")
    assert banner.remarks == (f"Not validated: {CIRCLE[0]} (present).",)
    assert "label more posts" in banner.advice
    assert to_do({"one": found}) == [f"Not validated: {CIRCLE[0]} (present).", banner.advice]
    assert to_do({"one": found, "two": summary("cautious")})[0] == f"Not validated in one: {CIRCLE[0]} (present)."
    assert to_do({"two": summary("validated")}) == []


def test_common_values_are_named_with_their_mean_the_most_common_first() -> None:
    study = {post: record(0.1) for post in POSTS}
    for place, high in ((3, 0.8), (7, 0.9)):
        for post, found in study.items():
            values = list(found.values)
            values[place] = values[place].model_copy(update={"present": high})
            study[post] = found.model_copy(update={"values": tuple(values)})
    drawn = relative(study, drawn=date(2026, 3, 1))
    text = " ".join(StateSummary.of((post, draw(found, drawn)) for post, found in study.items()).sentences())
    assert f"{CIRCLE[7]} (present, mean probability 0.90), {CIRCLE[3]} (present, mean probability 0.80)" in text


def test_texts_without_a_study_are_called_texts() -> None:
    labelled = [(post, draw(record(0.7), calibration("relative"))) for post in POSTS]
    text = " ".join(StateSummary.of(labelled, unit="text").sentences())
    assert "40 texts" in text and "post" not in text
