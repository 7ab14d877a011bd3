"""scripts/setup against a stand-in for pip, with only the programs on the PATH that a case wants."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = [
    *("bash", "cat", "cut", "dirname", "env", "flock", "getconf", "grep", "head", "mkdir", "mktemp", "mv"),
    *("paste", "rm", "sed", "sha256sum", "sort", "touch", "tr", "uname"),
]
pytestmark = pytest.mark.skipif(
    not (ROOT / "scripts/setup").is_file() or not all(map(shutil.which, TOOLS)),
    reason="no source tree or no POSIX tools",
)

# Writes down what it is asked, makes what `pip wheel` would make, and fails when told to.
PIP = """#!/usr/bin/env bash
printf '%s | %s\\n' "$*" "${CMAKE_ARGS:-}" >> "$LOG"
case "$*" in
    *"pip wheel"*)
        while [[ $1 != --wheel-dir ]]; do shift; done
        touch "$2/llama_cpp_python-0.3.36-py3-none-any.whl" ;;
    *"pip install"*) exit "${FAIL:-0}" ;;
esac
"""


@dataclass
class Sandbox:
    folder: Path

    def program(self, name: str, text: str = "#!/bin/sh\nexit 0\n", where: str = "bin") -> None:
        path = self.folder / where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    def setup(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "scripts/setup", *words],
            env={
                "PATH": str(self.folder / "bin"),
                "HOME": str(self.folder),
                "VALEX_VENV": str(self.folder / "the venv"),
                "VALEX_CACHE": str(self.folder / "cache"),
                "PYTHON": sys.executable,
                "LOG": str(self.folder / "log"),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )

    def asked(self, word: str) -> list[str]:
        """Return the pip commands that held a word, and forget them all."""
        log = self.folder / "log"
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if word in line]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    sandbox = Sandbox(tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        os.symlink(str(shutil.which(tool)), tmp_path / "bin" / tool)
    sandbox.program("c++")
    sandbox.program("python", PIP, "the venv/bin")
    sandbox.program("valex", where="the venv/bin")
    (tmp_path / "the venv/pyvenv.cfg").touch()
    return sandbox


def test_the_second_call_has_nothing_to_do(sandbox: Sandbox):
    first = sandbox.setup()
    assert first.returncode == 0, first.stderr
    assert len(sandbox.asked("pip install")) == 1
    second = sandbox.setup()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert sandbox.asked("") == []


def test_a_failed_install_does_not_count(sandbox: Sandbox):
    assert sandbox.setup(FAIL="1").returncode != 0
    sandbox.asked("")
    assert sandbox.setup().returncode == 0
    assert len(sandbox.asked("pip install")) == 1


def test_a_ready_environment_that_fails_to_grow_is_not_ready(sandbox: Sandbox):
    sandbox.setup()
    assert sandbox.setup("dev", FAIL="1").returncode != 0
    sandbox.asked("")
    sandbox.setup()
    assert len(sandbox.asked("pip install")) == 1


def test_extras_add_up(sandbox: Sandbox):
    sandbox.setup("dev")
    assert f"{ROOT}[dev]" in sandbox.asked("pip install")[0]
    sandbox.setup("all")
    assert f"{ROOT}[all,dev,llm]" in sandbox.asked("pip install")[0]
    for words in ([], ["dev"], ["llm"], ["all,dev"]):
        assert sandbox.setup(*words).returncode == 0
    assert sandbox.asked("pip install") == []


@pytest.mark.parametrize(
    ("programs", "options", "said"),
    [
        ((), "-DGGML_NATIVE=ON ", ""),
        (("nvcc",), "-DGGML_NATIVE=ON ", "nvcc but no NVIDIA driver"),
        (("nvidia-smi",), "-DGGML_NATIVE=ON ", "an NVIDIA driver but no nvcc"),
        (("nvcc", "nvidia-smi"), "-DGGML_NATIVE=ON -DGGML_CUDA=on ", ""),
    ],
)
def test_llama_is_built_once_for_what_there_is(sandbox: Sandbox, programs: tuple[str, ...], options: str, said: str):
    for name in programs:
        sandbox.program(name)
    done = sandbox.setup("llm")
    assert done.returncode == 0, done.stderr
    assert said in done.stderr
    calls = sandbox.asked("")
    assert [call.rpartition("| ")[2] for call in calls if "pip wheel" in call] == [options]
    assert "llama_cpp_python-0.3.36-py3-none-any.whl" in next(call for call in calls if "pip install" in call)

    shutil.rmtree(sandbox.folder / "the venv")
    sandbox.program("python", PIP, "the venv/bin")
    sandbox.setup("llm")
    assert sandbox.asked("pip wheel") == []
    assert not list((sandbox.folder / "cache").rglob(".new-*"))


def test_without_a_compiler_it_says_what_to_install(sandbox: Sandbox):
    (sandbox.folder / "bin/c++").unlink()
    done = sandbox.setup("llm")
    assert done.returncode != 0
    assert "build-essential" in done.stderr


def test_a_folder_that_is_no_environment_is_left_alone(sandbox: Sandbox):
    shutil.rmtree(sandbox.folder / "the venv")
    kept = sandbox.folder / "the venv/thesis.txt"
    kept.parent.mkdir()
    kept.touch()
    done = sandbox.setup()
    assert done.returncode != 0
    assert "is no Python environment" in done.stderr
    assert kept.exists()


def test_without_a_fitting_python(sandbox: Sandbox):
    done = sandbox.setup(PYTHON="/nowhere/python")
    assert done.returncode != 0
    assert "no Python 3.11" in done.stderr


def test_the_key_changes_with_nothing_but_what_matters(sandbox: Sandbox):
    keys = {sandbox.setup("--key", HOME=home).stdout for home in ("/a", "/b")}
    assert len(keys) == 1
    assert len(keys.pop().strip()) == 12


@pytest.mark.parametrize("name", ["scripts/setup", "scripts/demo", "scripts/test", ".ci/run"])
def test_scripts_are_executable_and_parse(name: str):
    assert os.access(ROOT / name, os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / name], check=False).returncode == 0


@pytest.mark.parametrize("words", [["--llama"], ["study"]])
def test_the_demo_refuses_what_it_does_not_know(words: list[str]):
    done = subprocess.run([ROOT / "scripts/demo", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr
