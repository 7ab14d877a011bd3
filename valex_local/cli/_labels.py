"""Printing labels, and how their states were drawn, on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from valex_local.cli._output import say, terminal
from valex_local.records import Labels, Script, ValueLabel
from valex_local.rendering.lines import shown_lines
from valex_local.schwartz import State
from valex_local.states import StateSummary, about_evidence, kind_of_states, shown_evidence, to_do, with_cutoff

if TYPE_CHECKING:
    from valex_local.study import LabelKey

_STYLES = {State.PRESENT: "bold green", State.CONFLICTED: "bold red", State.ABSENT: "dim", State.NOT_ASSESSED: "dim"}
_BAR, _SHORT_BAR = 8, 3
"""Length of the longest bar, in characters, where one polarity is assessed, and where both are."""


def print_labels(stem: str, labels: Labels, script: Script) -> None:
    """Print the labels of one script with their probabilities, cut-offs, model, and the lines that are evidence."""
    source = labels.source
    languages = ", ".join(source.languages) or "any language"
    say(f"{stem}: {source.model} ({source.domain}; {languages})", style="bold")
    if source.baseline:
        say(f"baseline: {source.baseline}", style="yellow")
    if labels.values and labels.calibration is not None:
        _print_wrapped(f"states: {kind_of_states(labels.calibration)}", style="yellow")
    for notice in labels.notices:
        say(f"notice: {notice.text}", style="yellow")
    if labels.skipped:
        say(f"no labels: {labels.skipped}")
        return
    terminal().print(_table(labels))
    if evidence := about_evidence(labels):
        _print_wrapped(evidence)
        cited = {line for label in labels.values for line in shown_evidence(label)}
        for line in shown_lines(script):
            if line.id in cited:
                terminal().print(Text(f"{line.id}  {line.text}", style="dim"), no_wrap=True, overflow="ellipsis")


def _table(labels: Labels) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    conflicted = any(label.conflicted is not None for label in labels.values)
    drawn = any(label.present_from is not None for label in labels.values)
    # A terminal has no room for two probabilities with long bars, or with bars and cut-offs.
    bar = _BAR if not conflicted else 0 if drawn else _SHORT_BAR
    columns = ["value", "present", *(["conflicted"] if conflicted else []), "state"]
    columns += ["evidence"] if about_evidence(labels) else []
    for name in columns:
        table.add_column(name, no_wrap=name != "evidence", overflow="fold")
    for label in labels.values:
        cells = {
            "value": label.value.value,
            "present": _probability(label.present, label.present_from, bar),
            "conflicted": _probability(label.conflicted, label.conflicted_from, bar),
            "state": _state(label),
            "evidence": " ".join(shown_evidence(label)),
        }
        table.add_row(*(Text(cells[name]) for name in columns), style=_STYLES[label.state])
    said = ["from: the probability from which on the value is called."] if drawn else []
    said += [] if conflicted else ["Conflict was not assessed."]
    if said:
        table.caption, table.caption_justify = " ".join(said), "left"
    return table


def print_summaries(summaries: Mapping[LabelKey, StateSummary]) -> None:
    """Print a line for each set of labels, and what to do about those that are not validated."""
    for key, summary in summaries.items():
        _print_wrapped(f"states  {key}: {summary.line}", style="" if summary.validated else "yellow")
    for line in to_do({str(key): summary for key, summary in summaries.items()}):
        _print_wrapped(line, style="yellow")


def _print_wrapped(text: str, style: str = "") -> None:
    terminal().print(Text(text, style=style))


def _probability(probability: float | None, cutoff: float | None, bar: int) -> str:
    """Return a probability, its bar, and the cut-off if there is one."""
    if probability is None:
        return "-"
    shown, limit = with_cutoff(probability, cutoff)
    parts = [shown, f"{'█' * round(probability * bar):<{bar}}" if bar else "", f"from {limit}" if limit else ""]
    return " ".join(filter(None, parts)).replace("from never", "never called")


def _state(label: ValueLabel) -> str:
    return label.state.value.replace("_", " ") + (" (dominant)" if label.dominant else "")
