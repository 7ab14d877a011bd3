import numpy as np
import pytest

from tests.training.tiny import CONFLICTED, PRESENT, corpus, options, sentences
from valex_local.errors import ConfigError, InputError
from valex_local.schwartz import CIRCLE
from valex_local.training.data import Data, Split, columns, spread
from valex_local.training.options import support_note, training_options

COUNT = 40
THOUGHT, FACE, HUMILITY = CIRCLE[0], CIRCLE[7], CIRCLE[13]


def shown(times: int, count: int = COUNT) -> list[float]:
    return [1.0] * times + [0.0] * (count - times)


SAID = {
    (THOUGHT, PRESENT): shown(30),
    (THOUGHT, CONFLICTED): shown(5),
    (FACE, PRESENT): shown(29),
    (FACE, CONFLICTED): shown(12),
    (HUMILITY, PRESENT): shown(0),
}


def data(said: object = None, *, authors: list[str] | None = None, **changes: object) -> Data:
    made = corpus(sentences(COUNT), SAID if said is None else said, authors)  # type: ignore[arg-type]
    return Data.of(made, options(group="none" if authors is None else "author", **changes))


def test_what_has_too_little_support_is_left_out_and_named() -> None:
    found = data(min_support=12)
    assert found.outputs == ((THOUGHT, PRESENT), (FACE, PRESENT), (FACE, CONFLICTED))
    left = {(item.value, item.polarity): item.support for item in found.left_out}
    assert left == {(THOUGHT, CONFLICTED): 5, (HUMILITY, PRESENT): 0}, "and of what nobody spoke nothing is said"
    assert found.support == {(THOUGHT, PRESENT): 30, (FACE, PRESENT): 29, (FACE, CONFLICTED): 12}


@pytest.mark.parametrize(("least", "outputs"), [(29, 2), (30, 1)])
def test_the_bound_itself_is_enough(least: int, outputs: int) -> None:
    assert len(data(min_support=least).outputs) == outputs


def test_a_polarity_that_a_source_does_not_know_is_masked() -> None:
    present, conflicted = np.array(shown(20)), np.array(shown(10))
    present[-8:] = conflicted[25:] = np.nan
    found = data({(FACE, PRESENT): present, (FACE, CONFLICTED): conflicted}, min_support=10)
    assert found.truth.shape == (COUNT, 2)
    assert np.isnan(found.truth).sum(axis=0).tolist() == [8, 15]
    assert found.truth[:10].tolist() == [[1, 1]] * 10
    assert found.support == {(FACE, PRESENT): 20, (FACE, CONFLICTED): 10}


def test_a_polarity_that_no_source_knows_is_neither_learnt_nor_left_out() -> None:
    found = data({(FACE, PRESENT): shown(20)}, min_support=10)
    assert found.outputs == ((FACE, PRESENT),)
    assert found.left_out == ()


def test_without_any_support_the_best_is_named() -> None:
    with pytest.raises(InputError, match="no polarity of any value is shown by at least 31 texts; the maximum is 30"):
        data(min_support=31)
    with pytest.raises(InputError, match="the maximum is 0"):
        data({(FACE, PRESENT): shown(0)}, min_support=1)


def test_texts_that_do_not_say_their_group_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be grouped by 'author'"):
        Data.of(corpus(sentences(COUNT), SAID), options(group="author"))


def test_what_is_taken_is_what_stands_there() -> None:
    found = data(min_support=12)
    rows = np.array([31, 2, 17])
    taken = found.take(rows)
    assert taken.texts == tuple(found.texts[row] for row in rows)
    assert taken.gold.ids == tuple(found.gold.ids[row] for row in rows)
    assert taken.groups == tuple(found.groups[row] for row in rows)
    assert np.array_equal(taken.truth, found.truth[rows])
    assert taken.outputs == found.outputs, "also where some texts alone would not support them"


def test_columns_and_their_places() -> None:
    outputs = ((THOUGHT, CONFLICTED), (HUMILITY, PRESENT))
    whole = spread(np.array([[0.1, 0.2], [0.3, 0.4]]), outputs)
    assert whole.shape == (2, 19, 2)
    assert np.isnan(whole).sum() == 2 * 38 - 4
    assert whole[:, 0, 1].tolist() == [0.1, 0.3]
    assert whole[:, 13, 0].tolist() == [0.2, 0.4]
    assert columns(whole, outputs).tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert spread(np.array([0.5, 0.6]), outputs).shape == (19, 2)


