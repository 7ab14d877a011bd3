"""`python -m benchmarks`: what it measures is printed and written; its exit status says whether all bars are met."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.registry import BENCHMARKS
from tests.clips import Scene, make_clip, tone

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "models" / "demo" / "clips" / "@thrift.tilda_video_7300000000000000001.mp4"


def command(*arguments):
    return [sys.executable, "-m", "benchmarks", *map(str, arguments)]


def bench(*arguments, **env):
    environ = {**os.environ, "COLUMNS": "120", "PYTHONPATH": str(ROOT), **env}
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False, env=environ)


@pytest.mark.slow
def test_it_prints_and_writes_what_it_measured(demo_models, tmp_path):
    for folder in ("scratch", "videos"):
        (tmp_path / folder).mkdir()
    make_clip(tmp_path / "videos" / "a.mp4", (Scene(1.0),), audio=tone(1.0))
    out = tmp_path / "bench.json"
    options = ("--only", "rerun", "--quick", "--videos", tmp_path / "videos", "--device", "cpu", "-o", out)
    done = bench(*options, TMPDIR=str(tmp_path / "scratch"))
    data = json.loads(out.read_text("utf-8"))
    assert done.returncode == (0 if data["held"] else 1), done.stdout + done.stderr
    (again,) = data["benchmarks"]
    assert (again["name"], data["quick"], data["complete"], data["videos"]) == ("rerun", True, True, 1)
    assert [check["value"] for check in again["checks"]][-1] == 0  # nothing was loaded
    assert again["costs"].keys() == {"first run", "second run"}
    assert "steps of the second run" in done.stdout
    assert list((tmp_path / "scratch").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bench.json", "scratch", "videos"]


def test_every_benchmark_is_named_in_the_help():
    said = " ".join(bench("--help").stdout.split())
    assert all(name in said for name in BENCHMARKS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--only", "nothing"), "there is no benchmark 'nothing'"),
        (("--videos", "nowhere"), "nowhere"),
        (("-o", "nowhere/bench.json"), "there is no such folder [nowhere]"),
        (("--cores", "1000"), "--cores 1000: this process may use"),
        (("--profile", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(options, said):
    done = bench("--quick", *options)
    assert done.returncode == 2
    assert done.stderr.startswith("valex: ") and said in done.stderr


def test_the_script_is_quick_and_hands_on_its_options():
    environ = {**os.environ, "VALEX_VENV": sys.prefix}
    script = ROOT / "scripts" / "bench"
    done = subprocess.run([script, "--only", "nothing"], capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 2
    assert "there is no benchmark 'nothing'" in done.stderr
    assert "-m benchmarks --quick " in script.read_text("utf-8")


def test_without_the_weights_of_the_profile_it_says_how_to_get_them(tmp_path):
    done = bench("--quick", VALEX_MODELS=str(tmp_path / "none"))
    assert done.returncode == 2
    assert "valex models install" in done.stderr


def test_what_is_interrupted_leaves_nothing_but_what_was_measured(demo_models, tmp_path):
    out, scratch = tmp_path / "bench.json", tmp_path / "scratch"
    scratch.mkdir()
    options = ("--only", "stages", "--quick", "--videos", CLIP.parent, "-o", out)
    process = subprocess.Popen(
        command(*options),
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr.readline() == "stages: 1 to do\n"
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the children too
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in said and "not reached: stages" in printed
    assert json.loads(out.read_text("utf-8"))["benchmarks"] == []
    assert list(scratch.iterdir()) == []
