"""Figures of states: a rule that is right has full marks, and a value that is common is found."""

import numpy as np
import pytest

from benchmarks import states as bench
from valex_local.records import Labels, LabelSource, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State

SOURCE = LabelSource(route="encoder", model="m", domain="made texts")
HEADER = "Title\nAbout\nmodel###text###values###intensity\n"


def texts(probabilities, gold, parts=None):
    labels = [
        Labels(
            script="text",
            source=SOURCE,
            values=tuple(ValueLabel(value=v, present=p, state=State.ABSENT) for v, p in zip(CIRCLE, row, strict=True)),
        )
        for row in probabilities
    ]
    thresholds = {(value, Polarity.PRESENT): 0.3 for value in CIRCLE}
    return bench.Texts(labels, np.asarray(gold, dtype=bool), parts or [[value] for value in CIRCLE], thresholds)


def one_each(count=57):
    """Return texts that each show one value, which the model sees and no other."""
    gold = np.eye(len(CIRCLE), dtype=bool)[np.arange(count) % len(CIRCLE)]
    return texts(np.where(gold, 0.95, 0.05), gold)


def test_states_that_are_right_have_full_marks():
    study = one_each()
    for kind in bench.KINDS:
        assert bench.Figures.of(study.called(kind), study.gold) == bench.Figures(1, 1, 1, 1)


def test_figures_of_a_small_case():
    gold = np.array([[1, 0], [1, 0], [0, 0]], dtype=bool)
    called = np.array([[1, 0], [0, 1], [1, 0]], dtype=bool)
    assert bench.Figures.of(called, gold) == bench.Figures(macro_f1=0.5, precision=1 / 3, recall=0.5, called=1)


def test_one_of_ten_is_called_where_a_part_of_it_is():
    gold = np.zeros((4, len(bench.TEN)), dtype=bool)
    found = np.full((4, len(CIRCLE)), 0.05)
    found[0, CIRCLE.index(bench.PARTS[9][1])] = 0.9
    called = texts(found, gold, bench.PARTS).called("cautious")
    assert [tuple(place) for place in np.argwhere(called)] == [(0, 9)]


def test_the_parts_of_the_ten_are_all_values_but_two():
    parts = [value for part in bench.PARTS for value in part]
    assert len(parts) == len(set(parts)) == 17
    assert all(bench.PARTS)


def test_value_lens_is_read_with_what_a_text_supports_only(tmp_path):
    rows = (
        "a###I go my way.###[Self-Direction, Security]###[strong_support, mild_resistance]",
        "b###Nothing.###[]###[no_values]",
        "c###Sun.###\\[Hedonism]###\\[mild\\_support]",
    )
    path = tmp_path / "lens.csv"
    path.write_text(HEADER + "\n".join(rows), "utf-8")
    read, gold = bench.read_value_lens(path)
    assert read == ["I go my way.", "Nothing.", "Sun."]
    assert [[bench.TEN[at] for at in np.flatnonzero(row)] for row in gold] == [["Self-Direction"], [], ["Hedonism"]]


def test_a_share_of_the_texts_of_a_study_shows_the_value():
    for study in bench.studies_with(one_each(), 3, 0.75, 2):
        assert len(study) == bench.COMMON_SIZE
        assert study.gold[:, 3].mean() == pytest.approx(0.75)


def test_all_tables_have_their_rows():
    sets = {"made": one_each(240)}
    assert bench.quality(sets, sets["made"], 2).row_count == 3 * (1 + sum(size <= 240 for size in bench.SIZES))
    assert bench.commonness(sets, 1).row_count == len(bench.COMMON_SHARES)
    assert bench.absence(sets).row_count == len(bench.KINDS)
