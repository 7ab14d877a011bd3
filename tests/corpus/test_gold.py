"""What several sheets and annotators say together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.files import any_matrix, equal, holds, matrix, place, write
from valex_local.corpus import Sheet, gold_of, read_sheet
from valex_local.corpus.aggregate import join, majority
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import Value

YES, NO, CONFLICT = (1.0, 0.0), (0.0, 0.0), (0.0, 1.0)
UNKNOWN = (np.nan, np.nan)
FACE, HEDONISM = Value.FACE, Value.HEDONISM


def sheet(name: str, **by: LabelMatrix) -> Sheet:
    return Sheet(Path(name), "long", {"" if who == "nobody" else who: labels for who, labels in by.items()}, False)


def test_one_voice_is_kept_as_it_is():
    labels = matrix(a={FACE: YES}, b={FACE: (np.nan, 1.0)})
    labels.probabilities[0, 0] = 0.3
    assert equal(gold_of(sheet("s.csv", nobody=labels)), labels)
    assert equal(gold_of([sheet("s.csv", A=labels)], "A"), labels)


def test_sheets_are_joined():
    one = sheet("one.csv", nobody=matrix(a={FACE: YES}, b={FACE: (1.0, np.nan)}))
    two = sheet("two.csv", nobody=matrix(b={FACE: (1.0, 0.0), HEDONISM: NO}, c={FACE: CONFLICT}))
    gold = gold_of([one, two])
    assert gold.ids == ("a", "b", "c")
    assert holds(gold, "b", FACE) == YES
    assert holds(gold, "b", HEDONISM) == NO
    assert holds(gold, "c", FACE) == CONFLICT
    assert np.isnan(holds(gold, "a", HEDONISM)).all()


def test_sheets_that_contradict_each_other_are_named():
    parts = [
        sheet(f"{n}.csv", nobody=labels)
        for n, labels in enumerate(
            [matrix(b={FACE: UNKNOWN}), matrix(a={FACE: YES}, b={FACE: YES}), matrix(b={FACE: CONFLICT})]
        )
    ]
    with pytest.raises(InputError, match=r"1.csv and 2.csv contradict each other: b, Face is present and conflicted"):
        gold_of(parts)


def test_dominant_and_present_are_a_contradiction():
    one, two = matrix(a={FACE: YES}), matrix(a={FACE: YES})
    two.dominant[0, place(FACE)] = True
    with pytest.raises(InputError, match="a, Face is dominant and not dominant"):
        gold_of([sheet("one.csv", nobody=one), sheet("two.csv", nobody=two)])


def test_the_majority_counts():
    three = sheet(
        "s.csv",
        A=matrix(a={FACE: YES, HEDONISM: YES}, b={FACE: YES}),
        B=matrix(a={FACE: YES, HEDONISM: CONFLICT}, b={FACE: CONFLICT}),
        C=matrix(a={FACE: CONFLICT, HEDONISM: UNKNOWN}, b={FACE: NO}, c={FACE: YES}),
    )
    gold = gold_of(three)
    assert gold.ids == ("a", "b", "c")
    assert holds(gold, "a", FACE) == YES
    assert np.isnan(holds(gold, "a", HEDONISM)).all()  # one for each side
    assert holds(gold, "b", FACE) == NO
    assert holds(gold, "c", FACE) == YES
    assert np.isnan(gold.labels[2]).sum() == 36
    assert holds(gold_of(three, "C"), "a", FACE) == CONFLICT
    assert gold_of(three, "C").ids == ("a", "b", "c")


def test_dominance_needs_more_than_half_of_those_who_looked():
    labels = [matrix(a={FACE: YES}) for _ in range(3)]
    labels[0].dominant[0, place(FACE)] = True
    assert not majority(labels).dominant.any()
    labels[1].dominant[0, place(FACE)] = True
    assert majority(labels).dominant[0, place(FACE)]
    assert majority(labels[:2]).dominant[0, place(FACE)]
    assert not majority([labels[0], labels[2]]).dominant.any()


def test_an_annotator_may_be_spread_over_sheets(tmp_path):
    one = read_sheet(write(tmp_path / "1.csv", "id,Face,coder", "a,present,X", "a,present,Y"))
    two = read_sheet(write(tmp_path / "2.csv", "id,Face,coder", "b,conflict,X"))
    assert gold_of([one, two], "X").ids == ("a", "b")
    assert gold_of([one, two], "Y").ids == ("a",)
    assert holds(gold_of([one, two]), "b", FACE) == CONFLICT
    with pytest.raises(InputError, match=r"there is no annotator 'Z'.*The annotators are: 'X', 'Y'"):
        gold_of([one, two], "Z")


def test_no_sheet_is_reported():
    with pytest.raises(InputError, match="no label sheet was given"):
        gold_of([])


some = any_matrix(st.lists(st.sampled_from("abcde"), unique=True, max_size=5))


@given(some)
def test_joining_and_voting_with_oneself_changes_nothing(labels):
    assert equal(join([("one", labels), ("two", labels)]), labels)
    voted = majority([labels, labels, labels])
    assert np.array_equal(voted.labels, labels.labels, equal_nan=True)
    assert np.array_equal(voted.dominant, labels.dominant)


@given(some, some)
def test_joining_keeps_what_every_source_says_or_refuses(one, other):
    try:
        whole = join([("one", one), ("two", other)])
    except InputError:
        assert set(one.ids) & set(other.ids)
        return
    for part in (one, other):
        kept = whole.of(part.ids).labels
        assert np.array_equal(kept[~np.isnan(part.labels)], part.labels[~np.isnan(part.labels)])
    assert np.isnan(
        whole.labels[[whole.ids.index(name) for name in whole.ids if name not in one.ids + other.ids]]
    ).all()
