"""Labels of a route under the ids of the gold labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.made import matrix
from valex_local.errors import InputError
from valex_local.evaluation.matching import names_among, under_ids

NUMBER, OTHER = "7301234567890123456", "7301234567890123457"


@pytest.mark.parametrize(
    ("name", "others", "expected"),
    [
        ("a", ["a", "b"], "a"),
        ("a", ["b"], "a"),
        (f"anna_{NUMBER}", [NUMBER], NUMBER),
        (NUMBER, [f"anna_{NUMBER}"], f"anna_{NUMBER}"),
        (NUMBER, [f"anna_{NUMBER}", f"berta_{NUMBER}"], NUMBER),
        (f"anna_{NUMBER}", [f"berta_{NUMBER}"], f"berta_{NUMBER}"),  # the number says it
        (f"anna_{NUMBER}", [f"anna_{OTHER}"], f"anna_{NUMBER}"),
    ],
)
def test_which_name_is_meant(name, others, expected):
    assert names_among([name], others) == {name: expected}


@given(st.lists(st.text(max_size=5), unique=True), st.lists(st.text(max_size=5), unique=True))
def test_without_tiktok_names_only_equals_fit(ids, others):
    assert names_among(ids, others) == {name: name for name in ids}


def test_labels_keep_their_rows():
    labels = matrix(np.arange(2)[:, None, None] * np.ones((2, 19, 2)), ids=(f"anna_{NUMBER}", "x"))
    found = under_ids(labels, [NUMBER, "y"], whose="the route")
    assert found.ids == (NUMBER, "x")
    assert (found.labels == labels.labels).all()


def test_labels_may_be_looked_up_under_the_names_of_posts():
    labels = matrix(np.zeros((2, 19, 2)), ids=("Clip.mp4", "x"))
    assert under_ids(labels, [NUMBER], {"Clip.mp4": f"anna_{NUMBER}"}, whose="the route").ids == (NUMBER, "x")


def test_two_labels_about_one_text_are_refused():
    labels = matrix(np.zeros((2, 19, 2)), ids=(f"anna_{NUMBER}", f"berta_{NUMBER}"))
    with pytest.raises(InputError, match=f"few-shot: anna_{NUMBER} and berta_{NUMBER} both match {NUMBER}"):
        under_ids(labels, [NUMBER], whose="few-shot")
