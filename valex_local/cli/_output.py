r"""The only place that prints: no character that commands the terminal gets through, whatever file it comes from.

Escape sequences in a file name or a caption could change the title of the window, hide lines or type words; marks of
writing direction could show a name as another. They are printed as ``\x1b`` and ``\u202e``.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from valex_local.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import StyleType

_LAYOUT = "\n\t"
_NOT_TAKEN = (errno.ENOSPC, errno.EPIPE, errno.EIO, errno.EBADF, errno.EINVAL)


def say(line: object = "", *, err: bool = False, style: StyleType = "") -> None:
    """Print one line; line breaks in it are escaped too."""
    text = printable(str(line))
    if style:
        from rich.text import Text

        terminal(err=err).print(Text(text, style=style), soft_wrap=True)
    else:
        _write(f"{text}\n", err=err)


def say_text(text: str, *, err: bool = False) -> None:
    """Print a text of several lines, as it is laid out."""
    shown = "\r\n".join(printable(part, keep=_LAYOUT) for part in text.split("\r\n"))  # ends lines in CSV
    _write(shown if shown.endswith("\n") else f"{shown}\n", err=err)


def say_json(data: Any) -> None:
    """Print data as JSON in ASCII, which is valid on every terminal and for every file name."""
    _write(f"{json.dumps(data, indent=1)}\n")


def say_json_text(text: str) -> None:
    """Print JSON as it is, except that what a terminal would obey becomes an escape of JSON."""
    safe = "".join(c if printable(c, keep=_LAYOUT) == c else json.dumps(c)[1:-1] for c in text)
    _write(safe if safe.endswith("\n") else f"{safe}\n")


def say_now(line: str) -> None:
    """Print one line on standard error, past every buffer and lock that another thread may hold."""
    with suppress(OSError):
        os.write(2, f"{printable(line)}\n".encode(getattr(sys.stderr, "encoding", None) or "utf-8", "replace"))


def confirm(question: str) -> bool:
    """Ask a question and return whether the answer is yes."""
    return click.confirm(printable(question))


def is_terminal(*, err: bool = False) -> bool:
    """Whether the output goes to a terminal."""
    return (sys.stderr if err else sys.stdout).isatty()


def terminal(*, err: bool = False) -> Console:
    """Return a console for tables and colours; what it prints is taken as it is, without markup."""
    return _console()(stderr=err, highlight=False, markup=False, emoji=False)


@cache
def _console() -> type[Console]:
    from collections.abc import Iterable

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class Terminal(Console):
        """A console that escapes all text; its own control sequences are no text."""

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                if segment.control:
                    yield segment
                else:
                    yield Segment(printable(segment.text, keep=_LAYOUT), segment.style)

    return Terminal


def _write(text: str, *, err: bool = False) -> None:
    if not err:
        sys.stdout.write(text)
        return
    # What cannot be said about the work must not stop the work.
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


# --- the streams of the process -------------------------------------------------------------------------------------


def open_streams() -> None:
    """Make all three standard streams usable, if some were closed when the program was called."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # otherwise the next file that is opened would take its place
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # characters that the terminal's encoding lacks are escaped
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Print what is still in the buffer.

    Raises
    ------
    OSError
        It cannot be printed.
    """
    sys.stdout.flush()


def is_output_lost(error: OSError) -> bool:
    """Whether an error comes from printing, not from a file that a command reads or writes."""
    return error.filename is None and error.errno in _NOT_TAKEN


def drop_output() -> None:
    """Send what is still to be printed nowhere, so that the interpreter does not fail on it when it ends."""
    with suppress(OSError, ValueError):
        descriptor = sys.stdout.fileno()
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, descriptor)
        os.close(sink)


@contextmanager
def library_messages() -> Iterator[None]:
    """Print warnings and log messages of libraries through this module while the block runs."""
    handler, shown = logging.lastResort, warnings.showwarning
    logging.lastResort = _Said(logging.WARNING)
    warnings.showwarning = _say_warning
    try:
        yield
    finally:
        logging.lastResort, warnings.showwarning = handler, shown


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print a message."""
        say_text(self.format(record), err=True)


def _say_warning(*facts: Any, **_: Any) -> None:
    say_text(warnings.formatwarning(*facts[:4]), err=True)
