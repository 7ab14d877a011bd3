"""Progress: bars with the time left on a terminal; elsewhere lines, one at least every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from valex_local.cli._output import is_terminal, say, terminal

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn, TaskID

    from valex_local.store import FileProgress

EVERY = 30.0
"""Seconds from one line to the next while a step goes on."""


@dataclass
class _Step:
    name: str
    total: int | None
    done: int
    at_first: int
    began: float


class Lines:
    """Prints a line when a step begins, every half minute, and when it ends, for logs and pipes.

    Parameters
    ----------
    amount : callable, optional
        Returns an amount of work in words.
    brief : bool
        Whether to leave out the first and the last line of a step.
    """

    def __init__(self, amount: Callable[[int], str] = str, *, brief: bool = False) -> None:
        self._amount, self._brief = amount, brief
        self.step("working", None)

    def step(self, name: str, total: int | None, done: int = 0) -> None:
        """Print that a step begins, of which a part may be done already; None is an unknown total."""
        self._step = _Step(name, total, done, done, time.monotonic())
        if total is not None and not self._brief:
            say(f"{name}: {self._amount(total)} to do", err=True)

    def advance(self, posts: int = 1) -> None:
        """Print that a step has ended, once it has."""
        step = self._step
        step.done += posts
        if step.total is not None and step.done >= step.total:
            if not self._brief:
                say(self._so_far(step), err=True)
            self.step("working", None)

    def say(self, text: str) -> None:
        """Print a text."""
        if not self._brief:
            say(text, err=True)

    def tell(self) -> None:
        """Print how far the step is."""
        step = self._step
        seconds = time.monotonic() - step.began
        done = step.done - step.at_first
        if step.total is None:
            say(f"{step.name}: {_duration(seconds)} so far", err=True)
        elif done <= 0:
            say(f"{self._so_far(step)}, {_duration(seconds)} so far", err=True)
        else:
            left = seconds * (step.total - step.done) / done
            say(f"{self._so_far(step)}, about {_duration(left)} left", err=True)

    def _so_far(self, step: _Step) -> str:
        return f"{step.name}: {self._amount(step.done)} of {self._amount(step.total or 0)}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Bars:
    """Shows a bar per step, with the time left; later batches of posts lengthen it."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._totals: dict[str, int] = {}
        self._task: TaskID | None = None

    def step(self, name: str, total: int | None, done: int = 0) -> None:
        """Start or lengthen a bar; without a total it only shows that something happens."""
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None)
        self._task = self._tasks[name]
        if total is not None:
            self._totals[name] = self._totals.get(name, 0) + total
            self._bars.update(self._task, total=self._totals[name], advance=done)

    def advance(self, posts: int = 1) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bars.advance(self._task, posts)

    def say(self, text: str) -> None:
        """Print above the bars."""
        from rich.text import Text

        self._bars.console.print(Text(text), soft_wrap=True)


class Downloads:
    """Shows each file that is downloaded as a step."""

    def __init__(self, shown: Lines | Bars) -> None:
        self._shown = shown
        self._file, self._done = ("", ""), 0

    def tell(self, progress: FileProgress) -> None:
        """Show how far a file is."""
        file = (progress.model, progress.file)
        if file != self._file or progress.done < self._done:  # a file that was wrong begins again
            self._file, self._done = file, progress.done
            self._shown.step("/".join(file), progress.total, progress.done)
        self._shown.advance(progress.done - self._done)
        self._done = progress.done


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Lines | Bars]:
    """Show progress while the block runs: bars on a terminal, lines elsewhere, and few of them when `quiet`."""
    if quiet or not is_terminal(err=True):
        with _telling(Lines(brief=quiet)) as lines:
            yield lines
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    with _bars(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bars:
        yield bars


@contextmanager
def working(name: str, *, quiet: bool = False) -> Iterator[None]:
    """Show that work of an unknown length goes on, and for how long, while the block runs."""
    if quiet or not is_terminal(err=True):
        with _telling(Lines(brief=quiet)) as lines:
            lines.step(name, None)
            yield
        return
    from rich.progress import BarColumn, TimeElapsedColumn

    with _bars(BarColumn(), TimeElapsedColumn(), transient=True) as bars:
        bars.step(name, None)
        yield


@contextmanager
def downloads() -> Iterator[Downloads]:
    """Show the progress of downloads, in bytes, while the block runs."""
    from rich.filesize import decimal
    from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn

    if not is_terminal(err=True):
        with _telling(Lines(decimal)) as lines:
            yield Downloads(lines)
        return
    left = TimeRemainingColumn(compact=True, elapsed_when_finished=True)
    with _bars(BarColumn(bar_width=10), DownloadColumn(), left) as bars:
        yield Downloads(bars)


@contextmanager
def _telling(lines: Lines) -> Iterator[Lines]:
    """Let a thread print how far the work is, however long a library computes."""
    over = threading.Event()

    def tell() -> None:
        while not over.wait(EVERY):
            lines.tell()

    thread = threading.Thread(target=tell, name="progress", daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        over.set()
        thread.join()


@contextmanager
def _bars(*columns: ProgressColumn, transient: bool = False) -> Iterator[Bars]:
    from rich.progress import Progress as RichProgress
    from rich.progress import TextColumn
    from rich.table import Column

    name = TextColumn("{task.description:<26}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    console, redirected = terminal(err=True), is_terminal()  # what goes to a file must not be shown above the bars
    with RichProgress(name, *columns, console=console, transient=transient, redirect_stdout=redirected) as bars:
        yield Bars(bars)
