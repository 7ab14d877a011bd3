"""Printing labels on a terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from valex_local.cli._output import say, terminal
from valex_local.records import Labels, ValueLabel
from valex_local.schwartz import State

_STYLES = {State.PRESENT: "bold green", State.CONFLICTED: "bold red", State.ABSENT: "dim", State.NOT_ASSESSED: "dim"}


def print_labels(stem: str, labels: Labels) -> None:
    """Print the labels of one script with their probabilities and their model."""
    source = labels.source
    languages = ", ".join(source.languages) or "any language"
    say(f"{stem}: {source.model} ({source.domain}; {languages})", style="bold")
    if source.baseline:
        say(f"baseline: {source.baseline}", style="yellow")
    for notice in labels.notices:
        say(f"notice: {notice.text}", style="yellow")
    if labels.skipped:
        say(f"no labels: {labels.skipped}")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    columns = ["value", "present", "conflicted", "state"]
    # Only routes that ask a language model name the evidence of a state.
    columns += ["evidence"] if any(label.evidence for label in labels.values) else []
    for name in columns:
        table.add_column(name, no_wrap=name == "value")
    for label in labels.values:
        cells = [label.value.value, _bar(label.present), _bar(label.conflicted), _state(label)]
        cells += [" ".join(label.evidence)] if "evidence" in columns else []
        table.add_row(*map(Text, cells), style=_STYLES[label.state])
    terminal().print(table)


def _bar(probability: float | None) -> str:
    if probability is None:
        return "-"
    return f"{probability:.2f} {'█' * round(probability * 8)}"


def _state(label: ValueLabel) -> str:
    return label.state.value.replace("_", " ") + (" (dominant)" if label.dominant else "")
