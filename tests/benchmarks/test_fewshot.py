"""Few-shot labels with what all questions share kept evaluated: the same labels, from fewer tokens."""

from dataclasses import replace

import pytest

from benchmarks import fewshot as bench
from benchmarks.environment import Environment
from benchmarks.measure import Cost, Measurement
from tests.stages.labels.talk import short_values
from valex_local.records import ValueLabel
from valex_local.schwartz import Value
from valex_local.stages.labels.definitions import read_definitions
from valex_local.system.devices import Device

PREFIX = 1000


def labelled(evaluated, present=0.5):
    return bench.Labelled((ValueLabel(value=Value.HEDONISM, present=present),), 1300, evaluated)


def measured(kept, forgotten):
    return {
        "kept": Measurement(Cost(2.0, 2.0), [labelled(300), kept]),
        "forgotten": Measurement(Cost(5.0, 5.0), [labelled(1300), forgotten]),
    }


def test_labels_that_differ_and_a_prefix_evaluated_again_are_noticed(tmp_path):
    env = Environment(None, Device("cpu", 1), tmp_path)
    good = bench.checks(measured(labelled(300), labelled(1300)), PREFIX, env)
    assert [(check.value, check.held) for check in good] == [(2.5, True), (2.5, True), (1.0, True), (1.0, True)]
    other = bench.checks(measured(labelled(300, 0.5), labelled(1300, 0.5001)), PREFIX, env)
    assert [check.held for check in other] == [True, True, False, True]
    again = bench.checks(measured(labelled(1300), labelled(1300)), PREFIX, env)
    assert [check.held for check in again] == [True, True, True, False]
    quick = bench.checks(measured(labelled(300), labelled(1300)), PREFIX, replace(env, quick=True))
    assert quick[0].what.startswith("CPU time")
    assert len(quick) == 3


def test_every_script_begins_in_its_own_way():
    scripts = bench.demo_scripts()
    assert len(scripts) >= bench.SCRIPTS
    assert len({script.splitlines()[0] for script in scripts}) == len(scripts)


@pytest.mark.slow
def test_what_is_kept_is_not_evaluated_again_and_changes_nothing(store, stored_model, tmp_path, monkeypatch):
    stored_model("smollm2-135m-instruct")
    values = short_values(tmp_path / "values.toml")
    monkeypatch.setattr(bench, "read_definitions", lambda _: read_definitions(values))
    monkeypatch.setattr(bench, "QUICK_LINES", 3)
    result = bench.fewshot(Environment(store, Device("cpu", 2), tmp_path, quick=True))
    _, equal, own = result.checks
    assert next(iter(result.costs)) == "kept"
    assert equal.held, equal
    assert own.held, own
    assert result.facts["prefix_tokens"] > 500
