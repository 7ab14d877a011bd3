"""Ctrl-C, with real processes and signals."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import click
import pytest

from valex_local.cli import COMMANDS, CONTINUE, _kept

# A shell starts what it puts into the background with interrupts ignored, and children inherit that.
_HEEDING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
_COMMAND = """
import hashlib, click
from valex_local.cli import call

@click.command()
def compute():
    print("begun", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", {rounds})  # one call, in which Python runs no handler

call(compute, "valex")
"""
SECONDS, MINUTES = 5_000_000, 1_000_000_000
"""Rounds of a computation: it takes about that long."""


@contextmanager
def begun(rounds: int, *, first: str = _HEEDING) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Yield a process in the midst of a long computation, and what it says."""
    source = f"{first}\n{_COMMAND.format(rounds=rounds)}"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", source], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            assert process.stdout.readline() == "begun\n"
            time.sleep(0.2)  # the computation has begun, too
            yield process, process.stderr
        finally:
            process.kill()


def test_an_interrupt_is_answered_while_a_library_computes_and_a_second_one_ends_it():
    with begun(MINUTES) as (process, said):
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert said.readline().startswith("stopping…")
        assert time.monotonic() - sent < 2
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130
        assert said.read() == ""


def test_an_interrupt_passed_on_by_the_program_that_started_it_is_no_second_one():
    with begun(SECONDS) as (process, said):
        process.send_signal(signal.SIGINT)
        assert said.readline().startswith("stopping…")
        process.send_signal(signal.SIGINT)
        rest = said.read()
        assert process.wait(60) == 130
    assert rest.endswith("valex: interrupted. Nothing was finished; the same command starts from the beginning\n")


def test_ignored_interrupts_stay_ignored():
    with begun(SECONDS, first="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)") as (process, said):
        process.send_signal(signal.SIGINT)
        assert (said.read(), process.wait(60)) == ("", 0)


def test_it_is_said_which_commands_continue():
    assert {name.split()[0] for name in CONTINUE} <= COMMANDS.keys()
    assert _kept(("run", "videos"), click.Abort()).startswith("Finished work is kept")
    assert _kept(("models", "install"), click.Abort()).startswith("Finished work is kept")
    for words in (("models", "verify"), ("evaluate", "model"), ("calibrate",), ()):
        assert _kept(words, click.Abort()).startswith("Nothing was finished")


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_command_may_say_itself_what_is_kept(wrapped: bool):
    said: BaseException = KeyboardInterrupt("Half of it is kept")
    if wrapped:
        said, cause = click.Abort(), said
        said.__cause__ = cause
    assert _kept(("run",), said) == "Half of it is kept"
