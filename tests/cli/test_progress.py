"""Progress where it is no terminal: lines at the beginning, every half minute, and at the end."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.test_calibrate import fill
from tests.evaluation.labelled import made_gold, made_labels
from valex_local.cli import _progress
from valex_local.cli._progress import Downloads, Lines, progress, working
from valex_local.exchange.gold import write_gold
from valex_local.inference.samples import Design, draw_sample, write_sample
from valex_local.store import FileProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_a_step_says_what_is_to_do_how_far_it_is_and_that_it_ended(
    clock: list[float], capsys: pytest.CaptureFixture[str]
):
    lines = Lines()
    lines.step("labels", 4)
    clock[0] = 30
    lines.tell()
    lines.advance()
    clock[0] = 60
    lines.tell()
    lines.advance(3)
    clock[0] = 61
    lines.tell()
    assert capsys.readouterr().err.splitlines() == [
        "labels: 4 to do",
        "labels: 0 of 4, 30 s so far",
        "labels: 1 of 4, about 3 min left",
        "labels: 4 of 4",
        "working: 1 s so far",
    ]


def test_a_brief_one_says_only_how_far_it_is(clock: list[float], capsys: pytest.CaptureFixture[str]):
    lines = Lines(brief=True)
    lines.step("labels", 2)
    lines.say("a remark")
    lines.advance()
    clock[0] = 30
    lines.tell()
    lines.advance()
    assert capsys.readouterr().err == "labels: 1 of 2, about 30 s left\n"


def test_what_an_earlier_call_fetched_does_not_count_for_the_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
):
    from rich.filesize import decimal

    lines = Lines(decimal)
    shown = Downloads(lines)
    for done in (200_000_000, 300_000_000):
        shown.tell(FileProgress("m", "model.bin", done, 400_000_000))
    clock[0] = 30
    lines.tell()
    shown.tell(FileProgress("m", "model.bin", 400_000_000, 400_000_000))
    assert capsys.readouterr().err.splitlines() == [
        "m/model.bin: 400.0 MB to do",
        "m/model.bin: 300.0 MB of 400.0 MB, about 30 s left",
        "m/model.bin: 400.0 MB of 400.0 MB",
    ]


def test_a_file_that_was_wrong_begins_anew(capsys: pytest.CaptureFixture[str]):
    shown = Downloads(Lines())
    for done in (10, 10, 0, 10):
        shown.tell(FileProgress("m", "w", done, 10))
    assert capsys.readouterr().err.splitlines() == 2 * ["m/w: 10 to do", "m/w: 10 of 10"]


def test_lines_come_while_the_work_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(_progress, "EVERY", 0.05)
    with working("evaluation"):
        time.sleep(0.3)
    with progress() as shown:
        shown.step("labels", 2)
        time.sleep(0.3)
    said = capsys.readouterr().err.splitlines()
    assert said.count("evaluation: 0 s so far") >= 2
    assert said.count("labels: 0 of 2, 0 s so far") >= 2
    time.sleep(0.2)
    assert capsys.readouterr().err == "", "they end with the work"


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]):
    with working("evaluation"):
        pass
    assert capsys.readouterr() == ("", "")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with labels, gold labels and a sample."""
    gold = made_gold()
    study = fill(tmp_path_factory.mktemp("made") / "study", gold, made_labels(gold))
    write_gold(study, "anna", gold)
    design = Design(size=10)
    write_sample(study, "draw", draw_sample(study, design, None), design)
    return study.root


@pytest.mark.parametrize(
    "command",
    [
        "agreement --labels template.encoder",
        "calibrate",
        "check visual",
        "estimate prevalence --labels template.encoder --sample draw",
        "estimate table --labels template.encoder --sample draw -o {study}/exports/table.csv",
        "evaluate {study} --resamples 10",
        "export authors",
        "export authors --json",
        "import labels {study}/gold/anna.csv",
        "import scripts {study}/gold --name other",
        "methods",
        "report",
        "review plan --coders anna",
        "review status",
        "sample other --size 5",
        "sheet -o {study}/exports/sheet.csv",
        "status",
        "doctor",
        "models verify",
        "models pack {study}.tar mpnet-arguments",
    ],
)
def test_each_command_with_long_work_says_that_it_goes_on(
    command: str, made: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
):
    @contextmanager
    def telling(lines: Lines) -> Iterator[Lines]:
        try:
            yield lines
        finally:
            lines.tell()

    study = shutil.copytree(made, tmp_path / "study")
    monkeypatch.setattr(_progress, "_telling", telling)
    monkeypatch.chdir(study)
    done = call(*command.format(study=study).split())
    assert re.search(r": .*\d s (so far|left)$", done.err, re.MULTILINE), (done.out, done.err)
