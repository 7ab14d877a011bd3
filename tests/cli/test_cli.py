"""The door: help is quick, heavy libraries stay out, errors are one line, exit statuses mean what they say."""

import io
import json
import os
import subprocess
import sys
import time

import pytest
from rich.console import Console
from rich.progress import MofNCompleteColumn, TextColumn
from rich.progress import Progress as RichProgress

from valex_local.cli._progress import Bars
from valex_local.cli._summary import print_json
from valex_local.cli.run import _options
from valex_local.pipeline.summary import StepCount, Summary
from valex_local.records import Action, Failure, Grounding, NamedThing, Post, PostLine, Scene, Script, SourceFile
from valex_local.study import Study

HEAVY = ["torch", "transformers", "cv2", "numpy", "av", "whisper", "faster_whisper", "ctranslate2", "open_clip"]
HEAVY += ["llama_cpp", "onnxruntime", "rapidocr", "scenedetect"]


def python(code, **env):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def valex(*arguments, cwd=None, answer=None, **env):
    code = "from valex_local.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        input=answer,
        env={**os.environ, **env},
    )


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study", create=True)
    for post_id in ("a", "b"):
        study.write(
            post_id, "post", Post(id=post_id, video=SourceFile(path=f"/v/{post_id}.mp4", sha256="0" * 64, size=1))
        )
    scene = Scene(start=0, end=1, elements=(PostLine(text="☕ stories"),), written_by="template")
    study.write("b", "script.template", Script(name="template", scenes=(scene,)))
    return study


@pytest.mark.parametrize(
    "code",
    [
        "import valex_local",
        "import valex_local.pipeline.run, valex_local.pipeline.extract, valex_local.stages.registry",
        "import sys; sys.argv = ['valex', '--help']; from valex_local.cli import main; main()",
        "import sys; sys.argv = ['valex', 'run', '--help']; from valex_local.cli import main; main()",
        "import sys; sys.argv = ['valex', 'label', '--help']; from valex_local.cli import main; main()",
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
    for name in ("label", "run", "status", "show", "forget", "models", "doctor"):
        assert f"  {name} " in shown
        assert valex(name, "--help").returncode == 0, name


def test_errors_are_one_line_and_exit_with_2(tmp_path):
    done = valex("status", "-s", str(tmp_path))
    assert done.returncode == 2
    assert (
        done.stderr.strip() == f"valex: there is no study here [{tmp_path}]. Make one with: valex run VIDEOS -s STUDY"
    )
    assert valex("no-such-command").returncode == 2
    assert valex("run").returncode == 2


def test_debug_shows_the_traceback(tmp_path):
    done = valex("--debug", "status", "-s", str(tmp_path))
    assert "Traceback" in done.stderr
    assert done.returncode == 2


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
    done = valex("run", str(tmp_path), "-s", str(tmp_path / "study"), *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "left_out"),
    [
        (["--loopback", "models", "verify"], True),
        (["--debug", "--loopback", "models", "verify"], True),
        (["models", "verify"], False),
        (["models", "verify", "--loopback"], False),
    ],
)
def test_loopback_is_within_reach_when_it_is_asked_for_before_the_command(tmp_path, arguments, left_out):
    code = """
import json, sys
from valex_local.system import network_guard
from valex_local.cli import main
try:
    main()
finally:
    print(json.dumps(network_guard.current().why_not or ""))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VALEX_MODELS": str(tmp_path), "VALEX_NO_NAMESPACE": "0"},
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert ("left out to reach a server on this machine" in said) is left_out, done.stderr


def test_a_defect_is_one_line_and_no_traceback(tmp_path):
    code = "import valex_local.cli as c; c.cli.main = lambda **_: 1 // 0; c.main()"
    done = python(code)
    assert done.returncode == 2, "1 would say that some posts failed"
    assert done.stderr.startswith("valex: unexpected ZeroDivisionError")
    assert done.stderr.count("\n") == 1


def test_only_options_that_were_given_are_settings():
    assert _options(dict.fromkeys(OPTIONS), ()) == {}
    assert _options({**dict.fromkeys(OPTIONS), "language": "no"}, ()) == {"speech": {"language": "no"}}
    assert _options({**dict.fromkeys(OPTIONS), "keep_audio": False}, ()) == {"work": {"keep_audio": False}}


OPTIONS = (
    "profile",
    "language",
    "translate",
    "keep_silent",
    "keep_keyframes",
    "keep_audio",
    "device",
    "jobs",
    "resident",
)


def test_json_is_valid_whatever_names_and_terminals_are(capsys):
    failure = Failure(post="a", stage="media", what="☕")
    print_json(Summary(study="st\udcff", steps=[StepCount("media")], failures=[failure], unmatched=["é"]))
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text)["study"] == "st\udcff"


def test_terminals_without_utf_8(study):
    done = valex("show", "-s", str(study.root), "b", PYTHONIOENCODING="latin-1")
    assert done.returncode == 0, done.stderr
    assert r"\u2615 stories" in done.stdout


def test_show_tells_what_detectors_found_of_action_lines(study):
    line = Action(text="A dog and a cat.", start=None, end=None)
    written = Script(name="gemini", scenes=(Scene(start=0, end=1, elements=(line,), written_by="import"),))
    study.write("b", "script.gemini", written)
    things = (
        NamedThing(scene=1, element=1, name="dog", word="dog", keyframe="K1", score=0.9),
        NamedThing(scene=1, element=1, name="cat", word="cat"),
    )
    study.write("b", "grounding.gemini", Grounding(script="gemini", things=things))
    assert (
        "L1  by detectors found: dog; not found: cat\n"
        in valex("show", "-s", study.root, "b", "--script", "gemini").stdout
    )
    assert "by detectors" not in valex("show", "-s", study.root, "b").stdout


def test_showing_all_goes_on_past_a_post_without_a_script(study):
    done = valex("show", "-s", str(study.root))
    assert done.returncode == 0, done.stderr
    assert "a has no script" in done.stderr
    assert "script.template" in done.stdout
    assert valex("show", "-s", str(study.root), "a").returncode == 2


def test_forgetting_asks_first(study):
    done = valex("forget", "-s", str(study.root), "a", answer="n\n")
    assert done.returncode == 1
    assert "nothing was removed" in done.stdout
    assert "continues from here" not in done.stderr
    assert study.post_ids() == ["a", "b"]
    assert valex("forget", "-s", str(study.root), "a", answer="y\n").returncode == 0
    assert study.post_ids() == ["b"]


def test_a_step_has_one_bar_however_many_sweeps_it_takes():
    console = Console(file=io.StringIO(), force_terminal=True, width=60)
    with RichProgress(TextColumn("{task.description}"), MofNCompleteColumn(), console=console) as bars:
        shown = Bars(bars)
        for _ in range(3):
            for name in ("media", "speech"):
                shown.step(name, 2)
                shown.advance(2)
        assert [(t.description, t.completed, t.total) for t in bars.tasks] == [("media", 6, 6), ("speech", 6, 6)]
