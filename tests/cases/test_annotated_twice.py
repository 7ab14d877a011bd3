"""Label Studio: one annotator has labelled a task several times; the others are not lost."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases.tables import ADDRESS_1, ADDRESS_2, ONE, TWO, annotation, export, study, task
from tests.commands import valex
from valex_local.corpus import read_sheet
from valex_local.corpus.sheet_builder import WORDS
from valex_local.exchange.annotations import read_annotations
from valex_local.schwartz import CIRCLE, State, Value

EARLY, LATE = "2025-01-02T00:00:00Z", "2025-02-02T00:00:00Z"


@pytest.mark.parametrize("late_first", [False, True])
def test_the_last_annotation_counts_and_the_others_are_not_lost(tmp_path: Path, late_first: bool) -> None:
    made = study(tmp_path)
    own = [annotation(1, {"Hedonism": "present"}, EARLY), annotation(1, {"Hedonism": "absent"}, LATE)]
    tasks = task(41, ADDRESS_1, *(reversed(own) if late_first else own)), task(42, ADDRESS_2, own[0])
    done = valex("import", "labels", export(tmp_path, *tasks), "-s", made.root)
    assert done.returncode == 0, done.stderr
    assert "several times, of which the last counts: 1 (task 41 by user-1)" in done.stdout
    assert "user-1: 2 × post, 2 × label (2 new, 0 replaced)" in done.stdout
    labels = read_sheet(made.root / "gold" / "user-1.csv").labels["user-1"]
    states = [labels.state(labels.ids.index(post), CIRCLE.index(Value.HEDONISM)) for post in (ONE, TWO)]
    assert states == [State.ABSENT, State.PRESENT]


def test_equal_answers_are_counted_once_and_said(tmp_path: Path) -> None:
    own = [annotation(1, {"Face": "present"}, time) for time in (EARLY, LATE)]
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, *own)))
    assert found.notices == (
        "tasks that one annotator labelled several times, with the same answers: 1 (task 41 by user-1)",
    )
    assert found.complete


def test_rows_of_json_min_are_annotations_of_one_task(tmp_path: Path) -> None:
    rows = [
        {"id": 41, "post": ADDRESS_1, "Face": answer, "annotator": 1, "annotation_id": at, "updated_at": time}
        for at, (answer, time) in enumerate([("absent", LATE), ("present", EARLY)])
    ]
    found = read_annotations(export(tmp_path, *rows))
    assert "task 41 by user-1" in found.notices[0]
    assert found.labels["user-1"].state(0, CIRCLE.index(Value.FACE)) is State.ABSENT


def test_two_tasks_about_one_post_that_differ_cost_the_label(tmp_path: Path) -> None:
    given_labels = [annotation(1, {"Face": answer, "Humility": "present"}, EARLY) for answer in ("present", "absent")]
    found = read_annotations(export(tmp_path, *(task(n, ADDRESS_1, one) for n, one in enumerate(given_labels, 41))))
    labels = found.labels["user-1"]
    assert labels.state(0, CIRCLE.index(Value.FACE)) is State.NOT_ASSESSED
    assert labels.state(0, CIRCLE.index(Value.HUMILITY)) is State.PRESENT
    assert any(f"task 41 and task 42: {ADDRESS_1}, Face by user-1" in notice for notice in found.notices)


def test_two_answers_to_one_question_cost_the_question(tmp_path: Path) -> None:
    both = annotation(1, {"Face": "present", "Humility": "conflicted"}, EARLY)
    both["result"][0]["value"]["choices"].append("absent")
    found = read_annotations(export(tmp_path, task(41, ADDRESS_1, both), task(42, ADDRESS_2, both)))
    assert not found.complete
    assert any(
        "questions with several answers, which count as not assessed: 2 (task 41, Face: present and absent" in notice
        for notice in found.notices
    )
    labels = found.labels["user-1"]
    assert np.isfinite(labels.labels[..., 0]).sum() == 2


answers = st.dictionaries(st.sampled_from(CIRCLE), st.sampled_from(sorted(WORDS)), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.integers(1, 3), answers), min_size=1, max_size=8), st.randoms())
def test_any_order_in_the_file_gives_the_same_labels(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[int, dict[Value, str]]], random: st.DataObject
) -> None:
    own = [
        annotation(by, {value.value: word for value, word in given_answers.items()}, f"2025-01-{day:02}T00:00:00Z")
        for day, (by, given_answers) in enumerate(made, 1)
    ]
    last = {f"user-{by}": given_answers for by, given_answers in made}
    random.shuffle(own)
    found = read_annotations(export(tmp_path_factory.mktemp("twice"), task(41, ADDRESS_1, *own)))
    assert found.labels.keys() == last.keys()
    for (name, labels), value in itertools.product(found.labels.items(), CIRCLE):
        word = last[name].get(value)
        expected = None if word is None else WORDS[word].present
        seen = labels.labels[0, CIRCLE.index(value), 0]
        assert np.isnan(seen) if expected is None else seen == expected
