"""Printing labels on a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from valex_local.records import Labels, ValueLabel
from valex_local.schwartz import State

_STYLES = {State.PRESENT: "bold green", State.CONFLICTED: "bold red", State.ABSENT: "dim", State.NOT_ASSESSED: "dim"}


def print_labels(console: Console, stem: str, labels: Labels) -> None:
    """Print the labels of one script with their probabilities and their model."""
    source = labels.source
    languages = ", ".join(source.languages) or "any language"
    console.print(Text(f"{stem}: {source.model} ({source.domain}; {languages})", style="bold"), soft_wrap=True)
    if source.baseline:
        console.print(Text(f"baseline: {source.baseline}", style="yellow"), soft_wrap=True)
    for notice in labels.notices:
        console.print(Text(f"notice: {notice.text}", style="yellow"), soft_wrap=True)
    if labels.skipped:
        console.print(Text(f"no labels: {labels.skipped}"), soft_wrap=True)
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
    console.print(table)


def _bar(probability: float | None) -> str:
    if probability is None:
        return "-"
    return f"{probability:.2f} {'█' * round(probability * 8)}"


def _state(label: ValueLabel) -> str:
    return label.state.value.replace("_", " ") + (" (dominant)" if label.dominant else "")
