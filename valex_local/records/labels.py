"""Labels, and the cut-offs from which states are drawn."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self

from pydantic import (
    Field,
    model_validator,
)

from valex_local.records.base import CleanText, Logit, Part, PlainName, Probability, Record
from valex_local.schwartz import CIRCLE, Polarity, State, Value


class ValueLabel(Part):
    """A route's result for one value. A probability is None where the route has no model for it.

    The logits are those of the probabilities, where the route computes them: they tell small probabilities apart.

    In the file, `state` is the route's own: by the thresholds of its model, or the answer of a language model. Whoever
    reads labels through `Study` gets the state that the study's `Calibration` draws, and in `present_from` and
    `conflicted_from`, which are never stored, the probabilities from which it calls one.

    In the file, a label model's `evidence` is that of presence, and `conflicted_evidence` that of conflict; a language
    model's `evidence` is that of its answer. Through `Study`, `evidence` is that of the state drawn.
    """

    value: Value
    present: Probability | None = None
    conflicted: Probability | None = None
    state: State = State.NOT_ASSESSED
    dominant: bool | None = None
    evidence: tuple[str, ...] = ()
    conflicted_evidence: tuple[str, ...] = ()
    present_logit: Logit | None = None
    conflicted_logit: Logit | None = None
    present_from: float | None = Field(default=None, exclude=True)
    conflicted_from: float | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _unassessed_has_no_judgement(self) -> Self:
        if self.present is None and self.state in (State.PRESENT, State.ABSENT):
            raise ValueError(f"{self.value}: {self.state.value} without a probability of presence")
        if self.conflicted is None and self.state is State.CONFLICTED:
            raise ValueError(f"{self.value}: conflicted without a probability of conflict")
        return self


class LabelSource(Part):
    """Which route and model the labels come from.

    `baseline` names the kind of baseline if the model is not a trained one. `domain` and `languages` are what it was
    trained (or, for a baseline, written) for.
    """

    route: str
    model: str
    baseline: CleanText | None = None
    domain: CleanText
    languages: tuple[str, ...] = ()


class LabelFigures(Part):
    """How many questions and tokens a language model needed for the labels of one post."""

    questions: int = 0
    asked_again: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0


StateKind = Literal["own domain", "relative", "cautious", "validated", "answer"]
"""How states are drawn from probabilities; `valex_local.states` explains each."""


class Cutoff(Part):
    """From which probability on one polarity of a value is called.

    Attributes
    ----------
    value : Value
        The value.
    polarity : Polarity
        Present or conflicted.
    probability : float or None
        The smallest probability that is called; above 1 if none is. None where the answer of a language model counts.
    mean : float or None
        Mean probability over the posts that the cut-offs were drawn from.
    slope, intercept : float
        The calibration: a logit x of the model counts as ``slope * x + intercept``.
    support : int or None
        Number of posts whose gold label is this polarity, if gold labels were used.
    """

    value: Value
    polarity: Polarity
    probability: float | None = Field(ge=0)
    mean: Probability | None = None
    slope: float = 1.0
    intercept: float = 0.0
    support: int | None = Field(default=None, ge=0)


class CalibrationFigure(Part):
    """A figure on the study's gold labels, with the states of before and with those of cross-validation."""

    figure: CleanText
    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float


class Calibration(Record):
    """How the states of one set of labels are drawn from its probabilities (calibration.<script>.<route>.json).

    Attributes
    ----------
    model : str
        The model that gave the labels, see `Labels.model`; those by another one are not affected.
    kind : StateKind
        How the states are drawn.
    drawn : date or None
        The day on which the cut-offs were drawn from posts; they depend on which posts the study had by then.
    posts : tuple of str
        The posts that they were drawn from; empty where they are the same for every study.
    cutoffs : tuple of Cutoff
        One for every polarity that the model assesses.
    figures : tuple of CalibrationFigure
        Figures of validation.
    """

    model: str
    kind: StateKind
    drawn: date | None = None
    posts: tuple[PlainName, ...] = ()
    cutoffs: tuple[Cutoff, ...] = ()
    figures: tuple[CalibrationFigure, ...] = ()


class Labels(Record):
    """A state for each of the 19 values, in circle order (labels.<script>.<route>.json); empty when skipped.

    `calibration`, which is never stored here, is what drew the states; None as long as they are the route's own.
    """

    script: str
    source: LabelSource
    values: tuple[ValueLabel, ...] = ()
    figures: LabelFigures | None = None
    calibration: Calibration | None = Field(default=None, exclude=True)

    @property
    def model(self) -> str:
        """Return the model as ``id@sha256``, which tells weights of one name apart; the id if no more is known."""
        made = {} if self.made_by is None else self.made_by.models
        return next(iter(made.values()), self.source.model)

    @model_validator(mode="after")
    def _all_values_or_none(self) -> Self:
        if self.values and tuple(label.value for label in self.values) != CIRCLE:
            raise ValueError("labels must hold all 19 values in circle order")
        return self