@pytest.mark.parametrize("part", ["texts", "holds", "groups", "ids"])
def test_the_digest_tells_data_apart(part: str) -> None:
    said = {(FACE, PRESENT): shown(20)}
    authors = [f"a{i % 8}" for i in range(COUNT)]
    first = data(said, authors=authors, min_support=10)
    assert first.digest() == data(said, authors=authors, min_support=10).digest()
    if part == "texts":
        texts = [*sentences(COUNT)[:-1], "another"]
        other = Data.of(corpus(texts, said, authors), options(min_support=10))
    elif part == "holds":
        other = data({(FACE, PRESENT): [*shown(20)[:-1], np.nan]}, authors=authors, min_support=10)
    elif part == "groups":
        other = data(said, authors=[*authors[:-1], "b"], min_support=10)
    else:
        other = data(said, authors=authors, min_support=10).take(np.arange(COUNT - 1))
    assert other.digest() != first.digest()


@pytest.mark.parametrize("folds", [2, 4, None])
def test_the_parts_of_a_fold_share_no_author(folds: int | None) -> None:
    authors = [f"a{i % 8}" for i in range(COUNT)]
    given = options(folds=folds, inner=3, min_support=10)
    made = data({(FACE, PRESENT): shown(20)}, authors=authors, min_support=10)
    folds_of = made.folds(given, seed=1)
    scored = []
    for fold in range(folds_of.max() + 1):
        split = Split.of(made, folds_of, fold, given, seed=1)
        parts = [{authors[row] for row in rows} for rows in (split.learn, split.tune, split.score)]
        assert all(parts)
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        rows = np.concatenate([split.learn, split.tune, split.score])
        assert sorted(rows) == list(range(COUNT))
        assert len(split.tune) < len(split.learn)
        scored += split.score.tolist()
    assert sorted(scored) == list(range(COUNT)), "every text is scored once"


def test_what_is_scored_has_no_say_in_what_is_learnt_and_tuned() -> None:
    authors = [f"a{i % 8}" for i in range(COUNT)]
    given = options(folds=4, min_support=1, group="author")
    random = np.random.default_rng(0)
    column = random.integers(0, 2, COUNT).astype(float)
    first = data({(FACE, PRESENT): column}, authors=authors, min_support=1)
    folds_of = first.folds(given, seed=0)
    split = Split.of(first, folds_of, 2, given, seed=0)
    column[split.score] = 1 - column[split.score]
    other = Split.of(data({(FACE, PRESENT): column}, authors=authors, min_support=1), folds_of, 2, given, seed=0)
    assert np.array_equal(split.learn, other.learn)
    assert np.array_equal(split.tune, other.tune)


def test_one_group_left_is_none_to_tune_on() -> None:
    authors = ["a"] * 20 + ["b"] * 20
    made = data({(FACE, PRESENT): shown(25)}, authors=authors, min_support=10)
    given = options(folds=2, min_support=10)
    with pytest.raises(InputError, match="are of one group only"):
        Split.of(made, made.folds(given, seed=0), 0, given, seed=0)


def test_two_groups_left_are_one_to_learn_from_and_one_to_tune_on() -> None:
    authors = ["a"] * 10 + ["b"] * 10 + ["c"] * 20
    made = data({(FACE, PRESENT): shown(25)}, authors=authors, min_support=10)
    split = Split.of(made, np.array([0] * 20 + [1] * 20), 1, options(min_support=10), seed=0)
    assert len(split.learn) == len(split.tune) == 10


def test_parts_that_share_a_group_are_a_defect() -> None:
    split = Split(np.array([0, 1]), np.array([2]), np.array([3]))
    split.check(["a", "a", "b", "c"])
    with pytest.raises(ValueError, match="share a group"):
        split.check(["a", "b", "c", "b"])


def test_a_share_is_a_number_of_the_labelled_texts_rounded_up():
    texts = corpus(sentences(41), {(FACE, PRESENT): shown(3, 41), (HUMILITY, PRESENT): shown(2, 41)})
    given = training_options({"min_support": "5 %", "group": "none"})
    assert Data.of(texts, given).outputs == ((FACE, PRESENT),)
    assert given.model_dump(mode="json")["min_support"] == "5%"
    assert support_note(given, 41) == ("values with a support of 3 or more: 5 % of 41 texts, rounded up",)
    assert support_note(options(), 41) == ()
    with pytest.raises(ConfigError, match="such as 5%"):
        training_options({"min_support": "0"})
