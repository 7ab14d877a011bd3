"""Both scripts' labels evaluated by gold labels: F1 by polarity and a paired bootstrap."""

from __future__ import annotations

import csv
import io

import pytest

from tests.comparison.made import add_post, labels, whole
from valex_local.comparison.compare import compare
from valex_local.comparison.files import labels_csv
from valex_local.comparison.pair import VariantPair
from valex_local.comparison.tables import notes
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.sheets import read_sheet
from valex_local.corpus.writers import write_authors
from valex_local.errors import InputError
from valex_local.schwartz import Polarity, State, Value
from valex_local.study import Study

IDS = [f"user{n % 7}_{7300000000000000000 + n}" for n in range(40)]
FACE = Value.FACE


def state(n):
    return {FACE: State.PRESENT if n % 4 == 0 else State.CONFLICTED if n % 4 == 1 else State.ABSENT}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """``a`` is labelled as the gold labels are; ``b`` misses every second post in which face is present."""
    study = Study(tmp_path_factory.mktemp("gold") / "study", create=True)
    for n, post_id in enumerate(IDS):
        said = {} if n % 8 == 0 else state(n)
        add_post(study, post_id, whole("a"), whole("b"), labelled=(labels("a", state(n)), labels("b", said)))
    return study


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "gold.csv"
    write_authors(path, LabelMatrix.from_labels({name: labels("a", state(n)).values for n, name in enumerate(IDS)}))
    return read_sheet(path)


@pytest.fixture(scope="module")
def found(study, sheet):
    return compare(VariantPair(study, "a", "b"), sheet=sheet, min_support=5, resamples=300)


def test_f1_of_both_and_of_the_baselines(found):
    gold = found.gold
    assert [route.name for route in gold.routes] == ["a.encoder", "b.encoder", "always-yes", "majority"]
    assert (gold.items, gold.groups, gold.missing) == (40, 7, ())
    present, conflicted = (
        [route.of(polarity).averages.weighted_f1.value for route in gold.routes[:2]] for polarity in Polarity
    )
    # Recall 5 of 10 at precision 1.
    assert present == [1, pytest.approx(2 / 3, abs=1e-6)]
    assert conflicted == [1, 1]


def test_the_difference_is_paired(found):
    assert [(p.first, p.second, p.polarity) for p in found.gold.pairs] == [
        ("a.encoder", "b.encoder", p) for p in Polarity
    ]
    present, conflicted = found.gold.pairs
    assert present.weighted_f1.value == pytest.approx(1 / 3, abs=1e-6)
    assert present.weighted_f1.low > 0
    assert present.weighted_f1.not_above == 0
    assert (conflicted.weighted_f1.low, conflicted.weighted_f1.high) == (0, 0)


def test_f1_of_values_stands_in_the_csv(found):
    rows = {row["value"]: row for row in csv.DictReader(io.StringIO(labels_csv(found)))}
    face = rows[FACE.value]
    assert (face["present_support"], face["a_present_f1"], face["b_present_f1"]) == ("10", "1.0", "0.666667")
    assert (face["conflicted_support"], face["a_conflicted_f1"], face["b_conflicted_f1"]) == ("10", "1.0", "1.0")
    assert face["a_present_b_absent"] == "5"
    assert (face["state_posts"], face["state_agreeing"]) == ("40", "0.875")
    assert rows["Stimulation"]["present_support"] == "0"


def test_notes_tell_of_the_gold_labels(found):
    assert any(note.startswith("Gold labels: ") and "7 groups (author)" in note for note in notes(found))


def test_a_sheet_of_other_posts(study, tmp_path):
    path = tmp_path / "other.csv"
    write_authors(path, LabelMatrix.from_labels({"someone_7399999999999999999": labels("a", {}).values}))
    with pytest.raises(InputError, match=r"the gold labels 1, route a\.encoder 40.*use the same ids"):
        compare(VariantPair(study, "a", "b"), sheet=read_sheet(path))


def test_gold_labels_without_any_route(tmp_path, sheet):
    study = Study(tmp_path / "study", create=True)
    add_post(study, IDS[0], whole("a"), whole("b"), labelled=(labels("a", {}),))
    with pytest.raises(InputError, match=r"no route has labelled both.*valex label -s STUDY --script"):
        compare(VariantPair(study, "a", "b"), sheet=sheet)


def test_presence_alone_leaves_conflicts_blank(tmp_path):
    study = Study(tmp_path / "study", create=True)
    one, other = (labels(name, {FACE: present}, conflicts=False) for name, present in
                  (("a", State.PRESENT), ("b", State.ABSENT)))  # fmt: skip
    add_post(study, "p", whole("a"), whole("b"), labelled=(one, other))
    rows = {row["value"]: row for row in csv.DictReader(io.StringIO(labels_csv(compare(VariantPair(study, "a", "b")))))}
    assert (rows[FACE.value]["a_present_b_absent"], rows[FACE.value]["a_absent_b_present"]) == ("1", "0")
    assert (rows[FACE.value]["a_present_b_conflicted"], rows[FACE.value]["conflicted_posts"]) == ("", "")
    assert "a_present_f1" not in rows[FACE.value]


def test_routes_are_chosen_and_those_that_leave_few_posts_are_named(tmp_path, sheet):
    study = Study(tmp_path / "study", create=True)
    for n, post_id in enumerate(IDS):
        add_post(study, post_id, whole("a"), whole("b"), labelled=(labels("a", state(n)), labels("b", state(n))))
        for name in ("a", "b"):
            if n < 6 or (n < 8 and name == "a"):
                study.write(post_id, f"labels.{name}.encoder@mpnet", labels(name, state(n), model="mpnet"))
    pair = VariantPair(study, "a", "b")
    found = compare(pair, sheet=sheet, min_support=1, resamples=0)
    assert [route.route for route in found.routes] == ["encoder", "encoder@mpnet"]
    assert found.gold.items == 6
    assert found.gold.shrinking.sets == ("a.encoder@mpnet", "b.encoder@mpnet")
    assert found.gold.shrinking.without == 40
    assert any("add --routes a.encoder --routes b.encoder" in note for note in notes(found))
    chosen = compare(pair, sheet=sheet, routes=["a.encoder", "b.encoder"], min_support="5%", resamples=0)
    assert [route.route for route in chosen.routes] == ["encoder"]
    assert (chosen.gold.items, chosen.gold.min_support, chosen.gold.shrinking) == (40, 2, None)
    assert [route.route for route in compare(pair, routes=["encoder@mpnet"]).routes] == ["encoder@mpnet"]
    with pytest.raises(InputError, match="no labels of the route 'fewshot'"):
        compare(pair, routes=["fewshot"])
