"""One evaluation: which texts count, which rows the table has, what is compared, and the notes."""

import numpy as np
import pytest

from tests.evaluation.made import matrix, names, noisy, paper_gold, route
from valex_local.errors import InputError, MissingExtra
from valex_local.evaluation.agreement import agreement
from valex_local.evaluation.baselines import Dictionary
from valex_local.evaluation.evaluate import evaluate
from valex_local.evaluation.figures import averages
from valex_local.evaluation.notes import notes
from valex_local.evaluation.results import Evaluation, Missing
from valex_local.schwartz import CIRCLE, Polarity, Value

PRESENT, CONFLICTED = Polarity


@pytest.fixture(scope="module")
def gold():
    return paper_gold()


@pytest.fixture(scope="module")
def users(gold):
    return {name: name.split("_")[0] for name in gold.ids}


@pytest.fixture(scope="module")
def found(gold, users):
    routes = [route("good", noisy(gold, 3, 1), noisy(gold, 3, 2)), route("fair", noisy(gold, 1.5, 3))]
    return evaluate(gold, routes, groups=users, grouped_by="author", resamples=200)


def by_name(evaluation):
    return {one.name: one for one in evaluation.routes}


def test_always_yes_and_majority_stand_in_every_table(found):
    assert [(r.name, r.baseline, r.runs) for r in found.routes] == [
        ("good", False, 2),
        ("fair", False, 1),
        ("always-yes", True, 1),
        ("majority", True, 1),
    ]
    always = by_name(found)["always-yes"]
    assert [round(always.of(p).averages.weighted_f1.value, 2) for p in Polarity] == [0.34, 0.25]
    assert by_name(found)["majority"].of(PRESENT).averages.weighted_f1.value == 0
    assert "gold labels themselves" in by_name(found)["majority"].about


def test_intervals_come_from_groups_and_hold_the_figure(found):
    assert (found.groups, found.grouped_by, found.items) == (91, "author", 888)
    for one in found.routes:
        for polarity in Polarity:
            for name in ("weighted_f1", "macro_f1", "touche_f1"):
                figure = getattr(one.of(polarity).averages, name)
                assert figure.low <= figure.value <= figure.high


def test_values_below_the_support_are_left_out_and_named(found):
    present = found.support[0]
    assert (len(present.values), len(present.rare)) == (14, 5)
    assert {r.value: r.support for r in present.rare}[Value.CONFORMITY_RULES] == 13
    assert by_name(found)["good"].of(PRESENT).averages.values == 14
    assert by_name(found)["good"].of(CONFLICTED).averages.values == 7
    assert not next(
        v for v in by_name(found)["good"].of(PRESENT).values if v.value is Value.CONFORMITY_RULES
    ).in_averages
    assert any("Conformity: rules (13)" in note and "support below 30" in note for note in notes(found))


def test_the_first_is_compared_with_every_other(found):
    compared = [(p.first, p.second, p.polarity) for p in found.pairs]
    assert compared == [("good", other, p) for other in ("fair", "always-yes", "majority") for p in Polarity]
    gain = found.pairs[0].weighted_f1
    assert gain.low > 0
    assert gain.not_above == 0
    one, other = (by_name(found)[name].of(PRESENT).averages.weighted_f1.value for name in ("good", "fair"))
    assert gain.value == pytest.approx(one - other, abs=2e-6)


def test_a_route_beside_itself_does_not_differ(gold):
    same = noisy(gold, 2, 1)
    evaluation = evaluate(gold, [route("a", same), route("b", same)], compare=[("a", "b")], resamples=100)
    for pair in evaluation.pairs:
        assert (pair.weighted_f1.value, pair.weighted_f1.low, pair.weighted_f1.high) == (0, 0, 0)
        assert pair.weighted_f1.not_above == 1


def test_any_two_can_be_compared_baselines_too(gold):
    routes = [route("a", noisy(gold, 2, 1)), route("b", noisy(gold, 1, 1))]
    evaluation = evaluate(gold, routes, compare=[("majority", "b"), ("b", "always-yes")], resamples=50)
    assert [(p.first, p.second) for p in evaluation.pairs][::2] == [("majority", "b"), ("b", "always-yes")]
    assert evaluation.pairs[0].weighted_f1.high < 0
    with pytest.raises(InputError, match=r"no route 'c'.*always-yes"):
        evaluate(gold, routes, compare=[("a", "c")])


