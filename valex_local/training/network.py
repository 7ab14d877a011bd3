"""The network that learns: an encoder over windows, and a head for the outputs that have support."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from valex_local.errors import ModelError
from valex_local.training.options import Mode

if TYPE_CHECKING:
    from valex_local.stages.labels.text_encoder import TextEncoder
    from valex_local.system.devices import Device
    from valex_local.training.options import TrainingOptions

Windows = Sequence[list[int]]
"""The token ids of a text, a list a window."""

_LORA_SCALE = 2


@dataclass(frozen=True)
class Batch:
    """Some texts, ready for the network.

    Attributes
    ----------
    windows : list of list of int, or Tensor
        Token ids of all windows; or, where the encoder is frozen, their vectors, float32 (windows, hidden).
    owners : Tensor
        The text each window belongs to, int64 (windows,).
    texts : int
        Number of texts.
    """

    windows: list[list[int]] | torch.Tensor
    owners: torch.Tensor
    texts: int

    @classmethod
    def of(cls, inputs: Sequence[Windows | torch.Tensor]) -> Batch:
        """Put texts together: token ids of their windows, or the windows' vectors."""
        owners = torch.tensor([row for row, windows in enumerate(inputs) for _ in windows], dtype=torch.int64)
        vectors = [windows for windows in inputs if isinstance(windows, torch.Tensor)]
        if vectors:
            return cls(torch.cat(vectors), owners, len(inputs))
        return cls([list(ids) for windows in inputs for ids in windows], owners, len(inputs))


class LabelNetwork(nn.Module):
    """Encoder and head; the logit of a text is the largest of its windows', so that a decisive passage counts anywhere.

    Parameters
    ----------
    encoder : TextEncoder
        Tokenizer, network and pooling.
    outputs : int
        Rows of the head.
    options : TrainingOptions
        The mode, and dropout.
    """

    def __init__(self, encoder: TextEncoder, outputs: int, options: TrainingOptions) -> None:
        super().__init__()
        self._tools = encoder
        self._mode: Mode = options.mode
        self.encoder: Any = _trainable(encoder.model, options)
        encoder.model = self.encoder  # what the tools compute with is what learns
        self.dropout = nn.Dropout(options.dropout)
        self.head = nn.Linear(encoder.hidden, outputs)
        # The same beginning for all seeds, so that their weights can be averaged.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.to(encoder.device.kind)

    @property
    def device(self) -> Device:
        """Where it computes."""
        return self._tools.device

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return the logits of the texts of a batch, (texts, outputs)."""
        device = self.head.weight.device
        if isinstance(batch.windows, torch.Tensor):
            vectors = batch.windows.to(device)
        else:
            ids, mask = self._tools.padded(batch.windows)
            vectors = self._tools.pooled(self._tools.states(ids, mask), mask)
        logits = self.head(self.dropout(vectors.to(self.head.weight.dtype)))
        owners = batch.owners.to(device)[:, None].expand_as(logits)
        lowest = logits.new_full((batch.texts, logits.shape[1]), -torch.inf)
        largest: torch.Tensor = lowest.scatter_reduce(0, owners, logits, "amax")
        return largest

    def train(self, mode: bool = True) -> LabelNetwork:
        """Set the network to learn or to judge; a frozen encoder never drops anything."""
        super().train(mode)
        if self._mode == "frozen":
            self.encoder.eval()
        return self

    def merge(self) -> None:
        """Work low-rank additions into the encoder's own weights; after it the network judges, and learns no more."""
        if self._mode == "lora":
            self.encoder = self._tools.model = self.encoder.merge_and_unload()

    def tuned(self) -> dict[str, torch.Tensor]:
        """Return the tensors of the encoder that learnt, by their names in it, on CPU; after `merge`."""
        if self._mode == "frozen":
            return {}
        names = self._tuned_names
        return {n: t.detach().cpu().clone() for n, t in self.encoder.state_dict().items() if n in names}

    @property
    def _tuned_names(self) -> set[str]:
        if self._mode == "lora":
            weights = [n for n, _ in self.encoder.named_parameters() if n.endswith(".weight") and not _is_pooler(n)]
            return {n for n in weights if isinstance(self.encoder.get_submodule(n.removesuffix(".weight")), nn.Linear)}
        return {n for n, p in self.encoder.named_parameters() if p.requires_grad}


def _trainable(model: Any, options: TrainingOptions) -> Any:
    """Make the part of an encoder trainable that the mode says."""
    model.requires_grad_(options.mode == "full")
    if options.freeze_embeddings:
        getattr(model, "embeddings", model.get_input_embeddings()).requires_grad_(False)
    for name, parameter in model.named_parameters():
        if _is_pooler(name):  # not used here, and noise where the files lack it
            parameter.requires_grad_(False)
    if options.mode == "lora":
        return _with_additions(model, options.lora_rank)
    return model


def _with_additions(model: Any, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model

    try:
        return get_peft_model(
            model, LoraConfig(r=rank, lora_alpha=_LORA_SCALE * rank, lora_dropout=0.0, target_modules="all-linear")
        )
    except ValueError as error:
        raise ModelError(
            f"no low-rank additions fit this kind of encoder, {model.config.model_type} ({error})",
            hint="Train with --mode full or --mode frozen",
        ) from error


def _is_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def parameter_groups(network: LabelNetwork, options: TrainingOptions) -> list[dict[str, Any]]:
    """Return what learns, in groups with the learning rate and weight decay of each.

    The head learns at a rate of its own; each layer of the encoder at `layer_decay` times the rate of the one above
    (Howard and Ruder 2018, discriminative fine-tuning). Biases and scales of normalisation do not decay.
    """
    layers = int(getattr(network.encoder.config, "num_hidden_layers", 0))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in _learning(network):
        depth = _layer(name)
        above = 0 if name.startswith("head.") else layers - 1 - depth if depth is not None else layers
        rate = options.head_learning_rate if name.startswith("head.") else options.rate * options.layer_decay**above
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": ps, "lr": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def _learning(network: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad)


def _layer(name: str) -> int | None:
    """Return the number of the layer a parameter lies in, None where it lies in none."""
    parts = name.split(".")
    numbers = [part for before, part in pairwise(parts) if before in ("layer", "layers", "block")]
    return int(numbers[0]) if numbers and numbers[0].isdecimal() else None
