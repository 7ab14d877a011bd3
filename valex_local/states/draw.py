"""The states of labels by a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

from valex_local.records import Calibration, Cutoff, Labels, ValueLabel
from valex_local.schwartz import Polarity, State, Value, decide
from valex_local.states.cutoffs import RELATIVE_FROM, Thresholds, cautious, own_domain, relative
from valex_local.states.logits import logit_of, sigmoid

Unvalidated = Literal["relative", "cautious", "own domain"]
"""The kinds of states that need no gold labels."""

Cutoffs = Mapping[tuple[Value, Polarity], Cutoff]

NEVER = 2.0
"""A cut-off that no probability reaches."""


def draw(labels: Labels, calibration: Calibration | None) -> Labels:
    """Return labels with the states, and the probabilities, that a calibration gives them.

    Without a calibration, or with one for another model, the answers of a language model stay as they are, and other
    labels get the cautious cut-off.

    Parameters
    ----------
    labels : Labels
        Labels as stored.
    calibration : Calibration or None
        That of the set of labels.

    Returns
    -------
    Labels
        The labels with `calibration`, and each value with its cut-offs.
    """
    if calibration is not None and not is_for(calibration, labels):
        calibration = None
    if calibration is None:
        calibration = as_answered(labels) if is_answer(labels) else cautious(labels)
    values = labels.values
    if calibration.kind != "answer":
        cutoffs = {(cutoff.value, cutoff.polarity): cutoff for cutoff in calibration.cutoffs}
        values = tuple(_draw(label, cutoffs, answered=is_answer(labels)) for label in values)
    return labels.model_copy(update={"values": values, "calibration": calibration})


def is_for(calibration: Calibration, labels: Labels) -> bool:
    """Whether a calibration is for the model of labels; one that names no checksum is for any model of that id."""
    return calibration.model in (labels.model, labels.source.model)


def is_answer(labels: Labels) -> bool:
    """Whether the states are answers of a language model, which has been asked for them.

    Where it was asked for a yes or no, only probabilities were read, so it named no state; such labels have logits.
    """
    return labels.figures is not None and not any(label.present_logit is not None for label in labels.values)


def as_answered(labels: Labels) -> Calibration:
    """Return the calibration of answers that stay as they are."""
    return Calibration(model=labels.model, kind="answer")


def choose(
    labels: Mapping[str, Labels], kind: Unvalidated | None, *, drawn: date, thresholds: Thresholds | None = None
) -> Calibration:
    """Return a calibration that needs no gold labels.

    Parameters
    ----------
    labels : mapping of str to Labels
        The labels of one set by post, at least one and each with values.
    kind : {"relative", "cautious", "own domain"} or None
        How to draw states; None means relative if there are `RELATIVE_FROM` posts, else cautious. The answers of a
        language model stay as they are.
    drawn : date
        The day.
    thresholds : mapping of (Value, Polarity) to float, optional
        The thresholds of the model, for the kind "own domain".

    Returns
    -------
    Calibration
        The calibration.
    """
    first = next(iter(labels.values()))
    if is_answer(first):
        return as_answered(first)
    if kind == "own domain":
        return own_domain(first.model, thresholds or {})
    if kind == "relative" or (kind is None and len(labels) >= RELATIVE_FROM):
        return relative(labels, drawn=drawn)
    return cautious(first)


def _draw(label: ValueLabel, cutoffs: Cutoffs, *, answered: bool) -> ValueLabel:
    of_present, of_conflicted = (cutoffs.get((label.value, polarity)) for polarity in Polarity)
    said = label.state
    present, present_from = _judge(label.present, label.present_logit, of_present, said is State.PRESENT)
    conflicted, conflicted_from = _judge(
        label.conflicted, label.conflicted_logit, of_conflicted, said is State.CONFLICTED
    )
    state = decide(
        present if of_present else None,
        conflicted if of_conflicted else None,
        present_from=present_from,
        conflicted_from=conflicted_from,
    )
    shown = {
        "present": present,
        "conflicted": conflicted,
        "present_from": None if present is None or _lacking(of_present) else present_from,
        "conflicted_from": None if conflicted is None or _lacking(of_conflicted) else conflicted_from,
        "state": state,
        "dominant": label.dominant if state is State.PRESENT else None,
        "evidence": _evidence(label, state, answered),
        "conflicted_evidence": (),
    }
    return label.model_copy(update=shown)


def _evidence(label: ValueLabel, state: State, answered: bool) -> tuple[str, ...]:
    """Return the lines for a state; a language model named lines for its own answer alone."""
    if answered:
        return label.evidence if state is label.state else ()
    return {State.PRESENT: label.evidence, State.CONFLICTED: label.conflicted_evidence}.get(state, ())


def _lacking(cutoff: Cutoff | None) -> bool:
    """Whether there is no cut-off: nothing is assessed, or the answer of a language model counts."""
    return cutoff is None or cutoff.probability is None


def _judge(
    probability: float | None, logit: float | None, cutoff: Cutoff | None, said: bool
) -> tuple[float | None, float]:
    """Return the probability shown and the one from which it is called.

    Without a cut-off it is not assessed; where the answer of a language model counts, it is if the model `said` so.
    """
    if probability is None or cutoff is None:
        return probability, NEVER
    if cutoff.probability is None:
        return probability, 0.0 if said else NEVER
    return calibrated(probability, logit, cutoff), cutoff.probability


def calibrated(probability: float, logit: float | None, cutoff: Cutoff) -> float:
    """Return a calibrated probability, with four digits.

    Parameters
    ----------
    probability : float
        The model's probability.
    logit : float or None
        The model's logit, if it is stored.
    cutoff : Cutoff
        The calibration.

    Returns
    -------
    float
        The probability that readers see.
    """
    if cutoff.slope == 1 and cutoff.intercept == 0:
        return probability
    own = logit_of(probability) if logit is None else logit
    return round(sigmoid(cutoff.slope * own + cutoff.intercept), 4)
