"""The door: help is quick, heavy libraries stay out, errors are one line, exit statuses mean what they say."""

import os
import subprocess
import sys
import time

import pytest

HEAVY = ["torch", "transformers", "cv2", "numpy", "av", "whisper", "faster_whisper", "ctranslate2", "open_clip"]
HEAVY += ["llama_cpp", "onnxruntime", "rapidocr", "scenedetect"]


def python(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def valex(*arguments, cwd=None):
    code = "from valex_local.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@pytest.mark.parametrize(
    "code",
    [
        "import valex_local",
        "import valex_local.run, valex_local.extraction, valex_local.stages",
        "import sys; sys.argv = ['valex', '--help']; from valex_local.cli import main; main()",
        "import sys; sys.argv = ['valex', 'run', '--help']; from valex_local.cli import main; main()",
    ],
)
def test_heavy_libraries_stay_out(code):
    check = f"import atexit, sys; atexit.register(lambda: print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules]))\n"
    done = python(check + code)
    assert "HEAVY []" in done.stdout, done.stdout + done.stderr


def test_help_answers_in_under_half_a_second():
    def once():
        started = time.perf_counter()
        assert valex("--help").returncode == 0
        return time.perf_counter() - started

    assert min(once() for _ in range(5)) < 0.5


def test_every_command_has_a_help_of_its_own():
    shown = valex("--help").stdout
    for name in ("run", "status", "show", "forget", "models", "doctor"):
        assert f"  {name} " in shown
        assert valex(name, "--help").returncode == 0, name


def test_errors_are_one_line_and_exit_with_2(tmp_path):
    done = valex("status", str(tmp_path))
    assert done.returncode == 2
    assert (
        done.stderr.strip() == f"valex: there is no study here [{tmp_path}]. Make one with: valex run VIDEOS -o STUDY"
    )
    assert valex("no-such-command").returncode == 2
    assert valex("run").returncode == 2


def test_debug_shows_the_traceback(tmp_path):
    done = valex("--debug", "status", str(tmp_path))
    assert "Traceback" in done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "ocr.fsp=2"], "did you mean ocr.fps?"),
        (["--set", "ocr.fps"], "expected KEY=VALUE"),
        (["--shard", "3/2"], "expected i/N"),
        (["--config", "none.toml"], "no such file"),
        (["--profile", "none"], "none"),
        (["--only", "none"], "there is no stage 'none'"),
    ],
)
def test_wrong_options_say_what_was_expected(tmp_path, options, message):
    done = valex("run", str(tmp_path), "-o", str(tmp_path / "study"), *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
