"""Codings: written field by field, from several windows at once."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.exchange.exported import ONE, make_study
from valex_local.errors import ConfigError, InputError
from valex_local.records import Coding, Post
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study
from valex_local.study.codings import Stale, change_coding, coder_name, codings, mark_shown, read_coding

FIRST, SECOND = CIRCLE[0].value, CIRCLE[1].value
PRESENT, CONFLICTED = {"state": "present"}, {"state": "conflicted", "lines": ["S1"]}


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def test_fields_are_kept_one_by_one(study):
    assert read_coding(study, ONE, "anna") == Coding(coder="anna")
    change_coding(study, ONE, "anna", FIRST, PRESENT, seen=0)
    change_coding(study, ONE, "anna", SECOND, CONFLICTED, seen=1, script="template")
    change_coding(study, ONE, "anna", "note", "well", seen=2)
    coding = change_coding(study, ONE, "anna", "confidence", "high", seen=3)
    assert {value.value: one.state for value, one in coding.values.items()} == {
        FIRST: State.PRESENT,
        SECOND: State.CONFLICTED,
    }
    assert (coding.note, coding.confidence, coding.revision, coding.script) == ("well", "high", 4, "template")
    coding = change_coding(study, ONE, "anna", FIRST, None, seen=4)
    assert [value.value for value in coding.values] == [SECOND]
    assert read_coding(study, ONE, "anna") == coding
    assert study.coders(ONE) == ["anna"]


def test_a_finished_post_has_no_open_values(study):
    change_coding(study, ONE, "anna", FIRST, PRESENT, seen=0)
    coding = change_coding(study, ONE, "anna", "done", True, seen=1)
    assert coding.done
    assert [coding.values[value].state for value in CIRCLE] == [State.PRESENT] + [State.ABSENT] * (len(CIRCLE) - 1)


def test_two_windows_do_not_overwrite_each_other(study):
    change_coding(study, ONE, "anna", FIRST, PRESENT, seen=0)
    change_coding(study, ONE, "anna", SECOND, CONFLICTED, seen=0)  # from a window that saw nothing of the first
    with pytest.raises(Stale) as refused:
        change_coding(study, ONE, "anna", FIRST, None, seen=0)
    assert refused.value.coding == read_coding(study, ONE, "anna")
    assert len(read_coding(study, ONE, "anna").values) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nothing", 1),
        ("revision", 9),
        ("coder", "ben"),
        (FIRST, {"state": "not_assessed"}),
        (FIRST, {"state": "absent", "dominant": True}),
        (FIRST, "present"),
        ("confidence", "very"),
        ("note", "x" * 10_001),
        ("done", "maybe"),
    ],
)
def test_what_cannot_be_stored(study, field, value):
    with pytest.raises(InputError):
        change_coding(study, ONE, "anna", field, value, seen=0)
    assert not study.coders(ONE)


@pytest.mark.parametrize("name", ["", "a b", "../a", "a/b", ".a", "a\n", "x" * 61, "a.part"])
def test_names_that_cannot_be_used(name):
    with pytest.raises(ConfigError):
        coder_name(name)


def test_names_in_any_script():
    assert [coder_name(name) for name in ("anna", "Zoë", "李", "a.b-c_d@e")]


def test_what_was_shown_counts_only_before_a_post_is_finished(study):
    mark_shown(study, ONE, "anna", labels=("template.encoder",), coders=("ben",))
    change_coding(study, ONE, "anna", "done", True, seen=0)
    coding = mark_shown(study, ONE, "anna", labels=("template.fewshot",))
    assert (coding.shown, coding.adjudicates) == (("template.encoder",), ("ben",))


def test_what_was_decided_with_labels_of_models_in_view_can_be_told(study):
    change_coding(study, ONE, "anna", FIRST, PRESENT, seen=0)
    change_coding(study, ONE, "anna", "done", True, seen=1)
    assert read_coding(study, ONE, "anna").seen_from is None
    assert mark_shown(study, ONE, "anna", labels=("template.encoder",)).seen_from == 2
    coding = change_coding(study, ONE, "anna", SECOND, CONFLICTED, seen=2)
    assert mark_shown(study, ONE, "anna", labels=("template.encoder",)).seen_from == 2
    assert [name for name, at in coding.changed.items() if at > 2] == [SECOND]


CHANGES = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([FIRST, SECOND, "note"]), st.sampled_from([PRESENT, CONFLICTED])),
    max_size=12,
)


@settings(max_examples=25)
@given(CHANGES)
def test_whatever_two_windows_do_a_change_is_stored_or_refused(changes):
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder) / "study", create=True)
        study.write("p", "post", Post(id="p"))
        seen = {"a": 0, "b": 0}
        stored = {}
        for number, (window, field, value) in enumerate(changes):
            of = f"note {number}" if field == "note" else value
            try:
                coding = change_coding(study, "p", "anna", field, of, seen=seen[window])
                stored[field] = of
            except Stale as refused:
                coding = refused.coding
            seen[window] = coding.revision
        coding = read_coding(study, "p", "anna")
        assert coding.note == stored.get("note", "")
        assert {value.value: one.state.value for value, one in coding.values.items()} == {
            field: of["state"] for field, of in stored.items() if field != "note"
        }


def test_codings_of_a_coder(study):
    for coder in ("ben", "anna"):
        change_coding(study, ONE, coder, "note", "x", seen=0)
    assert [(post, coding.coder) for post, coding in codings(study, "anna")] == [(ONE, "anna")]
    study.forget(ONE)
    assert not list(codings(study, "anna"))
