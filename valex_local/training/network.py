"""The network to train: an encoder over windows, and a head with the outputs that have enough support."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
"""The token ids of a text, one list per window."""

_LORA_SCALE = 2


@dataclass(frozen=True)
class Batch:
    """The network's input for some texts.

    Attributes
    ----------
    windows : list of list of int, or Tensor
        Token ids of all windows; or, if the encoder is frozen, their vectors, float32 (windows, hidden).
    owners : Tensor
        The text that each window belongs to, int64 (windows,).
    texts : int
        Number of texts.
    """

    windows: list[list[int]] | torch.Tensor
    owners: torch.Tensor
    texts: int

    @classmethod
    def of(cls, inputs: Sequence[Windows | torch.Tensor]) -> Batch:
        """Return a batch of texts, each given as the token ids or the vectors of its windows."""
        owners = torch.tensor([row for row, windows in enumerate(inputs) for _ in windows], dtype=torch.int64)
        vectors = [windows for windows in inputs if isinstance(windows, torch.Tensor)]
        if vectors:
            return cls(torch.cat(vectors), owners, len(inputs))
        return cls([list(ids) for windows in inputs for ids in windows], owners, len(inputs))


class LabelNetwork(nn.Module):
    """Encoder and head; the logit of a text is the maximum over its windows, so a decisive passage counts anywhere.

    Parameters
    ----------
    encoder : TextEncoder
        Tokenizer, network and pooling.
    outputs : int
        Number of outputs of the head.
    options : TrainingOptions
        Mode and dropout.
    auxiliary : int
        Number of auxiliary outputs, which only the training uses.
    """

    def __init__(self, encoder: TextEncoder, outputs: int, options: TrainingOptions, auxiliary: int = 0) -> None:
        super().__init__()
        self._text_encoder = encoder
        self._mode: Mode = options.mode
        self.encoder: Any = _trainable(encoder.model, options)
        encoder.model = self.encoder  # so that the text encoder computes with the weights that are trained
        self.dropout = nn.Dropout(options.dropout)
        # All seeds start from the same weights, so that their results can be averaged.
        self.head = _zeros(encoder.hidden, outputs)
        self.auxiliary = _zeros(encoder.hidden, auxiliary) if auxiliary else None
        self.to(encoder.device.kind)

    @property
    def device(self) -> Device:
        """The device it computes on."""
        return self._text_encoder.device

    def forward(self, batch: Batch) -> torch.Tensor:
        """Return the logits of the texts of a batch, (texts, outputs); in training with the auxiliary outputs last."""
        device = self.head.weight.device
        if isinstance(batch.windows, torch.Tensor):
            vectors = batch.windows.to(device)
        else:
            ids, mask = self._text_encoder.padded(batch.windows)
            vectors = self._text_encoder.pooled(self._text_encoder.states(ids, mask), mask)
        hidden = self.dropout(vectors.to(self.head.weight.dtype))
        logits = self.head(hidden)
        if self.auxiliary is not None and self.training:
            logits = torch.cat([logits, self.auxiliary(hidden)], dim=1)
        owners = batch.owners.to(device)[:, None].expand_as(logits)
        lowest = logits.new_full((batch.texts, logits.shape[1]), -torch.inf)
        largest: torch.Tensor = lowest.scatter_reduce(0, owners, logits, "amax")
        return largest

    def train(self, mode: bool = True) -> LabelNetwork:
        """Set the network to training or evaluation mode; a frozen encoder never uses dropout."""
        super().train(mode)
        if self._mode == "frozen":
            self.encoder.eval()
        return self

    def merge(self) -> None:
        """Merge LoRA weights into the encoder's own; afterwards the network cannot be trained further."""
        if self._mode == "lora":
            self.encoder = self._text_encoder.model = self.encoder.merge_and_unload()

    def tuned(self) -> dict[str, torch.Tensor]:
        """Return the tensors of the encoder that changed, by name and on the CPU; call `merge` first."""
        if self._mode == "frozen":
            return {}
        names = self._tuned_names
        return {n: t.detach().cpu().clone() for n, t in self.encoder.state_dict().items() if n in names}

    def load_tuned(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Replace tensors of the encoder; call `merge` first."""
        self.encoder.load_state_dict(tensors, strict=False)

    @property
    def _tuned_names(self) -> set[str]:
        if self._mode == "lora":
            weights = [n for n, _ in self.encoder.named_parameters() if n.endswith(".weight") and not _is_pooler(n)]
            return {n for n in weights if isinstance(self.encoder.get_submodule(n.removesuffix(".weight")), nn.Linear)}
        return {n for n, p in self.encoder.named_parameters() if p.requires_grad}


def _zeros(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _trainable(model: Any, options: TrainingOptions) -> Any:
    """Return the encoder, with the parts that the mode trains made trainable."""
    model.requires_grad_(options.mode == "full")
    if options.freeze_embeddings:
        getattr(model, "embeddings", model.get_input_embeddings()).requires_grad_(False)
    for name, parameter in model.named_parameters():
        if _is_pooler(name):  # not used here, and random if the files lack it
            parameter.requires_grad_(False)
    if options.mode == "lora":
        return _with_lora(model, options.lora_rank)
    return model


def _with_lora(model: Any, rank: int) -> Any:
    from peft import LoraConfig, get_peft_model

    try:
        return get_peft_model(
            model, LoraConfig(r=rank, lora_alpha=_LORA_SCALE * rank, lora_dropout=0.0, target_modules="all-linear")
        )
    except ValueError as error:
        raise ModelError(
            f"LoRA does not support encoders of the type {model.config.model_type} ({error})",
            hint="Train with --mode full or --mode frozen",
        ) from error


def _is_pooler(name: str) -> bool:
    return "pooler" in name.split(".")


def parameter_groups(network: LabelNetwork, options: TrainingOptions) -> list[dict[str, Any]]:
    """Return the trainable parameters, in groups with their learning rate and weight decay.

    The head has its own learning rate; each layer of the encoder has `layer_decay` times the rate of the one above
    (Howard and Ruder 2018, discriminative fine-tuning). Biases and scales of normalisation have no weight decay.
    """
    layers = int(getattr(network.encoder.config, "num_hidden_layers", 0))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in _trainable_parameters(network):
        depth = _layer(name)
        above = layers - 1 - depth if depth is not None else layers
        is_head = name.startswith(("head.", "auxiliary."))
        rate = options.head_learning_rate if is_head else options.rate * options.layer_decay**above
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": ps, "lr": rate, "weight_decay": decay} for (rate, decay), ps in groups.items()]


def _trainable_parameters(network: nn.Module) -> Iterable[tuple[str, nn.Parameter]]:
    return ((name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad)


def _layer(name: str) -> int | None:
    """Return the number of the layer that a parameter belongs to, if any."""
    parts = name.split(".")
    numbers = [part for before, part in pairwise(parts) if before in ("layer", "layers", "block")]
    return int(numbers[0]) if numbers and numbers[0].isdecimal() else None
