"""Printing a summary: a table for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from valex_local.errors import printable
from valex_local.files.text import counted
from valex_local.pipeline.summary import StepCount, Summary
from valex_local.records import Failure

_MOST = 20


def print_json(summary: Summary) -> None:
    """Print a summary as one JSON object."""
    data: dict[str, Any] = asdict(summary)
    data["ok"] = summary.ok
    data["failures"] = [{"post": f.post, "step": f.stage, "what": f.what, "hint": f.hint} for f in summary.failures]
    print(json.dumps(data, indent=1))  # ASCII: valid on every terminal and for every file name


def print_summary(summary: Summary, *, dry: bool = False) -> None:
    """Print a summary for people: what is done, what is not, and why."""
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("step")
    columns = ("due", "current", "outdated", "failed", "blocked") if dry else _columns(summary.steps)
    for column in columns:
        table.add_column(column, justify="right")
    for step in summary.steps:
        table.add_row(step.step, *(str(getattr(step, c) or "·") for c in columns))
    console.print(table)
    for title, counts in (("skipped", summary.skipped), ("degraded", summary.degraded)):
        for reason, posts in counts.items():
            console.print(Text(f"{title} {posts:>4}  {printable(reason)}"), soft_wrap=True)
    _list(console, "unmatched", summary.unmatched)
    for failure in summary.failures:
        console.print(Text(f"failed  {_failure(failure)}", style="red"), soft_wrap=True)
    for note in summary.notes:
        console.print(Text(f"note    {note}", style="yellow"), soft_wrap=True)
    failures = counted(len(summary.failures), "failure")
    total = f"{counted(summary.posts, 'post')}, {failures}, {len(summary.unmatched)} unmatched"
    took = "nothing was done" if dry else f"{summary.seconds:.1f} s"
    console.print(Text(f"{total} · {took} · {printable(summary.study)}", style="bold"), soft_wrap=True)
    console.print(Text(f"offline: {summary.offline}"), soft_wrap=True)


def _columns(steps: list[StepCount]) -> tuple[str, ...]:
    always = ("written", "current", "failed")
    return always + tuple(c for c in ("due", "outdated", "blocked") if any(getattr(s, c) for s in steps))


def _failure(failure: Failure) -> str:
    hint = f". {failure.hint}" if failure.hint else ""
    return printable(f"{failure.post} at {failure.stage}: {failure.what}{hint}")


def _list(console: Console, title: str, rows: list[str]) -> None:
    for row in rows[:_MOST]:
        console.print(Text(f"{title}  {printable(row)}"), soft_wrap=True)
    if len(rows) > _MOST:
        console.print(Text(f"{title}  and {len(rows) - _MOST} more (all of them with --json)"), soft_wrap=True)
