"""States that are fitted to gold labels, and their figures by cross-validation, on labels that the tests make."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.labelled import COMMON, as_answers, cutoffs_at, made_gold, made_labels, post_ids
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.bootstrap import Difference
from valex_local.evaluation.validate import LEAST_CASES, LEAST_POSTS, Posts, enough, out_of_fold, validate
from valex_local.evaluation.validation_tables import validation_notes
from valex_local.records import Calibration
from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.states import as_answered, draw

TODAY = date(2026, 3, 1)
CAUTIOUS = cutoffs_at(0.6)


def authors(ids):
    return {name: name.split("_")[0] for name in ids}


def validated(gold, labels, base=CAUTIOUS, **options):
    return validate(labels, gold, base, drawn=TODAY, groups=authors(gold.ids), **options)


def figures(found):
    return {figure.figure: figure for figure in found.calibration.figures}


@pytest.fixture(scope="module")
def made():
    gold = made_gold()
    labels = made_labels(gold)
    return gold, labels, validated(gold, labels)


def test_a_model_that_is_too_shy_calls_as_many_values_as_people_do(made) -> None:
    _, _, found = made
    assert not found.worse
    assert found.difference.low > 0
    assert {row.cutoff.value for row in found.values} == set(CIRCLE[:COMMON])
    f1 = figures(found)["macro F1 of present"]
    assert f1.before < 0.1 < 0.6 < f1.after
    assert f1.after_low <= f1.after <= f1.after_high
    error = figures(found)["calibration error of present"]
    assert error.after < error.before
    for row in found.values:
        assert row.called_after == pytest.approx(row.cutoff.support, abs=6)


def test_the_figures_hold_on_posts_that_were_not_there(made) -> None:
    _, _, found = made
    gold = made_gold(400, seed=7)
    drawn = LabelMatrix.from_labels(
        {name: draw(r, found.calibration).values for name, r in made_labels(gold, seed=8).items()}
    )
    truth, states = gold.labels[:, :COMMON, 0], drawn.labels[:, :COMMON, 0]
    f1 = (2 * (truth * states).sum(0) / (truth.sum(0) + states.sum(0))).mean()
    after = figures(found)["macro F1 of present"]
    assert after.after_low < f1 < after.after_high


def test_the_calibration_names_its_posts_and_what_it_does_not_cover(made) -> None:
    gold, _, found = made
    calibration = found.calibration
    assert (calibration.kind, calibration.drawn, calibration.posts) == ("validated", TODAY, tuple(sorted(gold.ids)))
    kept = [cutoff for cutoff in calibration.cutoffs if cutoff.support is None]
    assert {cutoff.value for cutoff in kept} == set(CIRCLE[COMMON:])
    assert {(cutoff.probability, cutoff.slope) for cutoff in kept} == {(0.6, 1)}
    (notice,) = (n for n in calibration.notices if n.code == "values-not-validated")
    assert all(str(value) in notice.text for value in CIRCLE[COMMON:])
    assert Calibration.parse(calibration.to_json()) == calibration


def test_equal_input_gives_equal_results(made) -> None:
    gold, labels, found = made
    assert validated(gold, labels).calibration.to_json() == found.calibration.to_json()


@settings(max_examples=5)
@given(st.integers(0, 1000), st.floats(-4, 4), st.floats(0, 3))
def test_calibrating_never_reorders_posts_within_a_value(seed: int, shift: float, signal: float) -> None:
    gold = made_gold(40, seed=seed, share=0.5)
    labels = made_labels(gold, seed=seed + 1, shift=shift, signal=signal)
    calibration = validated(gold, labels).calibration
    for v in range(COMMON):
        ranked = sorted(labels.values(), key=lambda record: record.values[v].present_logit or 0)
        drawn = [draw(record, calibration).values[v] for record in ranked]
        shown = [label.present for label in drawn]
        assert shown == sorted(shown)
        called = [label.state is State.PRESENT for label in drawn]
        assert called == sorted(called)


@settings(max_examples=5)
@given(st.integers(0, 1000), st.integers(0, 2))
def test_gold_labels_of_a_fold_have_no_part_in_its_states(seed: int, fold: int) -> None:
    gold = made_gold(24, seed=seed)
    labels = tuple(made_labels(gold, seed=seed).values())
    rows = np.arange(24) % 3 == fold
    wanted = np.zeros((len(CIRCLE), 2), dtype=bool)
    wanted[:COMMON, 0] = True
    flipped = np.where(rows[:, None, None], 1 - gold.labels, gold.labels)
    one, other = (
        out_of_fold(Posts(gold.ids, labels, truth, gold.ids), np.arange(24) % 3, wanted, CAUTIOUS)
        for truth in (gold.labels, flipped)
    )
    assert np.array_equal(one.labels[rows], other.labels[rows], equal_nan=True)
    assert np.array_equal(one.probabilities[rows], other.probabilities[rows], equal_nan=True)


def test_authors_are_never_split() -> None:
    """Each author has a value in all posts or in none, and the model knows only who the author is."""
    ids = post_ids(80, authors=8)
    gold = LabelMatrix.empty(ids)
    gold.labels[:] = 0
    gold.labels[[i for i, name in enumerate(ids) if name.startswith(("@user1_", "@user2_", "@user3_"))], 0, 0] = 1
    labels = made_labels(gold, signal=0)
    by_author, by_post = (validate(labels, gold, CAUTIOUS, drawn=TODAY, groups=g) for g in (authors(ids), None))
    assert by_author.groups == 8
    assert by_post.groups is None
    assert [n.code for n in by_post.calibration.notices if "authors" in n.code] == ["validated-without-authors"]
    assert [n.code for n in by_author.calibration.notices if "authors" in n.code] == ["validated-on-few-authors"]


def test_posts_without_a_known_author_are_counted(made) -> None:
    gold, labels, _ = made
    known = dict(list(authors(gold.ids).items())[5:])
    found = validate(labels, gold, CAUTIOUS, drawn=TODAY, groups=known)
    (notice,) = (n for n in found.calibration.notices if n.code == "validated-without-authors")
    assert notice.text.startswith("5 posts without a known author counted alone")


def test_states_that_are_no_better_are_not_called_better(made) -> None:
    _, _, found = made
    same = replace(found, difference=Difference(value=0, low=-0.1, high=0.1))
    assert validation_notes(same, "author")[0].startswith("The states are as good as before")


@pytest.mark.parametrize(("positives", "of", "enough_"), [(10, 8, True), (9, 8, False), (10, 2, False), (71, 8, False)])
def test_a_cut_off_of_its_own_needs_ten_posts_with_ten_without_and_three_authors(
    positives: int, of: int, enough_: bool
) -> None:
    gold = made_gold(80, authors=8)
    gold.labels[:] = 0
    rows = sorted(range(80), key=lambda row: (row % 8 >= of, row // 8))[:positives]
    gold.labels[rows, 0, 0] = 1
    labels = made_labels(gold)
    posts = Posts(gold.ids, tuple(labels.values()), gold.labels, tuple(authors(gold.ids).values()))
    assert enough(posts)[0, 0] == enough_


def test_few_posts_are_refused_with_how_many_more_it_takes() -> None:
    gold = made_gold(LEAST_POSTS - 4)
    with pytest.raises(InputError, match=r"needs 30 posts .* there are 26.*Label 4 more posts"):
        validated(gold, made_labels(gold))


def test_rare_values_are_refused_with_how_many_more_posts_it_takes() -> None:
    gold = made_gold(40)
    gold.labels[:] = 0
    gold.labels[:4, 2, 0] = 1
    with pytest.raises(InputError, match=rf"{CIRCLE[2]} \(present\), is found in 4 of 40.*about 60 more posts"):
        validated(gold, made_labels(gold))


def test_worse_states_are_called_worse() -> None:
    """A model that knows nothing: calling everything has a better F1 than calling the right number."""
    gold = made_gold()
    found = validated(gold, made_labels(gold, signal=0), cutoffs_at(0))
    assert found.worse
    assert validation_notes(found, "author")[0].startswith("The states are worse than before")


def test_both_polarities_are_fitted() -> None:
    gold = made_gold(150, conflicted=True)
    base = cutoffs_at(0.6, tuple(Polarity))
    found = validated(gold, made_labels(gold, conflicted=True, signal=3), base)
    assert {row.cutoff.polarity for row in found.values} == set(Polarity)
    assert {"macro F1 of present", "macro F1 of conflicted", "values called per post"} <= figures(found).keys()
    assert figures(found)["values called per post"].after == pytest.approx(found.gold_per_post, abs=0.5)


def test_gold_labels_of_what_the_model_does_not_assess_are_counted() -> None:
    gold = made_gold(150, conflicted=True)
    found = validated(gold, made_labels(gold))
    (notice,) = (n for n in found.calibration.notices if n.code == "gold-not-used")
    assert notice.text.startswith(f"{int(gold.labels[..., 1].sum())} gold labels not used")


def test_missing_gold_labels_do_not_count() -> None:
    gold = made_gold(120)
    gold.labels[::2, 0] = np.nan
    support = {row.cutoff.value: row.cutoff.support for row in validated(gold, made_labels(made_gold(120))).values}
    assert support[CIRCLE[0]] == (gold.labels[:, 0, 0] == 1).sum() >= LEAST_CASES


def test_a_language_models_answers_stay_where_there_are_too_few_gold_labels() -> None:
    gold = made_gold()
    labels = as_answers(made_labels(gold), present=COMMON)
    found = validated(gold, labels, as_answered(next(iter(labels.values()))))
    drawn = [draw(record, found.calibration) for record in labels.values()]
    assert all(record.values[COMMON].state is State.PRESENT for record in drawn)
    assert all(record.values[COMMON].present_from is None for record in drawn)
    assert {record.values[-1].state for record in drawn} == {State.ABSENT}
    kept = {cutoff.value for cutoff in found.calibration.cutoffs if cutoff.probability is None}
    assert kept == set(CIRCLE[COMMON:])
    called = [record.values[0].state is State.PRESENT for record in drawn]
    assert sum(called) == pytest.approx(gold.labels[:, 0, 0].sum(), abs=3)
