"""Whole runs: what is read from their logs, what is compared, and, once, the real thing."""

import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import pipeline, rerun, runs, stages
from benchmarks.environment import Environment
from benchmarks.runs import files_of_posts, peak_rss, share_equal, valex_run, work_cpu_seconds
from tests import commands
from valex_local.errors import InputError
from valex_local.store import Store
from valex_local.system.devices import Device

NAMES = st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=2))
SWEEP = {"load_seconds": 1.0, "seconds": 4.0, "cpu_seconds": 3.0, "peak_rss": 100, "peak_vram": None}


@pytest.fixture
def env(store, tmp_path):
    return Environment(store, Device("cpu", 2), tmp_path, quick=True)


@given(NAMES, NAMES)
def test_what_is_equal_is_there_on_both_sides(ours, others):
    share = share_equal(ours, others)
    assert share == share_equal(others, ours)
    assert 0 <= share <= 1
    assert (share == 1) == (ours == others and ours != {})
    assert share_equal({**ours, "z": b""}, others) < 1


def test_all_files_of_all_posts_are_compared(tmp_path):
    for study, post in (("one", "p"), ("two", "q")):
        folder = tmp_path / study / "posts" / post / "keyframes"
        folder.mkdir(parents=True)
        (folder / "K1.jpg").write_bytes(b"picture")
        (folder.parent / "media.json").write_text("{}")
        (tmp_path / study / "study.toml").write_text("")
    found = files_of_posts([tmp_path / "one", tmp_path / "two"])
    assert found == {
        "p/keyframes/K1.jpg": b"picture", "p/media.json": b"{}", "q/keyframes/K1.jpg": b"picture", "q/media.json": b"{}"
    }  # fmt: skip


def test_steps_of_a_step_are_added_up():
    first = {"step": "ocr", "posts": 3, **SWEEP, "batch_fill": 0.5}
    second = {"step": "ocr", "posts": 2, **SWEEP, "peak_rss": 300, "batch_fill": 1.0, "copied": 1}
    found = stages.by_step([first, {"step": "media", "posts": 5, **SWEEP}, second])
    assert list(found) == ["ocr", "media"]
    assert found["ocr"] == {
        "posts": 5, "load_seconds": 2.0, "seconds": 8.0, "cpu_seconds": 6.0, "peak_rss": 300, "peak_vram": None,
        "batch_fill": 0.75, "copied": 1,
    }  # fmt: skip
    assert peak_rss([first, second]) == 300


def test_work_leaves_loading_out():
    assert work_cpu_seconds([{**SWEEP, "load_cpu_seconds": 0.5}]) == 2.5
    assert work_cpu_seconds([{**SWEEP, "cpu_seconds": 8.0, "load_cpu_seconds": 1.0}] * 2) == 14


@pytest.fixture
def fake_runs(monkeypatch):
    """Stands in for runs: what is written may depend on how many videos there are."""
    seen = []

    def put(record=lambda videos: "same", steps=lambda study: (SWEEP,)):
        def run(env, videos, study):
            made = steps(study)
            ends = time.process_time() + 0.03  # CPU time is counted in hundredths
            while time.process_time() < ends:
                pass
            seen.append((tuple(videos), study))
            for video in videos:
                folder = study / "posts" / video.stem
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "media.json").write_text(record(videos))
            return made

        for module in (pipeline, rerun):
            monkeypatch.setattr(module, "valex_run", run)
            monkeypatch.setattr(module, "inputs", lambda env: (Path("a.mp4"), Path("b.mp4")))
        return seen

    return put


def test_both_ways_see_the_same_videos_each_time_in_new_studies(env, fake_runs):
    seen = fake_runs()
    result = pipeline.pipeline(Environment(env.store, env.device, env.scratch))
    a, b = (Path("a.mp4"),), (Path("b.mp4"),)
    assert [videos for videos, _ in seen] == [a, *[a + b, a, b] * 3]
    assert len({study for _, study in seen}) == len(seen)
    assert list(result.costs) == [pipeline.OURS, pipeline.OTHER]
    assert {check.what: check.bar for check in result.checks} == {
        "CPU time, one process per video / one run": 4.0,
        "wall time, one process per video / one run": 4.0,
        "share of equal records": 1.0,
    }


def test_records_that_differ_are_noticed(env, fake_runs):
    fake_runs(record=lambda videos: f"{len(videos)}")
    assert not pipeline.pipeline(env).checks[-1].held


def test_a_second_run_that_loads_a_model_is_noticed(env, fake_runs):
    fake_runs(steps=lambda study: (SWEEP,))
    assert [check.held for check in rerun.rerun(env).checks] == [True, True, False]
    fake_runs(steps=lambda study: () if study.exists() else (SWEEP,))
    shutil.rmtree(env.scratch / "study")
    assert rerun.rerun(env).held


def test_a_run_that_fails_says_why(env, tmp_path):
    with pytest.raises(InputError, match="a run failed: valex: "):
        valex_run(env, [tmp_path / "none.mp4"], tmp_path / "study")


@pytest.mark.slow
def test_a_bad_video_is_named(env, demo_models, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"1 posts failed, bad.* with: "):
        valex_run(env, [tmp_path / "bad.mp4"], tmp_path / "study")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("flite") is None, reason="there is no flite to speak with")
def test_one_run_gives_the_records_of_runs_of_single_videos(env, demo_models, monkeypatch):
    def run(command, *, env, **_):
        return commands.valex(*command[command.index("run") :], VALEX_MODELS=env["VALEX_MODELS"])

    # A process of its own for each run would take longer than all that is compared.
    monkeypatch.setattr(runs, "subprocess", SimpleNamespace(run=run))
    monkeypatch.setattr(runs, "QUICK_SECONDS", 3.0)
    result = pipeline.pipeline(env)
    (equal,) = (check for check in result.checks if check.what == "share of equal records")
    assert equal.held, json.dumps(result.as_json(), indent=1)
    assert result.facts["posts"] == runs.QUICK_COUNT


def test_given_videos_are_taken_as_many_as_are_wanted(store, tmp_path):
    videos = tuple(tmp_path / f"{n}.mp4" for n in range(9))
    assert runs.inputs(Environment(store, Device("cpu", 2), tmp_path, videos)) == videos[:5]
    assert runs.inputs(Environment(Store(tmp_path), Device("cpu", 2), tmp_path, videos, quick=True)) == videos[:2]
