"""The evidence of labels, as it is shown: only where a value is called."""

from __future__ import annotations

from valex_local.records import Labels, ValueLabel
from valex_local.schwartz import State
from valex_local.states.draw import is_answer


def shown_evidence(label: ValueLabel) -> tuple[str, ...]:
    """Return the lines to show beside a state: a label model names lines for values that are not called too."""
    return label.evidence if label.state in (State.PRESENT, State.CONFLICTED) else ()


def about_evidence(labels: Labels) -> str:
    """Return what the evidence is, in a sentence; "" where no value has any to show."""
    if not any(map(shown_evidence, labels.values)):
        return ""
    if is_answer(labels):
        return "Evidence: the lines that the language model named."
    return "Evidence: the lines on which the probability rests most, the strongest first."
