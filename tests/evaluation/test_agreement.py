"""Agreement on examples with known results."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from tests.evaluation.made import matrix, noisy, paper_gold
from valex_local.evaluation.agreement import View, _alpha, agreement, codes
from valex_local.schwartz import CIRCLE

# Krippendorff (2011), "Computing Krippendorff's alpha-reliability": two observers, ten units, alpha = 0.095.
MEG = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
OWEN = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]

# From the same text: four observers, twelve units, five categories, missing data, nominal alpha = 0.743.
FOUR = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def of(view, found):
    return next(v for v in found.views if v.view is view)


def source(column, ids=None):
    """Return one annotator's labels of the first value: 1 present, 0 absent, 2 conflicted, None not assessed."""
    holds = np.full((len(column), 19, 2), np.nan)
    for row, code in enumerate(column):
        if code is not None:
            holds[row, 0] = code == 1, code == 2
    return matrix(holds, ids=ids)


def test_krippendorff_s_own_example():
    found = of(View.PRESENT, agreement("annotators", {"Meg": source(MEG), "Owen": source(OWEN)}))
    (value,) = found.values
    assert value.value is CIRCLE[0]
    assert value.items == 10
    assert value.alpha == pytest.approx(0.095, abs=5e-4)
    assert found.mean_alpha == value.alpha


def test_krippendorff_s_example_with_missing_data():
    coded = np.array([[np.nan if c == "." else float(c) for c in line.split()] for line in FOUR.strip().split("\n")])
    assert _alpha(coded) == pytest.approx(0.743, abs=5e-4)


def test_cohen_s_kappa_of_a_known_table():
    # 20 both yes, 15 both no, 5 and 10 apart: kappa = 0.4.
    one = [1] * 20 + [1] * 5 + [0] * 10 + [0] * 15
    other = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    (value,) = of(View.STATE, agreement("annotators", {"a": source(one), "b": source(other)})).values
    (pair,) = value.pairs
    assert pair.kappa == pytest.approx(0.4)
    assert pair.agreeing == 0.7
    assert (pair.first, pair.second, pair.items) == ("a", "b", 50)


def test_silence_is_missing_and_no_category():
    full = {"a": source([1, 0, 1, 0, 2]), "b": source([1, 0, 0, 0, 2])}
    holes = {"a": source([1, 0, 1, 0, 2, None, 1]), "b": source([1, 0, 0, 0, 2, 1, None])}
    assert agreement("annotators", full).views == agreement("annotators", holes).views


def test_texts_are_matched_by_id():
    one, other = source([1, 0, 1], ids=("x", "y", "z")), source([1, 1, 0], ids=("z", "x", "y"))
    (value,) = of(View.PRESENT, agreement("annotators", {"a": one, "b": other})).values
    assert value.pairs[0].kappa == 1
    assert value.alpha == 1


def test_what_only_one_category_is_used_for_has_no_figure():
    found = of(View.PRESENT, agreement("annotators", {"a": source([0, 0, 0]), "b": source([0, 0, 0])}))
    (value,) = found.values
    assert (value.alpha, value.pairs[0].kappa, value.pairs[0].agreeing) == (None, None, 1)
    assert (found.mean_alpha, found.mean_kappa) == (None, None)


def test_sources_without_common_texts_have_none_to_compare():
    found = agreement("annotators", {"a": source([1], ids=("x",)), "b": source([1], ids=("y",))})
    assert all(not view.values for view in found.views)


def test_a_source_that_assesses_presence_only_has_no_states():
    gold = paper_gold()
    found = agreement("routes", {"a": noisy(gold, 1, 1), "b": noisy(gold, 1, 2, polarities=(0,))})
    assert of(View.STATE, found).values == ()
    assert of(View.CONFLICTED, found).values == ()
    assert len(of(View.PRESENT, found).values) == 19


def test_states_are_coded_as_three():
    holds = np.full((1, 19, 2), np.nan)
    holds[0, :4] = [[1, 0], [0, 0], [0, 1], [0, np.nan]]
    coded = codes(View.STATE, holds)[0, :5]
    assert coded[:3].tolist() == [1, 0, 2]
    assert np.isnan(coded[3:]).all()


def test_three_sources_have_three_pairs_and_kappa_is_that_of_scikit_learn():
    gold = paper_gold()
    sources = {name: noisy(gold, signal, seed) for name, signal, seed in (("a", 3, 1), ("b", 2, 2), ("c", 1, 3))}
    found = of(View.STATE, agreement("routes", sources)).values[4]
    assert [(p.first, p.second) for p in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    coded = {name: codes(View.STATE, s.labels)[:, 4].astype(int) for name, s in sources.items()}
    assert found.pairs[1].kappa == pytest.approx(cohen_kappa_score(coded["a"], coded["c"]), abs=1e-6)
    with pytest.raises(ValueError, match="two sources"):
        agreement("routes", {"a": gold})