def test_all_rows_tell_of_the_texts_that_all_routes_speak_of(gold):
    one, other = noisy(gold, 2, 1), noisy(gold, 2, 2)
    less = one.take(range(700))
    other.labels[:100] = np.nan
    evaluation = evaluate(gold, [route("less", less), route("other", other)], resamples=0)
    assert evaluation.items == 600
    assert {left.why: len(left.texts) for left in evaluation.left_out} == {
        "they are missing from route less": 188,
        "they are missing from route other": 100,
    }
    rows = list(range(100, 700))
    alone = evaluate(gold.take(rows), [route("less", one.take(rows)), route("other", other.take(rows))], resamples=0)
    assert alone.routes == evaluation.routes
    assert sum("left out" in note and "route less" in note for note in notes(evaluation)) == 1


def test_texts_without_gold_labels_are_listed(gold):
    more = matrix(np.zeros((890, 19, 2)), ids=(*gold.ids, "extra-1", "extra-2"))
    evaluation = evaluate(gold, [route("a", more)], resamples=0)
    assert evaluation.left_out[0].why.endswith("the gold labels")
    assert evaluation.left_out[0].texts == ("extra-1", "extra-2")


def test_nothing_in_common_is_an_error_that_counts(gold):
    other = matrix(np.zeros((5, 19, 2)), ids=("a", "b", "c", "d", "e"))
    with pytest.raises(InputError, match=r"the gold labels 888, route x 5.*use the same ids"):
        evaluate(gold, [route("x", other)])


def test_two_routes_of_one_name_are_refused(gold):
    with pytest.raises(InputError, match=r"two routes are called 'x'.*NAME=PATH"):
        evaluate(gold, [route("x", gold), route("x", gold)])


def test_a_polarity_that_is_not_assessed_has_no_figures_and_is_reported(gold):
    evaluation = evaluate(gold, [route("a", noisy(gold, 2, 1, polarities=(0,)))], resamples=50)
    figures = evaluation.routes[0].of(CONFLICTED)
    assert (figures.averages, figures.values, figures.confusion, figures.calibration) == (None, (), (), None)
    assert len(figures.not_assessed) == 7
    assert {p.polarity for p in evaluation.pairs} == {PRESENT}
    assert "a, conflicted: not assessed." in notes(evaluation)


def test_a_value_that_is_not_assessed_is_in_no_average_and_the_pair_is_of_common_values(gold):
    some = noisy(gold, 2, 1)
    some.labels[:, [4, 7], 0] = np.nan
    evaluation = evaluate(gold, [route("some", some), route("all", noisy(gold, 2, 1))], resamples=0)
    figures = evaluation.routes[0].of(PRESENT)
    assert figures.not_assessed == (CIRCLE[4], CIRCLE[7])
    assert figures.averages.values == 12
    pair = next(p for p in evaluation.pairs if p.second == "all" and p.polarity is PRESENT)
    assert (pair.values, pair.weighted_f1.value, pair.weighted_f1.not_above) == (12, 0, None)


def test_single_labels_that_are_missing_are_counted(gold):
    some = noisy(gold, 2, 1)
    some.labels[:30, 2, 0] = np.nan
    figures = evaluate(gold, [route("a", some)], resamples=0).routes[0].of(PRESENT)
    assert figures.unanswered == 30
    assert figures.values[2].items == 858


def test_a_baseline_that_lacks_texts_is_left_out_with_the_reason(gold):
    lacking = route("tfidf", noisy(gold, 1, 1).take(range(800)), baseline=True)
    evaluation = evaluate(gold, [route("a", gold), lacking], resamples=0)
    assert evaluation.items == 888
    assert evaluation.missing == (Missing(name="tfidf", why="it has no labels for 88 of the 888 texts"),)
    assert any("tfidf has no figures" in note for note in notes(evaluation))


