"""Progress: bars with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from valex_local.cli._output import is_terminal, say, terminal
from valex_local.pipeline.progress import NullProgress, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID


class Lines:
    """Prints a line when a step begins and one when it ends, for logs and pipes."""

    def __init__(self) -> None:
        self._name, self._total, self._done = "", 0, 0

    def step(self, name: str, total: int) -> None:
        """Print that a step begins."""
        self._name, self._total, self._done = name, total, 0
        say(f"{name}: {total} to do", err=True)

    def advance(self, posts: int = 1) -> None:
        """Print that a step has ended, once it has."""
        self._done += posts
        if self._done >= self._total:
            say(f"{self._name}: {self._done} of {self._total}", err=True)

    def say(self, text: str) -> None:
        """Print a text."""
        say(text, err=True)


class Bars:
    """Shows a bar per step, with the time left; later batches of posts lengthen it."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}
        self._task: TaskID | None = None

    def step(self, name: str, total: int) -> None:
        """Start or lengthen a bar."""
        self._totals[name] = self._totals.get(name, 0) + total
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total)
        self._task = self._tasks[name]
        self._bars.update(self._task, total=self._totals[name])

    def advance(self, posts: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, posts)

    def say(self, text: str) -> None:
        """Print above the bars."""
        self._bars.console.print(text)


@contextmanager
def progress(*, quiet: bool) -> Iterator[Progress]:
    """Show progress while the block runs: bars on a terminal, lines elsewhere, nothing when `quiet`."""
    if quiet:
        yield NullProgress()
    elif not is_terminal(err=True):
        yield Lines()
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description:<26}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=terminal(err=True)) as bars:
            yield Bars(bars)
