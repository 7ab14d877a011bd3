"""Cut-offs that need no gold labels: from a model's thresholds, from the posts of a study, or the same for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from statistics import fmean, stdev

from valex_local.records import Calibration, Cutoff, Labels, ValueLabel
from valex_local.schwartz import Polarity, Value
from valex_local.states.logits import logit_of, sigmoid

RELATIVE_FROM = 30
"""Number of posts from which their mean and spread are known well enough to draw relative states."""

CAUTIOUS = 0.6
"""Probability from which a value is called in smaller studies."""

STANDS_OUT = 1.8
"""A value stands out where its logit is this many standard deviations above the mean over the study's posts."""

LOWEST, HIGHEST = 0.25, 0.9
"""Bounds of a relative cut-off: what no post shows does not stand out, and what is nearly certain is always called."""

_PRIOR_POSTS = 10
"""A relative cut-off is drawn towards `CAUTIOUS` as if this many further posts had that cut-off."""

COMMON = 0.4
"""Mean probability from which a value may be so common in a study that relative states hide it."""

Thresholds = Mapping[tuple[Value, Polarity], float]


def cautious(labels: Labels) -> Calibration:
    """Return the calibration with one cut-off for everything that labels assess."""
    cutoffs = tuple(Cutoff(value=v, polarity=p, probability=CAUTIOUS) for v, p in _assessed(labels.values))
    return Calibration(model=labels.model, kind="cautious", cutoffs=cutoffs)


def own_domain(model: str, thresholds: Thresholds) -> Calibration:
    """Return the calibration with the thresholds of the model.

    Parameters
    ----------
    model : str
        The model, as `Labels.model` states it.
    thresholds : mapping of (Value, Polarity) to float
        Those of the model's card.
    """
    cutoffs = tuple(Cutoff(value=v, polarity=p, probability=t) for (v, p), t in thresholds.items())
    return Calibration(model=model, kind="own domain", cutoffs=cutoffs)


def relative(labels: Mapping[str, Labels], *, drawn: date) -> Calibration:
    """Return the calibration that calls a value where it stands out among the posts.

    Parameters
    ----------
    labels : mapping of str to Labels
        The labels of one set by post, each with values.
    drawn : date
        The day.

    Returns
    -------
    Calibration
        With a cut-off `STANDS_OUT` standard deviations above the mean logit of each polarity, drawn a little towards
        `CAUTIOUS` and between `LOWEST` and `HIGHEST`. ``python -m benchmarks.states`` measures how good that is.
    """
    first = next(iter(labels.values()))
    by_output: dict[tuple[Value, Polarity], list[tuple[float, float]]] = {}
    for record in labels.values():
        for label in record.values:
            for polarity, probability, logit in outputs(label):
                by_output.setdefault((label.value, polarity), []).append((probability, logit))
    cutoffs = tuple(_stands_out(*output, found) for output, found in by_output.items())
    return Calibration(model=first.model, kind="relative", drawn=drawn, posts=tuple(sorted(labels)), cutoffs=cutoffs)


def common(calibration: Calibration) -> Iterator[Cutoff]:
    """Yield the relative cut-offs that hide a common value, which their mean tells."""
    yield from (cutoff for cutoff in calibration.cutoffs if cutoff.mean is not None and cutoff.mean >= COMMON)


def _stands_out(value: Value, polarity: Polarity, found: Sequence[tuple[float, float]]) -> Cutoff:
    logits = [logit for _, logit in found]
    weight = len(found) / (len(found) + _PRIOR_POSTS)
    own = fmean(logits) + STANDS_OUT * (stdev(logits) if len(logits) > 1 else 0)
    cutoff = sigmoid(weight * own + (1 - weight) * logit_of(CAUTIOUS))
    bounded = min(max(cutoff, LOWEST), HIGHEST)
    return Cutoff(value=value, polarity=polarity, probability=bounded, mean=fmean(p for p, _ in found))


def _assessed(values: Sequence[ValueLabel]) -> Iterator[tuple[Value, Polarity]]:
    return ((label.value, polarity) for label in values for polarity, _, _ in outputs(label))


def outputs(label: ValueLabel) -> Iterator[tuple[Polarity, float, float]]:
    """Yield polarity, probability and logit of what a label assesses."""
    for polarity, probability, logit in (
        (Polarity.PRESENT, label.present, label.present_logit),
        (Polarity.CONFLICTED, label.conflicted, label.conflicted_logit),
    ):
        if probability is not None:
            yield polarity, probability, logit_of(probability) if logit is None else logit
