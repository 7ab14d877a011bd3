"""Progress of downloads: a bar per file on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from valex_local.cli._output import is_terminal, say, terminal

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from valex_local.store import FileProgress

_EVERY = 30.0
"""Seconds between two lines about the same file."""


class Downloads(Protocol):
    """Shows how far downloads are, and other messages between them."""

    def tell(self, progress: FileProgress) -> None:
        """Show how far a file is."""

    def say(self, text: str) -> None:
        """Print a message."""


class Lines:
    """Prints a line when a file begins, every half minute, and when it is complete."""

    def __init__(self) -> None:
        self._file = ("", "")
        self._began = self._told = 0.0
        self._at_first = 0

    def tell(self, progress: FileProgress) -> None:
        """Print how far a file is, unless it was printed just now."""
        now = time.monotonic()
        if self._file != (progress.model, progress.file):
            self._file = (progress.model, progress.file)
            self._began = self._told = now
            self._at_first = progress.done
            if progress.done < progress.total:
                self._print(progress, "")
        if progress.done >= progress.total:
            self._print(progress, ", complete")
        elif now - self._told >= _EVERY:
            self._told = now
            self._print(progress, self._left(progress, now - self._began))

    def say(self, text: str) -> None:
        """Print a message."""
        say(text)

    def _left(self, progress: FileProgress, seconds: float) -> str:
        fetched = progress.done - self._at_first
        if fetched <= 0:
            return ", waiting"
        left = (progress.total - progress.done) * seconds / fetched
        return f", about {left / 60:.0f} min left" if left >= 90 else f", about {left:.0f} s left"

    def _print(self, progress: FileProgress, more: str) -> None:
        from rich.filesize import decimal

        sizes = decimal(progress.total)
        if 0 < progress.done < progress.total:
            sizes = f"{decimal(progress.done)} of {sizes}"
        say(f"{progress.model}: {progress.file}, {sizes}{more}", err=True)


class Bars:
    """Shows a bar per file with size, speed and the time left."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[tuple[str, str], TaskID] = {}

    def tell(self, progress: FileProgress) -> None:
        """Move the bar of a file."""
        key = (progress.model, progress.file)
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(progress.file.rpartition("/")[2], total=progress.total)
        self._bars.update(self._tasks[key], completed=progress.done)

    def say(self, text: str) -> None:
        """Print a message above the bars."""
        from rich.text import Text

        self._bars.console.print(Text(text), soft_wrap=True)


@contextmanager
def downloads() -> Iterator[Downloads]:
    """Show the progress of downloads while the block runs."""
    if not is_terminal(err=True):
        yield Lines()
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=terminal(err=True)) as bars:
        yield Bars(bars)
