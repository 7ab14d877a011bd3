"""docs/cli.md is what the help pages say."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.make_cli_reference import PAGE, WIDTH, reference
from valex_local.cli import COMMANDS


def test_the_page_is_up_to_date() -> None:
    # In a process of its own: click keeps the help option of a command that another test called without its group.
    command = [sys.executable, "-m", "scripts.make_cli_reference", "--check"]
    done = subprocess.run(command, cwd=PAGE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_command_is_on_the_page_and_no_line_is_too_long() -> None:
    lines = reference().splitlines()
    assert {f"## valex {name}" for name in COMMANDS} <= set(lines)
    assert "## valex import scripts" in lines
    shown = [line for block in reference().split("```text\n")[1:] for line in block.partition("```")[0].splitlines()]
    assert max(map(len, shown)) <= WIDTH


def test_the_page_does_not_depend_on_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("VALEX_STUDY", "elsewhere")
    assert reference() == before
