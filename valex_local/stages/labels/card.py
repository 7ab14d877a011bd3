"""The model card of a label model, ``labels.json``, and its validation.

The directory of a label model contains

    labels.json        this card
    head.safetensors   `weight` of shape (outputs, hidden) and `bias` of shape (outputs,)
    config.json, model.safetensors, tokenizer files
                       the encoder, if `encoder` is "."; otherwise it is another model of the store, named by id
    tuned.safetensors  tensors that replace or change those of an encoder of the store; only if training changed some

The probability of output row i is ``sigmoid(weight[i] @ h + bias[i])`` for the pooled token vectors h of a window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from valex_local.errors import InputError, ModelError
from valex_local.files.text import read_raw
from valex_local.files.validation import explain
from valex_local.records import CleanText
from valex_local.schwartz import CIRCLE, Polarity, Value

CARD = "labels.json"
HEAD = "head.safetensors"
TUNED = "tuned.safetensors"
OWN_ENCODER = "."


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OutputRow(_Table):
    """A row of the head, the threshold of its probability, and the number of positive texts in training."""

    row: int = Field(ge=0)
    threshold: float = Field(ge=0, le=1)
    support: int | None = Field(default=None, ge=0)


class ValueOutputs(_Table):
    """The outputs of one value; None for a polarity that the model does not assess."""

    present: OutputRow | None = None
    conflicted: OutputRow | None = None

    def of(self, polarity: Polarity) -> OutputRow | None:
        """Return the output of a polarity."""
        return self.present if polarity is Polarity.PRESENT else self.conflicted


class CardFigure(_Table):
    """A figure the model reached, and on which data; `low` and `high` bound its interval, if one is known."""

    on: CleanText
    figure: CleanText
    value: float
    low: float | None = None
    high: float | None = None


class UnassessedPolarity(_Table):
    """A polarity of a value that the model does not assess, because too few texts showed it."""

    value: Value
    polarity: Polarity
    support: int = Field(ge=0)


class ModelCard(_Table):
    """The card of a label model.

    Attributes
    ----------
    format : int
        Version of the directory's format.
    name : str
        Display name.
    baseline : str or None
        The kind of baseline; None for a trained model.
    domain : str
        The kind of text it was trained (a baseline: written) for.
    languages : tuple of str
        ISO 639-1 codes of that text.
    encoder : str
        ``"."`` for an encoder in the same directory, else the id of a model of the store.
    pooling : {"mean", "cls"}
        How token vectors become the vector of a window: their mean, or the vector of the first token.
    normalise : bool
        Whether that vector is scaled to length 1.
    window : int
        Tokens per window, special tokens included.
    overlap : int
        Tokens that two neighbouring windows share.
    pool_windows : {"max", "mean"}
        How the probabilities of the windows are combined into that of the script.
    outputs : dict of Value to ValueOutputs
        The rows of the head. Values that are left out are not assessed.
    left_out : tuple of UnassessedPolarity
        Polarities that were left out of training for lack of support.
    data : tuple of str
        The training data, with sizes and licences.
    measured : tuple of CardFigure
        Figures that it reached.
    limits : tuple of str
        What it should not be used for.
    """

    format: Literal[1] = 1
    name: CleanText
    baseline: CleanText | None = None
    domain: CleanText
    languages: tuple[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")], ...] = ()
    encoder: str = OWN_ENCODER
    pooling: Literal["mean", "cls"] = "mean"
    normalise: bool = False
    window: int = Field(ge=8)
    overlap: int = Field(ge=0)
    pool_windows: Literal["max", "mean"] = "max"
    outputs: dict[Value, ValueOutputs] = Field(min_length=1)
    left_out: tuple[UnassessedPolarity, ...] = ()
    data: tuple[CleanText, ...] = ()
    measured: tuple[CardFigure, ...] = ()
    limits: tuple[CleanText, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.overlap > self.window // 2:
            raise ValueError(f"overlap must be at most half the window, {self.window // 2}")
        rows = [output.row for output in self.rows.values()]
        if not rows:
            raise ValueError("outputs: no value has an output")
        if sorted(rows) != list(range(len(rows))):
            raise ValueError(f"outputs: the rows must be 0 to {len(rows) - 1}, each once")
        return self

    @property
    def rows(self) -> dict[tuple[Value, Polarity], OutputRow]:
        """The outputs there are, by value (in circle order) and polarity."""
        found = {(v, p): self.outputs[v].of(p) for v in CIRCLE if v in self.outputs for p in Polarity}
        return {key: output for key, output in found.items() if output is not None}

    def to_json(self) -> str:
        """Return the card as indented JSON that ends in a newline."""
        return self.model_dump_json(indent=1, exclude_none=True) + "\n"


def read_card(folder: Path) -> ModelCard:
    """Return the card in the directory of a label model.

    Raises
    ------
    ModelError
        There is none, or it is wrong; the message names each wrong key and the nearest known one.
    """
    path = folder / CARD
    try:
        return ModelCard.model_validate_json(read_raw(path))
    except InputError as error:
        what = error.what if path.exists() else f"this label model has no {CARD}"
        raise ModelError(what, path=path, hint="Add the whole directory that training wrote") from error
    except ValidationError as error:
        hint = "Fix the file, or train the model again"
        raise ModelError(explain(ModelCard, error), path=path, hint=hint) from error
