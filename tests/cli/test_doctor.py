"""`valex doctor`: what it says is so, and its exit status says whether a run would work."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

from valex_local import doctor
from valex_local.store import Store
from valex_local.system import devices


def valex(*arguments, **env):
    code = "from valex_local.cli import main; main()"
    command = [sys.executable, "-c", code, "doctor", *arguments]
    environ = {**os.environ, "COLUMNS": "100", **env}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


@pytest.fixture(scope="module")
def demo_store(store):
    """The store, where it holds all that the profile demo needs."""
    missing = [e.problem for e in store.entries() if e.manifest.id in store.members("demo") and e.problem]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"needs weights: {missing[0]}")
    return store


def test_all_is_well_with_the_weights_of_the_profile(demo_store):
    done = valex("--profile", "demo", VALEX_MODELS=str(demo_store.root))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything that the profile demo needs is here." in done.stdout


def test_json_holds_the_facts(demo_store):
    done = valex("--json", "--profile", "demo", VALEX_MODELS=str(demo_store.root))
    report = json.loads(done.stdout)
    assert report["ok"]
    assert report["machine"]["cores"] == devices.usable_cores()
    assert report["device"]["threads"] == devices.detect().threads
    assert report["offline"]["hook"] and report["offline"]["environment"]
    models = {model["id"]: model for model in report["models"]}
    assert models.keys() >= set(Store().profile("demo").models.values())
    assert all(model["verified"] for model in models.values())
    versions = {library["name"]: library["version"] for library in report["libraries"]}
    assert versions["av"] == metadata.version("av")


def test_missing_weights_are_named_with_the_remedy(tmp_path):
    done = valex("--profile", "cpu", VALEX_MODELS=str(tmp_path / "none"))
    assert done.returncode == 1
    said = re.sub(r"\s+", " ", done.stdout)
    assert "the model whisper-base-ct2 is not installed" in said
    assert "valex models install cpu" in said
    assert not (tmp_path / "none").exists()


def test_altered_weights_are_found(demo_store, tmp_path):
    for folder in demo_store.root.iterdir():
        if folder.is_dir() and folder.name != "ppocrv6":
            (tmp_path / folder.name).symlink_to(folder)
    changed = tmp_path / "ppocrv6"
    changed.mkdir()
    for path in (demo_store.root / "ppocrv6").iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    victim = max(changed.glob("*.onnx"), key=lambda p: p.stat().st_size)
    raw = bytearray(victim.read_bytes())
    raw[-1] ^= 1
    victim.write_bytes(raw)
    done = valex("--json", "--profile", "demo", VALEX_MODELS=str(tmp_path))
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert not report["ok"]
    assert [model["id"] for model in report["models"] if not model["verified"]] == ["ppocrv6"]
    assert "altered" in report["troubles"][0]


def test_a_kernel_layer_that_does_not_hold_is_noted_but_no_trouble(demo_store):
    done = valex("--profile", "demo", VALEX_MODELS=str(demo_store.root), VALEX_NO_NAMESPACE="1")
    assert done.returncode == 0
    assert "off (VALEX_NO_NAMESPACE is set)" in done.stdout


def test_an_unknown_profile_is_refused():
    done = valex("--profile", "none-such")
    assert done.returncode == 2
    assert "none-such" in done.stderr


def test_it_prints_on_a_terminal_without_unicode(tmp_path):
    done = valex(VALEX_MODELS=str(tmp_path), PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 1, done.stderr
    assert "  x whisper-base-ct2" in done.stdout


def test_libraries_out_of_their_bounds_are_trouble(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: ["av<1", "torch>=1", 'ruff<0; extra == "dev"'])
    found = {library.name: library for library in doctor._libraries(set())}
    assert "<1 is needed" in found["av"].problem
    assert found["torch"].problem is None


def test_libraries_that_are_missing_are_trouble_where_they_are_needed(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    without = {library.name: library.problem for library in doctor._libraries(set())}
    assert "pip install" in without["torch"]
    assert without["llama-cpp-python"] is None
    within = {library.name: library.problem for library in doctor._libraries({"llama_cpp"})}
    assert "valex_local[llm]" in within["llama-cpp-python"]


def test_two_builds_of_opencv_are_trouble(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "5.0")
    assert "over each other" in doctor._opencv_trouble()[0]


def test_a_setting_replaces_a_model_of_the_profile(tmp_path):
    env = {"VALEX_MODELS": str(tmp_path / "none")}
    done = valex("--json", "--set", "models.llm=qwen3-vl-4b-instruct", "--set", "script.variants=['local']", **env)
    models = {model["role"]: model for model in json.loads(done.stdout)["models"]}
    assert (models["llm"]["id"], models["llm"]["needed"]) == ("qwen3-vl-4b-instruct", True)
    assert models["asr"]["id"] == "whisper-base-ct2"
    wrong = valex("--json", "--set", "models.llm=micro-clip", "--set", "script.variants=['local']", **env)
    assert "the model micro-clip is for the role clip, not llm" in json.loads(wrong.stdout)["troubles"]
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text("{}", "utf-8")
    own = valex("--json", "--set", f"models.sentence=local-dir:{folder}", **env)
    report = json.loads(own.stdout)
    assert {model["role"]: model for model in report["models"]}["sentence"]["verified"]


def test_an_unknown_setting_names_the_nearest():
    done = valex("--set", "modles.llm=x")
    assert done.returncode == 2
    assert "models" in done.stderr
