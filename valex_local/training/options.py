"""Every option of a training, once: the command line, the recipe file and the Python interface all read this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from valex_local.settings import Section, build

Mode = Literal["frozen", "lora", "full"]

_EPOCHS: dict[Mode, int] = {"frozen": 60, "lora": 10, "full": 4}
_LEARNING_RATE: dict[Mode, float] = {"frozen": 1e-3, "lora": 2e-4, "full": 2e-5}


class TrainingOptions(Section):
    """How a label model is trained and tried. Equal options, data and encoder give an equal model on CPU."""

    mode: Mode = Field(default="full", description="What is trained: the head alone, low-rank additions, or all")
    epochs: int | None = Field(default=None, ge=1, description="Passes over the data; by the mode when left out")
    learning_rate: float | None = Field(default=None, gt=0, description="Of the encoder; by the mode when left out")
    head_learning_rate: float = Field(default=1e-3, gt=0, description="Of the head")
    layer_decay: float = Field(default=1.0, gt=0, le=1, description="Each layer learns at this share of the one above")
    freeze_embeddings: bool = Field(default=False, description="Leave the token embeddings of the encoder as they are")
    lora_rank: int = Field(default=16, ge=1, description="Rank of the additions of the mode lora")
    adapt: int = Field(default=0, ge=0, description="Epochs of masked-language training on all texts before")

    batch: int = Field(default=16, ge=1, description="Texts per step of the optimiser")
    step_tokens: int = Field(default=8192, ge=64, description="Most tokens computed at once; larger batches accumulate")
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(default=0.1, ge=0, lt=1, description="Share of the steps over which the rate rises")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Before the head; the encoder keeps its own")
    average: float = Field(default=0.0, ge=0, lt=1, description="Decay of the running mean of the weights; 0: none")
    class_weights: Literal["none", "sqrt", "balanced"] = Field(
        default="sqrt", description="Weight of a positive: 1, the root of negatives per positive, or all of it"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto", description="Of the computation; auto is bf16 on a card that has it, else fp32"
    )

    pooling: Literal["mean", "cls"] = Field(default="mean", description="How token vectors become that of a window")
    window: int | None = Field(default=None, ge=8, description="Tokens per window; as many as the encoder takes")
    overlap: int | None = Field(default=None, ge=0, description="Tokens two windows share; a quarter of the window")

    min_support: int = Field(default=30, ge=1, description="Fewer texts leave a polarity of a value out")
    group: str = Field(default="author", description="What folds never part: author, genre, a column, none")
    folds: int | None = Field(default=5, ge=2, description="Folds; left out, each group is a fold of its own")
    inner: int = Field(default=8, ge=2, description="One part in so many of a fold's training data tunes thresholds")
    seeds: int = Field(default=3, ge=1, description="Repetitions of the folds, and runs whose weights are averaged")
    seed: int = Field(default=0, ge=0, description="The first seed")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.window is not None and self.overlap is not None and self.overlap > self.window // 2:
            raise ValueError(f"overlap must be at most half the window, {self.window // 2}")
        return self

    @property
    def all_epochs(self) -> int:
        """Passes over the data, the mode's where none were given."""
        return self.epochs or _EPOCHS[self.mode]

    @property
    def rate(self) -> float:
        """Learning rate of the encoder, the mode's where none was given."""
        return self.learning_rate or _LEARNING_RATE[self.mode]

    @property
    def all_seeds(self) -> range:
        """The seeds of the repetitions."""
        return range(self.seed, self.seed + self.seeds)


EACH = "each"
"""As a number of folds: each group is a fold of its own."""


def training_options(given: Mapping[str, Any]) -> TrainingOptions:
    """Build the options of a training; with the groups ``genre``, which are few, each is a fold of its own.

    Raises
    ------
    ConfigError
        An option is unknown or out of its bounds.
    """
    data = dict(given)
    if data.get("folds") == EACH or ("folds" not in data and data.get("group") == "genre"):
        data["folds"] = None
    return build(TrainingOptions, data)
