"""Call `valex` in tests: in this process, or in its own process if the test is about the process.

A process of its own imports torch and transformers again, which takes seconds.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from valex_local import cli
from valex_local.system import network_guard

PROGRAM = (sys.executable, "-c", "import sys; from valex_local.cli import main; sys.argv[0] = 'valex'; main()")

Done = subprocess.CompletedProcess[str]


def valex(*words: object, cwd: Path | None = None, answer: str = "", **variables: str) -> Done:
    """Call `valex` in this process and return what it printed and its exit status.

    The network guard is raised without its kernel layer, which no process can leave again. Environment, working
    directory and numbers of threads are restored afterwards.

    Parameters
    ----------
    words : object
        The command line after `valex`.
    cwd : Path, optional
        Where it is called.
    answer : str
        What the user types.
    variables : str
        Environment variables that are added.
    """
    arguments = list(map(str, words))
    buffers = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(buffer, "utf-8", newline="", write_through=True) for buffer in buffers)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        enter(_threads_kept())
        enter(contextlib.chdir(cwd or Path()))
        enter(mock.patch.dict(os.environ, {"COLUMNS": "80"} | variables))
        enter(mock.patch.object(sys, "argv", ["valex", *arguments]))
        enter(mock.patch.object(sys, "stdin", io.StringIO(answer)))
        enter(network_guard.guarded())
        enter(mock.patch.object(network_guard, "enter", lambda **_: network_guard.current()))
        enter(contextlib.redirect_stdout(out))
        enter(contextlib.redirect_stderr(err))
        code = _exit_status()
    return Done(["valex", *arguments], code, *(buffer.getvalue().decode("utf-8") for buffer in buffers))


def valex_process(*words: object, cwd: Path | None = None, answer: str = "", **variables: str) -> Done:
    """Call `valex` in its own process, as a user does; parameters as for `valex`."""
    return subprocess.run(
        [*PROGRAM, *map(str, words)],
        cwd=cwd,
        env={**os.environ, **variables},
        input=answer,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def _exit_status() -> int:
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@contextlib.contextmanager
def _threads_kept() -> Iterator[None]:
    """Restore the numbers of threads of libraries that a command may have set."""
    torch, cv2 = (sys.modules.get(name) for name in ("torch", "cv2"))
    before = torch and torch.get_num_threads(), cv2 and cv2.getNumThreads()
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before[0])
        if cv2:
            cv2.setNumThreads(before[1])
