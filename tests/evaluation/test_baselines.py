"""Labels of the baselines, and that they never see the texts that they are tested on."""

import numpy as np
import pytest

from tests.evaluation.made import matrix
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.baselines import (
    BASELINES,
    AlwaysYes,
    Baseline,
    Dictionary,
    Majority,
    TfIdf,
    original_value,
    out_of_fold,
)
from valex_local.schwartz import CIRCLE, Value

AT = {value: i for i, value in enumerate(CIRCLE)}
FILLER = "the a of and they said then went home again with some more words here"


def corpus(items=120, seed=0):
    """Return texts in which one word decides whether stimulation is present, another whether it is conflicted."""
    generator = np.random.default_rng(seed)
    gold = LabelMatrix.empty([f"t{i}" for i in range(items)])
    gold.labels[:] = 0
    texts = []
    for row in range(items):
        words = list(generator.choice(FILLER.split(), 12))
        if row % 3 == 0:
            words.insert(int(generator.integers(12)), "rollercoaster")
            gold.labels[row, AT[Value.STIMULATION], 0] = 1
        elif row % 3 == 1:
            words.insert(int(generator.integers(12)), "yawning")
            gold.labels[row, AT[Value.STIMULATION], 1] = 1
        texts.append(" ".join(words))
    return texts, gold, [f"g{row // 4}" for row in range(items)]


def test_the_registry_holds_all_four_by_name():
    assert list(BASELINES) == ["always-yes", "majority", "dictionary", "tfidf"]
    for name, make in BASELINES.items():
        baseline: Baseline = make()
        assert baseline.name == name


@pytest.mark.parametrize("name", list(BASELINES))
def test_each_is_fitted_and_asked_alike(name):
    texts, gold, groups = corpus()
    baseline = BASELINES[name]()
    baseline.fit(texts[:90], gold.take(range(90)), groups[:90])
    judged = baseline.predict(texts[90:], gold.ids[90:])
    assert judged.ids == gold.ids[90:]
    assert set(np.unique(judged.labels[~np.isnan(judged.labels)])) <= {0, 1}
    assert baseline.predict([], []).ids == ()


def test_always_yes_says_yes():
    assert (AlwaysYes().predict(["a", "b"], ["x", "y"]).labels == 1).all()


def test_majority_says_what_most_say_and_how_many():
    gold = matrix(np.zeros((4, 19, 2)))
    gold.labels[:3, 0, 0] = 1
    gold.labels[:2, 1, 0] = 1
    gold.labels[:, 2, 0] = np.nan
    gold.labels[1:, 3, 0] = np.nan
    gold.labels[0, 3, 0] = 1
    baseline = Majority()
    baseline.fit([""] * 4, gold, [""] * 4)
    judged = baseline.predict([""], ["x"])
    assert judged.labels[0, :4, 0].tolist()[:2] == [1, 0]
    assert np.isnan(judged.labels[0, 2, 0])
    assert judged.labels[0, 3, 0] == 1
    assert judged.probabilities[0, [0, 1, 3], 0].tolist() == [0.75, 0.5, 1]
    with pytest.raises(RuntimeError, match="fit"):
        Majority().predict([""], ["x"])


def test_the_dictionary_labels_for_refined_values_by_their_name():
    judged = Dictionary().predict(["Freedom and creativity!", "nothing of it"], ["a", "b"])
    present = judged.labels[..., 0]
    both = [AT[Value.SELF_DIRECTION_THOUGHT], AT[Value.SELF_DIRECTION_ACTION]]
    assert present[0, both].tolist() == [1, 1]
    assert present[1, both].tolist() == [0, 0]
    assert np.isnan(present[:, [AT[Value.FACE], AT[Value.HUMILITY]]]).all()
    assert np.isnan(judged.labels[..., 1]).all()
    assert np.isnan(judged.probabilities).all()


def test_every_refined_value_but_two_has_an_original_one():
    named = {value: original_value(value.value) for value in CIRCLE}
    assert [value for value, name in named.items() if name is None] == [Value.FACE, Value.HUMILITY]
    assert len({name for name in named.values() if name}) == 10
    assert named[Value.UNIVERSALISM_NATURE] == "universalism"
    assert named[Value.SELF_DIRECTION_ACTION] == "self_direction"


def test_dictionaries_of_other_languages():
    freedom = Dictionary("de").predict(["Die Freiheit!"], ["a"]).labels[0, AT[Value.SELF_DIRECTION_THOUGHT], 0]
    assert freedom == 1
    with pytest.raises(InputError, match="'ja'"):
        Dictionary("ja")
    with pytest.raises(InputError, match="'zz'"):
        Dictionary("zz")


def test_tfidf_learns_a_planted_word_in_both_polarities():
    texts, gold, groups = corpus(480)
    fold = np.array([int(g[1:]) % 4 for g in groups])
    judged = out_of_fold(TfIdf, texts, gold, groups, fold)
    column = AT[Value.STIMULATION]
    assert (judged.labels[:, column] == gold.labels[:, column]).mean() > 0.98
    assert ((judged.probabilities[:, column] >= 0) & (judged.probabilities[:, column] <= 1)).all()
    assert np.isnan(judged.labels[:, [c for c in range(19) if c != column]]).all()


def test_tfidf_does_not_assess_labels_with_few_positives():
    texts, gold, groups = corpus()
    gold.labels[9:, AT[Value.STIMULATION], 0] = 0
    baseline = TfIdf(min_positives=4)
    baseline.fit(texts, gold, groups)
    judged = baseline.predict(texts, gold.ids)
    assert np.isnan(judged.labels[:, AT[Value.STIMULATION], 0]).all()
    assert not np.isnan(judged.labels[:, AT[Value.STIMULATION], 1]).any()


def test_tfidf_says_nothing_where_nothing_can_be_learnt():
    texts, gold, groups = corpus()
    baseline = TfIdf()
    baseline.fit(["..."] * len(texts), gold, groups)
    assert np.isnan(baseline.predict(texts, gold.ids).labels).all()
    with pytest.raises(InputError, match="1 groups"):
        TfIdf().fit(texts, gold, ["one"] * len(texts))


def test_labels_of_a_fold_have_no_say_in_how_it_is_judged():
    texts, gold, groups = corpus()
    fold = np.array([int(g[1:]) % 3 for g in groups])
    scored = np.flatnonzero(fold == 0)
    changed = gold.take(range(len(gold)))
    changed.labels[scored] = np.random.default_rng(1).permutation(changed.labels[scored])
    for make in (Majority, TfIdf):
        before, after = (out_of_fold(make, texts, labels, groups, fold) for labels in (gold, changed))
        assert np.array_equal(before.labels[scored], after.labels[scored], equal_nan=True)
        assert np.array_equal(before.probabilities[scored], after.probabilities[scored], equal_nan=True)
    others = fold != 0  # TF-IDF does learn from the changed labels
    assert not np.array_equal(before.probabilities[others], after.probabilities[others], equal_nan=True)


def test_shuffled_labels_are_not_learnt():
    texts, gold, groups = corpus(240)
    mixed = gold.take(range(len(gold)))
    mixed.labels[:] = np.random.default_rng(3).permutation(gold.labels)
    judged = out_of_fold(TfIdf, texts, mixed, groups, np.array([int(g[1:]) % 5 for g in groups]))
    predicted, true = judged.labels[:, AT[Value.STIMULATION], 0] == 1, mixed.labels[:, AT[Value.STIMULATION], 0] == 1
    f1 = 2 * (predicted & true).sum() / (predicted.sum() + true.sum())
    assert f1 < 0.6  # always yes reaches 0.5
