"""Printing a report: the figures with their bars, the cost of each way, and where time and memory are spent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.bench import BenchmarkReport, Outcome
from benchmarks.results import Check
from valex_local.errors import printable

STEP_COLUMNS = {
    "posts": "posts",
    "copied": "copied",
    "batches": "batches",
    "batch_fill": "fill",
    "load_seconds": "load s",
    "cpu_seconds": "CPU s",
    "seconds": "wall s",
    "peak_rss": "RSS",
    "peak_vram": "VRAM",
}
"""Keys in the log of a step, and the headers of their columns; times include loading."""
LEFT_OUT = ("written", "load_cpu_seconds")


def print_report(console: Console, report: BenchmarkReport) -> None:
    """Print all measurements, and at the end a line for each missed bar and each benchmark that was not run."""
    console.print(Text(_machine(report.facts), style="bold"), soft_wrap=True)
    for table in (_costs(report), _checks(report), *_steps(report), *_growth(report)):
        if table.row_count:
            console.print(table)
    for line, style in _lines(report):
        console.print(Text(printable(line), style=style), soft_wrap=True)


def _machine(facts: Mapping[str, Any]) -> str:
    machine, device = facts["machine"], facts["device"]
    gpus = ", ".join(gpu["name"] for gpu in machine["gpus"]) or "no GPU"
    mode = "quick: smaller inputs and one round, no figures to report" if facts["quick"] else "medians of the rounds"
    return (
        f"{machine['cpu']}, {device['threads']} cores, {_bytes(machine['memory'])}, {gpus}; load {facts['load']:g}; "
        f"profile {facts['profile']} on {device['kind']}; {mode}"
    )


def _table(title: str, first: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold cyan", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _measured(report: BenchmarkReport) -> list[tuple[Outcome, Any]]:
    return [(outcome, outcome.result) for outcome in report.outcomes if outcome.result is not None]


def _costs(report: BenchmarkReport) -> Table:
    table = _table("What each way costs", "benchmark", "way", "CPU s", "wall s")
    table.columns[1].justify = "left"
    for outcome, result in _measured(report):
        for index, (way, cost) in enumerate(result.costs.items()):
            table.add_row("" if index else outcome.name, Text(way), f"{cost.cpu:.2f}", f"{cost.wall:.2f}")
    return table


def _checks(report: BenchmarkReport) -> Table:
    table = _table("Bars", "benchmark", "figure", "measured", "bar", "")
    table.columns[1].justify = "left"
    for outcome, result in _measured(report):
        for index, check in enumerate(result.checks):
            kept, style = ("met", "green") if check.held else ("missed", "red")
            bar = f"{check.sense} {_figure(check.bar)}"
            table.add_row(
                "" if index else outcome.name, Text(check.what), _figure(check.value), bar, Text(kept, style=style)
            )
    return table


def _steps(report: BenchmarkReport) -> Iterator[Table]:
    for outcome, result in _measured(report):
        steps = result.facts.get("steps", {})
        keys = dict.fromkeys((*STEP_COLUMNS, *(key for step in steps.values() for key in step if key not in LEFT_OUT)))
        columns = [key for key in keys if any(step.get(key) is not None for step in steps.values())]
        heads = (STEP_COLUMNS.get(key, key.replace("_", " ")) for key in columns)
        table = _table(f"Per stage, {outcome.name}", "step", *heads)
        for name, step in steps.items():
            table.add_row(name, *(_cell(key, step.get(key)) for key in columns))
        yield table


def _growth(report: BenchmarkReport) -> Iterator[Table]:
    for outcome, result in _measured(report):
        lines = result.facts.get("lines", {})
        table = _table(f"Growth, {outcome.name}", "", f"a {result.facts.get('per')} more", "constant", "off by at most")
        for name, line in lines.items():
            show = _bytes if name.startswith("peak") else "{:.3f} s".format
            table.add_row(name.replace("_", " "), *(show(line[key]) for key in ("slope", "intercept", "error")))
        yield table


def _lines(report: BenchmarkReport) -> Iterator[tuple[str, str]]:
    """Yield what the tables do not contain, a line for each problem, and one with the overall result."""
    for outcome, result in _measured(report):
        if "steps" in result.facts:
            yield f"{outcome.name}: {_rates(result.facts)}", ""
    for outcome in report.outcomes:
        if outcome.result is None:
            word, style = ("left out", "yellow") if outcome.excused else ("not measured", "red")
            yield f"{word}: {outcome.name}, {outcome.why_not}", style
        else:
            yield from ((f"missed: {outcome.name}, {_sentence(c)}", "red") for c in outcome.result.checks if not c.held)
    for name in report.wanted[len(report.outcomes) :]:
        yield f"not reached: {name}", "red"
    yield ("every bar is met", "bold green") if report.held else ("not every bar is met", "bold red")


def _rates(facts: Mapping[str, Any]) -> str:
    rate, cost = facts["video_seconds_per_wall_second"], facts["cpu_seconds_per_minute_of_video"]
    return f"{rate:.2f} s of video per second, {cost:.1f} CPU seconds per minute of video, loading included"


def _sentence(check: Check) -> str:
    return f"{check.what}: {_figure(check.value)}, the bar is {check.sense} {_figure(check.bar)}"


def _figure(value: float) -> str:
    return f"{value:.4g}"


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "·"
    if key.startswith("peak_"):
        return _bytes(value)
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _bytes(number: float) -> str:
    return f"{number / 1e9:.2f} GB" if abs(number) >= 1e9 else f"{number / 1e6:.1f} MB"
