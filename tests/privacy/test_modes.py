"""Nobody but its owner may read a file that a command writes about posts, whatever the umask."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.exchange.exported import ONE, TWO, dialogue, make_study, script
from valex_local.cli import cli
from valex_local.exchange.export.formats import FORMATS
from valex_local.pipeline.run_log import RunLog
from valex_local.study import Study

KEY = ("--pseudonyms", "{t}/key")
COMMANDS = [
    ["pseudonyms", "new", "{t}/key"],
    ["pseudonyms", "list", "{t}/key", "-o", "{t}/list.csv"],
    *(["export", name] for name in FORMATS),
    *(["export", name, "-o", f"{{t}}/{name}{(*form.suffixes, '')[0]}", *KEY] for name, form in FORMATS.items()),
    ["report"],
    ["report", "-o", "{t}/pages", *KEY],
    ["dossier"],
    ["dossier", "-o", "{t}/dossier"],
    ["sheet", "-o", "{t}/sheet.csv"],
    ["sheet", "-o", "{t}/sheet.xlsx", *KEY],
    ["sample", "first", "--size", "2"],
    ["import", "labels", "{t}/labels.csv"],
    ["estimate", "table", "--labels", "template.encoder", "--sample", "all", "-o", "{t}/table.csv", *KEY],
    ["compare", "template", "gemini", "-o", "{t}/compared", "--no-meaning", "--resamples", "0"],
    ["methods", "--bibtex", "{t}/works.bib"],
    ["exclude", TWO, "--reason", "no"],
    ["review", "plan", "--coders", "ann,bo"],
    ["forget", ONE, "--yes"],
]


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def study(tmp_path: Path, no_umask: None) -> Study:
    made = make_study(tmp_path)
    RunLog(made).line("execute", step="media")
    made.write(ONE, "script.gemini", script(dialogue("hello"), name="gemini"))
    return made


def open_to_others(*places: Path) -> set[str]:
    """Return the files and folders in places that others than their owner may read, write or enter."""
    found = [path for place in places for path in (place, *place.rglob("*"))]
    return {str(path) for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()}


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_files_of_all_commands_are_their_owners_alone(study, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o700)
    (out / "labels.csv").touch(0o600)
    (out / "labels.csv").write_text(f"video_id,annotator,Face\n{ONE},ann,1\n")
    (study.root / "samples").mkdir(0o700)
    (study.root / "samples" / "all.csv").touch(0o600)
    rows = "".join(f"{post},0.5,x\n" for post in study.post_ids())
    (study.root / "samples" / "all.csv").write_text(f"post_id,inclusion_probability,stratum\n{rows}")
    assert not open_to_others(study.root, out)
    for command in COMMANDS:
        words = [word.format(t=out) for word in command]
        of_study = [] if words[:2] == ["pseudonyms", "new"] else ["-s", str(study.root)]
        done = CliRunner().invoke(cli, [*words, *of_study])
        assert done.exit_code == 0, (command, done.output, done.exception)
        assert not open_to_others(study.root, out), command
