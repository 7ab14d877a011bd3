"""Benchmarks by name: what comes of each, what counts against the report, and how it is shown."""

import io
import json
import math
import re
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmarks.bench import BenchmarkReport, Outcome, begin, choose, measure
from benchmarks.environment import Environment
from benchmarks.measure import Cost
from benchmarks.registry import BENCHMARKS
from benchmarks.results import Check, Result
from benchmarks.tables import print_report
from valex_local.errors import ConfigError, InputError, MissingExtra, ModelError
from valex_local.store import Store
from valex_local.system.devices import Device
from valex_local.system.imports import load_object

KEPT = Result("kept", {"ours": Cost(1, 2), "other": Cost(3, 4)}, (Check("other / ours", 3.0, 2.0),))
MISSED = Result(
    "missed", {"ours": Cost(1, 2)}, (Check("other / ours", 1.5, 2.0), Check("words differ", 0, 1, "at most"))
)
FACTS = {
    "machine": {"cpu": "A chip", "memory": 8e9, "gpus": []},
    "device": {"kind": "cpu", "threads": 2},
    "load": 0.5,
    "profile": "demo",
    "quick": True,
}


@pytest.fixture
def env(tmp_path):
    return Environment(Store(tmp_path / "store"), Device("cpu", 2), tmp_path, quick=True)


@pytest.fixture
def toys(monkeypatch):
    """Lets a test say what benchmarks there are: name to function."""

    def put(**functions):
        module = ModuleType("toy_benchmarks")
        for name, function in functions.items():
            setattr(module, name, function)
        monkeypatch.setitem(sys.modules, "toy_benchmarks", module)
        for name in BENCHMARKS.copy():
            monkeypatch.delitem(BENCHMARKS, name)
        for name in functions:
            monkeypatch.setitem(BENCHMARKS, name, f"toy_benchmarks:{name}")

    return put


def fail(error):
    def benchmark(env):
        raise error

    return benchmark


def run(env, *names):
    report = BenchmarkReport(choose(names), bool(names), dict(FACTS))
    heard = []
    outcomes = list(measure(report, env, on_progress=heard.append))
    assert report.outcomes == outcomes
    assert heard == [outcome.name for outcome in outcomes] == list(report.wanted)
    return report


def shown(report):
    console = Console(file=io.StringIO(), width=120, highlight=False)
    print_report(console, report)
    return console.file.getvalue()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_is_there(name):
    assert callable(load_object(BENCHMARKS[name]))


def test_all_are_wanted_or_those_named_in_their_own_order():
    assert choose(()) == tuple(BENCHMARKS)
    assert choose(("rerun", "decode")) == ("decode", "rerun")
    with pytest.raises(ConfigError, match=r"no benchmark 'nothing'.*They are: speech-fp32"):
        choose(("decode", "nothing"))


def test_each_has_a_folder_of_its_own_that_is_gone_afterwards(env, toys):
    seen = []

    def toy(given):
        assert given == replace(env, scratch=given.scratch)
        (given.scratch / "file").write_text("x")
        seen.append(given.scratch)
        return KEPT

    toys(a=toy, b=toy)
    assert run(env).held
    assert len({*seen, env.scratch}) == 3
    assert not any(folder.exists() for folder in seen)


@pytest.mark.parametrize(
    ("error", "names", "excused"),
    [
        (ModelError("no weights"), (), True),
        (MissingExtra("whisper", "all"), (), True),
        (ModelError("no weights"), ("a",), False),  # who asks for it by name expects figures
        (InputError("no voice"), (), False),
    ],
)
def test_what_could_not_be_measured_is_said_and_counts_unless_weights_lack(env, toys, error, names, excused):
    toys(a=fail(error), b=lambda env: KEPT)
    report = run(env, *names)
    outcome = report.outcomes[0]
    assert (outcome.result, outcome.why_not, outcome.excused) == (None, str(error), excused)
    assert report.held == excused
    assert ("left out: a, " if excused else "not measured: a, ") + str(error) in shown(report)


