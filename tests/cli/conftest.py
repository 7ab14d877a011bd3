"""Fixtures of the tests of the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from valex_local import cli
from valex_local.cli._study import VARIABLE
from valex_local.system import network_guard


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


Call = Callable[..., Done]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Run the program in this process, which stays online, over a store of its own."""
    monkeypatch.setenv("VALEX_MODELS", str(tmp_path / "store"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(network_guard, "enter", lambda **_: None)

    def run(*words: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["valex", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return run
