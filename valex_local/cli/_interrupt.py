"""Answers Ctrl-C at once.

Python runs a signal handler between two of its own steps, and a library may compute for many seconds before the next
one. The interpreter writes each signal to a pipe at once, though, and a thread that waits there can answer.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from valex_local.cli._output import say_now

INTERRUPTED = 130
"""Exit status after an interrupt, as in shells."""

_SAME = 0.3
"""Seconds within which a second interrupt is taken for the first: a program that started this one may pass it on."""


@contextmanager
def answered() -> Iterator[None]:
    """Say that the program stops on the first interrupt, and end it on the second, while the block runs.

    The first raises `KeyboardInterrupt` in the block as ever. If interrupts are ignored, as in the background of a
    script, they stay so.
    """
    heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not heeded or threading.current_thread() is not threading.main_thread():
        yield
        return
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    thread = threading.Thread(target=_answer, args=(reads,), name="interrupts", daemon=True)
    before = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writes)
        thread.join()
        os.close(reads)


def _answer(reads: int) -> None:
    first = None
    while received := os.read(reads, 1):
        if received[0] != signal.SIGINT:
            continue
        now = time.monotonic()
        if first is None:
            first = now
            say_now("stopping… (once more ends it at once)")
        elif now - first > _SAME:
            os._exit(INTERRUPTED)
