"""Printing a summary: a table for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from valex_local.cli._labels import print_summaries
from valex_local.cli._output import say, say_json, terminal
from valex_local.files.text import counted
from valex_local.pipeline.summary import NoticeCount, StepCount, Summary
from valex_local.records import Failure
from valex_local.states import StateSummary

if TYPE_CHECKING:
    from valex_local.study import LabelKey

_MOST = 20
_MARK = "*"
"""Marks notices that may change what a post means."""


def print_json(summary: Summary, states: Mapping[LabelKey, StateSummary] | None = None) -> None:
    """Print a summary as one JSON object, with how states were drawn where that is known."""
    data: dict[str, Any] = asdict(summary)
    data["ok"] = summary.ok
    if states is not None:
        data["states"] = {str(key): _states(found) for key, found in states.items()}
    data["failures"] = [{"post": f.post, "step": f.stage, "what": f.what, "hint": f.hint} for f in summary.failures]
    say_json(data)


def _states(found: StateSummary) -> dict[str, Any]:
    drawn = found.calibration.drawn
    return {
        "kind": found.calibration.kind,
        "validated": found.validated,
        "drawn": None if drawn is None else drawn.isoformat(),
        "model": found.source.model,
        "domain": found.source.domain,
        "posts": found.posts,
        "called_per_post": round(found.called, 2),
        "added": found.added,
        "others": found.others,
    }


def print_summary(
    summary: Summary, states: Mapping[LabelKey, StateSummary] | None = None, *, dry: bool = False
) -> None:
    """Print a summary for people: what is done, what is not, and why, and how states were drawn."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("step")
    columns = ("due", "current", "outdated", "failed", "blocked") if dry else _columns(summary.steps)
    for column in columns:
        table.add_column(column, justify="right")
    for step in summary.steps:
        table.add_row(step.step, *(str(getattr(step, c) or "·") for c in columns))
    terminal().print(table)
    for reason, posts in summary.skipped.items():
        say(f"skipped {posts:>4}  {reason}")
    for notice in summary.notices:
        say(_notice(notice))
    _list("unmatched", summary.unmatched)
    for failure in summary.failures:
        say(f"failed  {_failure(failure)}", style="red")
    for note in summary.notes:
        say(f"note    {note}", style="yellow")
    print_summaries(states or {})
    failures = counted(len(summary.failures), "failure")
    total = f"{counted(summary.posts, 'post')}, {failures}, {len(summary.unmatched)} unmatched"
    took = "nothing was done" if dry else f"{summary.seconds:.1f} s"
    say(f"{total} · {took} · {summary.study}", style="bold")
    say(f"offline: {summary.offline}")
    say(f"{_MARK} {_doubtful(summary)}", style="yellow" if summary.doubtful else "")


def _columns(steps: list[StepCount]) -> tuple[str, ...]:
    always = ("written", "current", "failed")
    return always + tuple(c for c in ("due", "outdated", "blocked") if any(getattr(s, c) for s in steps))


def _notice(notice: NoticeCount) -> str:
    mark = _MARK if notice.changes_meaning else " "
    others = f" (and {counted(notice.wordings - 1, 'other wording')})" if notice.wordings > 1 else ""
    return f"notice {mark} {notice.posts or '·':>3}  {notice.step}: {notice.text}{others}"


def _doubtful(summary: Summary) -> str:
    """Return the last line: how many posts may not mean what their script and labels say."""
    posts = counted(summary.posts, "post")
    if not summary.doubtful:
        return f"0 of {posts} with notices that may change what they mean"
    return f"{summary.doubtful} of {posts} with notices that may change what they mean: valex status --posts"


def _failure(failure: Failure) -> str:
    hint = f". {failure.hint}" if failure.hint else ""
    return f"{failure.post} at {failure.stage}: {failure.what}{hint}"


def _list(title: str, rows: list[str]) -> None:
    for row in rows[:_MOST]:
        say(f"{title}  {row}")
    if len(rows) > _MOST:
        say(f"{title}  and {len(rows) - _MOST} more (all of them with --json)")
