"""All options of a training, defined once for the command line, the recipe file and the Python interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from valex_local.evaluation.support import MIN_SUPPORT, support_count, support_given
from valex_local.settings import Section, build

Mode = Literal["frozen", "lora", "full"]

_EPOCHS: dict[Mode, int] = {"frozen": 60, "lora": 10, "full": 4}
_LEARNING_RATE: dict[Mode, float] = {"frozen": 1e-3, "lora": 2e-4, "full": 2e-5}


class TrainingOptions(Section):
    """How a label model is trained and evaluated. Equal options, data and encoder give an equal model on the CPU."""

    mode: Mode = Field(default="full", description="What is trained: only the head, LoRA weights, or everything")
    epochs: int | None = Field(
        default=None, ge=1, description="Passes over the data; depends on the mode when left out"
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="Learning rate of the encoder; depends on the mode when left out"
    )
    head_learning_rate: float = Field(default=1e-3, gt=0, description="Learning rate of the head")
    layer_decay: float = Field(
        default=1.0, gt=0, le=1, description="Learning rate of a layer, as a fraction of that of the layer above"
    )
    freeze_embeddings: bool = Field(default=False, description="Do not train the encoder's token embeddings")
    lora_rank: int = Field(default=16, ge=1, description="Rank of the weights of the mode lora")
    slim_rank: int | None = Field(
        default=None,
        ge=1,
        description="Rank to which a slim model reduces the change of a matrix. When left out, whole matrices; in the "
        "mode lora the rank of the change, so that nothing is lost",
    )
    adapt: int = Field(default=0, ge=0, description="Epochs of masked-language training on all texts beforehand")

    batch: int = Field(default=16, ge=1, description="Texts per step of the optimiser")
    step_tokens: int = Field(
        default=8192,
        ge=64,
        description="Maximum tokens computed at once; larger batches accumulate gradients",
    )
    weight_decay: float = Field(default=0.01, ge=0)
    warmup: float = Field(
        default=0.1, ge=0, lt=1, description="Fraction of the steps over which the learning rate rises"
    )
    dropout: float = Field(default=0.1, ge=0, lt=1, description="Dropout before the head; the encoder keeps its own")
    average: float = Field(
        default=0.0, ge=0, lt=1, description="Decay of the running mean of the weights; 0 turns it off"
    )
    class_weights: Literal["none", "sqrt", "balanced"] = Field(
        default="sqrt",
        description="Weight of a positive: 1, the square root of negatives per positive, or negatives per positive",
    )
    auxiliary_weight: float = Field(
        default=0.5, gt=0, description="Weight of an auxiliary label in the loss, compared with that of a value"
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto", description="Precision of the computation; auto is bf16 on a GPU that supports it, else fp32"
    )

    pooling: Literal["mean", "cls"] = Field(
        default="mean", description="How the vectors of tokens are combined into that of a window"
    )
    window: int | None = Field(
        default=None, ge=8, description="Tokens per window; as many as the encoder takes when left out"
    )
    overlap: int | None = Field(
        default=None, ge=0, description="Tokens that two windows share; a quarter of the window when left out"
    )

    min_support: Annotated[int | str, BeforeValidator(support_given)] = Field(
        default=MIN_SUPPORT,
        description="A polarity of a value that fewer texts show is not trained: a number, or a share such as 5%",
    )
    group: str = Field(default="author", description="What folds never split: author, genre, a column, or none")
    folds: int | None = Field(default=5, ge=2, description="Number of folds; when left out, each group is its own fold")
    tested_folds: int | None = Field(
        default=None,
        ge=1,
        description="Test only this many of the folds, once instead of for each seed: faster, but on fewer texts",
    )
    inner: int = Field(
        default=8, ge=2, description="One in this many parts of a fold's training data is used to tune thresholds"
    )
    seeds: int = Field(
        default=3, ge=1, description="Number of repetitions of the folds, and of runs whose weights are averaged"
    )
    seed: int = Field(default=0, ge=0, description="The first seed")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.window is not None and self.overlap is not None and self.overlap > self.window // 2:
            raise ValueError(f"overlap must be at most half the window, {self.window // 2}")
        if self.tested_folds is not None and (self.folds is None or self.tested_folds >= self.folds):
            raise ValueError("tested_folds must be less than folds; leave it out to test all of them")
        return self

    @property
    def all_epochs(self) -> int:
        """Passes over the data; the mode's default if none were given."""
        return self.epochs or _EPOCHS[self.mode]

    @property
    def rate(self) -> float:
        """Learning rate of the encoder; the mode's default if none was given."""
        return self.learning_rate or _LEARNING_RATE[self.mode]

    @property
    def all_seeds(self) -> range:
        """The seeds of the repetitions."""
        return range(self.seed, self.seed + self.seeds)

    @property
    def tested_seeds(self) -> range:
        """The seeds whose folds are tested: all, or only the first if not all folds are."""
        return self.all_seeds if self.tested_folds is None else range(self.seed, self.seed + 1)


def support_note(options: TrainingOptions, texts: int) -> tuple[str, ...]:
    """Return a line for the model card on the support that a value needs, if it was given as a share of the texts."""
    if isinstance(options.min_support, int):
        return ()
    share, least = options.min_support.removesuffix("%"), support_count(options.min_support, texts)
    return (f"values with a support of {least:,} or more: {share} % of {texts:,} texts, rounded up",)


EACH = "each"
"""The number of folds that makes each group its own fold."""


def training_options(given: Mapping[str, Any]) -> TrainingOptions:
    """Return the options of a training; if texts are grouped by ``genre``, each genre is its own fold by default.

    Raises
    ------
    ConfigError
        An option is unknown or out of bounds.
    """
    data = dict(given)
    if data.get("folds") == EACH or ("folds" not in data and data.get("group") == "genre"):
        data["folds"] = None
    return build(TrainingOptions, data)
