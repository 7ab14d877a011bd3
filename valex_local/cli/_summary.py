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
from valex_local.pipeline.summary import NoticeCount, StepCount, Summary
from valex_local.records import Failure

_MOST = 20
_MARK = "*"
"""Marks notices that may change what a post means."""


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
    for reason, posts in summary.skipped.items():
        console.print(Text(f"skipped {posts:>4}  {printable(reason)}"), soft_wrap=True)
    for notice in summary.notices:
        console.print(Text(_notice(notice)), soft_wrap=True)
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
    console.print(Text(f"{_MARK} {_doubtful(summary)}", style="yellow" if summary.doubtful else ""), soft_wrap=True)


def _columns(steps: list[StepCount]) -> tuple[str, ...]:
    always = ("written", "current", "failed")
    return always + tuple(c for c in ("due", "outdated", "blocked") if any(getattr(s, c) for s in steps))


def _notice(notice: NoticeCount) -> str:
    mark = _MARK if notice.changes_meaning else " "
    others = f" (and {counted(notice.wordings - 1, 'other wording')})" if notice.wordings > 1 else ""
    return printable(f"notice {mark} {notice.posts or '·':>3}  {notice.step}: {notice.text}{others}")


def _doubtful(summary: Summary) -> str:
    """Return the last line: how many posts may not mean what their script and labels say."""
    posts = counted(summary.posts, "post")
    if not summary.doubtful:
        return f"0 of {posts} with notices that may change what they mean"
    return f"{summary.doubtful} of {posts} with notices that may change what they mean: valex status --posts"


def _failure(failure: Failure) -> str:
    hint = f". {failure.hint}" if failure.hint else ""
    return printable(f"{failure.post} at {failure.stage}: {failure.what}{hint}")


def _list(console: Console, title: str, rows: list[str]) -> None:
    for row in rows[:_MOST]:
        console.print(Text(f"{title}  {printable(row)}"), soft_wrap=True)
    if len(rows) > _MOST:
        console.print(Text(f"{title}  and {len(rows) - _MOST} more (all of them with --json)"), soft_wrap=True)
