import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.paper_corpus import AUTHORS, COUNTS, POSTS
from valex_local.corpus.folds import grouped_folds, leave_one_out
from valex_local.errors import InputError


@st.composite
def labelled(draw: st.DrawFn) -> tuple[np.ndarray, list[str], int]:
    """Draw truth with gaps, groups of any size, and a number of folds into which they can be split."""
    groups = draw(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=40).filter(lambda g: len(set(g)) > 1))
    labels = draw(st.integers(0, 4))
    cells = st.sampled_from([0.0, 0.0, 1.0, np.nan])
    rows = draw(
        st.lists(
            st.lists(cells, min_size=labels, max_size=labels),
            min_size=len(groups),
            max_size=len(groups),
        )
    )
    return np.array(rows).reshape(len(groups), labels), groups, draw(st.integers(2, len(set(groups))))


@settings(max_examples=200, deadline=None)
@given(labelled(), st.integers(0, 1000))
def test_no_group_is_parted_and_every_item_has_its_place(drawn: tuple[np.ndarray, list[str], int], seed: int) -> None:
    truth, groups, folds = drawn
    found = grouped_folds(truth, groups, folds=folds, seed=seed)
    assert found.shape == (len(groups),)
    assert set(found.tolist()) == set(range(folds)), "every fold holds something"
    assert len({(g, f) for g, f in zip(groups, found.tolist(), strict=True)}) == len(set(groups))
    again = grouped_folds(truth, groups, folds=folds, seed=seed)
    assert np.array_equal(found, again)


@settings(max_examples=50, deadline=None)
@given(labelled(), st.integers(0, 100))
def test_unknown_labels_count_as_negative(drawn: tuple[np.ndarray, list[str], int], seed: int) -> None:
    truth, groups, folds = drawn
    found = grouped_folds(truth, groups, folds=folds, seed=seed)
    assert np.array_equal(found, grouped_folds(np.nan_to_num(truth), groups, folds=folds, seed=seed))


def paper(seed: int) -> tuple[np.ndarray, list[str]]:
    """Return truth with the paper's counts, values clustered by author as they are in life, authors of all sizes."""
    random = np.random.default_rng(seed)
    sizes = np.exp(random.normal(0, 0.7, AUTHORS))
    author = random.choice(AUTHORS, POSTS, p=sizes / sizes.sum())
    columns = []
    for present, _, conflicted in COUNTS.values():
        for count in (present, conflicted):
            leaning = np.exp(random.normal(0, 1, AUTHORS))[author]
            column = np.zeros(POSTS)
            column[random.choice(POSTS, count, replace=False, p=leaning / leaning.sum())] = 1
            columns.append(column)
    return np.stack(columns, axis=1), [f"author {a}" for a in author]


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_shared_out_evenly_on_a_corpus_like_the_papers(seed: int) -> None:
    truth, authors = paper(seed)
    supported = truth[:, truth.sum(axis=0) >= 30]
    folds = 5
    found = grouped_folds(supported, authors, folds=folds, seed=seed)
    items = np.bincount(found, minlength=folds) / POSTS
    shares = np.stack([supported[found == fold].sum(axis=0) for fold in range(folds)]) / supported.sum(axis=0)
    assert items.min() > 0.17
    assert items.max() < 0.23
    assert shares.min() > 0.08, "no label is nearly missing from a fold"
    assert shares.max() < 0.4
    assert np.abs(shares - 1 / folds).mean() < 0.035
    names = list(set(authors))
    chance = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % folds, strict=True))
    blind = np.array([chance[author] for author in authors])
    by_chance = np.stack([supported[blind == fold].sum(axis=0) for fold in range(folds)]) / supported.sum(axis=0)
    assert np.abs(shares - 1 / folds).mean() < np.abs(by_chance - 1 / folds).mean() / 2


def test_another_seed_gives_another_split() -> None:
    truth, authors = paper(0)
    one, other = (grouped_folds(truth, authors, folds=5, seed=seed) for seed in range(2))
    firsts = [authors.index(author) for author in set(authors)]
    together = [f[firsts][:, None] == f[firsts][None] for f in (one, other)]
    # Of authors whom one seed puts into one fold the other does so with a fifth, as chance would have it.
    assert together[1][together[0] & ~np.eye(len(firsts), dtype=bool)].mean() < 0.3


def test_each_text_by_itself_is_stratified() -> None:
    truth = np.zeros((200, 2))
    truth[:20, 0] = truth[10:40, 1] = 1
    found = grouped_folds(truth, [str(i) for i in range(200)], folds=5, seed=1)
    for fold in range(5):
        assert truth[found == fold].sum(axis=0).tolist() == [4, 6]
        assert (found == fold).sum() == 40


def test_too_few_groups_are_reported() -> None:
    with pytest.raises(InputError, match="2 groups cannot be split into 3 folds") as caught:
        grouped_folds(np.ones((4, 1)), list("aabb"), folds=3, seed=0)
    assert "--group none" in (caught.value.hint or "")


def test_leave_one_out_makes_a_fold_of_each_group() -> None:
    assert leave_one_out(["pop", "cooking", "pop", "dance"]).tolist() == [2, 0, 2, 1]


def test_one_group_cannot_be_left_out() -> None:
    with pytest.raises(InputError, match="all texts are in one group"):
        leave_one_out(["pop", "pop"])