def test_a_missed_bar_is_named(env, toys):
    toys(kept=lambda env: KEPT, missed=lambda env: MISSED)
    report = run(env)
    assert not report.held
    text = shown(report)
    assert "missed: missed, other / ours: 1.5, the bar is at least 2" in text
    assert "missed: kept" not in text and "words differ: " not in text
    assert re.search(r"kept +other / ours +3 +at least 2 +met", text)
    assert text.rstrip().endswith("not every bar is met")


def test_a_defect_is_no_outcome(env, toys):
    toys(a=fail(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        run(env)


def test_an_interrupted_report_holds_what_was_measured(env, toys):
    toys(a=lambda env: KEPT, b=fail(KeyboardInterrupt()), c=lambda env: KEPT)
    report = BenchmarkReport(choose(()), False, dict(FACTS))
    with pytest.raises(KeyboardInterrupt):
        list(measure(report, env, on_progress=lambda name: None))
    data = json.loads(report.to_json())
    assert [one["name"] for one in data["benchmarks"]] == ["a"]
    assert (data["complete"], data["held"]) == (False, False)
    assert "not reached: b" in shown(report) and "not reached: c" in shown(report)


def test_numpy_scalars_are_plain_in_json():
    result = Result("r", {"ours": Cost(np.float64(1), 1)}, (Check("x", np.float32(2), 1.0),), {"n": np.int64(3)})
    data = json.loads(BenchmarkReport(("r",), False, dict(FACTS), [Outcome("r", 1.0, result)]).to_json())
    assert data["benchmarks"][0]["checks"][0]["held"] is True
    assert data["benchmarks"][0]["facts"] == {"n": 3}


@given(st.floats(), st.floats())
def test_json_is_valid_whatever_was_measured(value, cpu):
    result = Result("r", {"ours": Cost(cpu, 1)}, (Check("x", value, 1.0),), {"list": [value]})
    report = BenchmarkReport(("r",), False, dict(FACTS), [Outcome("r", 1.0, result)])
    data = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert data == report.as_json()
    assert data["schema_version"] == 1
    (one,) = data["benchmarks"]
    expected = value if math.isfinite(value) else None
    assert one["checks"][0]["value"] == one["facts"]["list"][0] == expected
    assert data["held"] == (value >= 1)


def test_it_shows_steps_and_growth():
    step = {"posts": 5, "load_seconds": 0.5, "cpu_seconds": 2.25, "seconds": 3.0, "peak_rss": 2_500_000_000}
    facts = {
        "steps": {"media": {**step, "peak_vram": None}, "labels": {**step, "batch_fill": 0.75}},
        "video_seconds_per_wall_second": 2.0,
        "cpu_seconds_per_minute_of_video": 30.0,
        "lines": {"cpu": {"slope": 1.25, "intercept": 10.0, "error": 0.5}},
        "per": "post",
    }
    text = shown(
        BenchmarkReport(("stages",), False, dict(FACTS), [Outcome("stages", 1.0, Result("stages", facts=facts))])
    )
    assert re.search(r"step +posts +fill +load s +CPU s +wall s +RSS", text)  # no card, no column for it
    assert re.search(r"media +5 +· +0.50 +2.25 +3.00 +2.50 GB", text)
    assert "stages: 2.00 s of video per second, 30.0 CPU seconds per minute of video" in text
    assert re.search(r"cpu +1.250 s +10.000 s +0.500 s", text)


def test_a_report_begins_with_the_facts_of_the_machine(env, store, demo_models):
    facts = begin((), replace(env, store=store)).facts
    assert facts["quick"] is True and facts["profile"] == "demo"
    assert facts["machine"]["cores"] >= 1 and facts["machine"]["memory"] > 0
    assert facts["libraries"]["ctranslate2"] and facts["models"]["asr"]
    assert facts["load"] >= 0


def test_without_the_weights_of_the_profile_nothing_begins(env):
    with pytest.raises(ModelError, match="valex models install"):
        begin((), env)