def test_baselines_stand_in_one_order(gold):
    given = [route(name, noisy(gold, 1, 1), baseline=True) for name in ("other", "tfidf", "dictionary", "majority")]
    evaluation = evaluate(gold, [*given, route("a", gold)], resamples=0)
    assert [r.name for r in evaluation.routes] == ["a", "always-yes", "majority", "dictionary", "tfidf", "other"]
    assert by_name(evaluation)["majority"].about is None


def test_without_routes_the_baselines_alone_are_measured(gold):
    evaluation = evaluate(gold, [], resamples=10)
    assert [r.name for r in evaluation.routes] == ["always-yes", "majority"]
    assert evaluation.items == 888


def test_a_text_without_a_group_stands_alone(gold, users):
    some = {name: user for name, user in users.items() if user != "user0"}
    evaluation = evaluate(gold, [route("a", gold)], groups=some, grouped_by="author", resamples=10)
    assert evaluation.groups == 90 + sum(user == "user0" for user in users.values())


def test_few_groups_and_single_texts_are_reported(gold):
    few = {name: str(i % 5) for i, name in enumerate(gold.ids)}
    grouped = evaluate(gold, [route("a", gold)], groups=few, grouped_by="genre", resamples=10)
    assert any("5 groups (genre)" in note and "unreliable" in note for note in notes(grouped))
    assert any("single texts" in note for note in notes(evaluate(gold, [route("a", gold)], resamples=10)))
    assert any("No intervals" in note for note in notes(evaluate(gold, [route("a", gold)], resamples=0)))


def test_gold_labels_of_one_polarity(gold):
    silent = matrix(gold.labels.copy(), ids=gold.ids)
    silent.labels[..., 1] = np.nan
    evaluation = evaluate(silent, [route("a", noisy(gold, 2, 1))], resamples=0)
    assert evaluation.routes[0].of(CONFLICTED).averages is None
    assert evaluation.routes[0].of(CONFLICTED).not_assessed == ()
    assert "The gold labels do not assess conflicted." in notes(evaluation)


def test_no_value_with_support():
    gold = matrix(np.zeros((10, 19, 2)))
    evaluation = evaluate(gold, [route("a", gold)], resamples=10)
    assert all(r.of(p).averages is None for r in evaluation.routes for p in Polarity)
    assert evaluation.pairs == ()
    assert any("Few texts" in note and "no averages" in note and "--min-support" in note for note in notes(evaluation))
    assert averages(np.zeros((1, 3, 19, 2)), np.zeros((19, 2), dtype=bool)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_the_order_of_texts_and_the_seed(gold, users):
    order = np.random.default_rng(0).permutation(888)
    routes = [route("a", noisy(gold, 2, 1))]
    one, mixed, other = (
        evaluate(labels, routes, groups=users, grouped_by="author", resamples=50, seed=seed)
        for labels, seed in ((gold, 0), (gold.take(order), 0), (gold, 1))
    )
    for a, b in zip(one.routes, mixed.routes, strict=True):
        for polarity in Polarity:
            assert a.of(polarity).values == b.of(polarity).values
            assert a.of(polarity).calibration == b.of(polarity).calibration
    assert evaluate(gold, routes, groups=users, grouped_by="author", resamples=50).routes == one.routes
    assert one.routes[0].of(PRESENT).averages.weighted_f1.low != other.routes[0].of(PRESENT).averages.weighted_f1.low


def test_an_evaluation_survives_json(found):
    assert Evaluation.model_validate_json(found.to_json()) == found


def test_without_the_libraries_it_says_which_extra_brings_them(gold, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(MissingExtra, match=r"sklearn is not installed.*valex_local\[train\]"):
        evaluate(gold, [route("a", gold)])
    with pytest.raises(MissingExtra, match="pyvalues"):
        Dictionary()
    with pytest.raises(MissingExtra, match=r"valex_local\[train\]"):
        agreement("routes", {"a": gold, "b": gold})


def test_made_up_names_are_tiktok_names():
    from valex_local.posts.ids import post_key

    assert post_key(names(1)[0]).user == "user0"
