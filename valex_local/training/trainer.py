"""One training: from texts and what is known of them to a network that has learnt.

The batch is what the optimiser sees; it is computed in parts of at most `step_tokens` tokens whose gradients add up, so
the memory needed does not hang on it. After each epoch the state of what learns is kept, so that an interrupted
training goes on and ends as it would have.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from valex_local.errors import ConfigError
from valex_local.files.atomic import replacing
from valex_local.training.network import Batch, LabelNetwork, Windows, parameter_groups

if TYPE_CHECKING:
    from accelerate import Accelerator

    from valex_local.system.devices import Device
    from valex_local.training.options import TrainingOptions

Inputs = Sequence[Windows | torch.Tensor]
Said = Callable[[str], None]
Shape = tuple[int, int]
"""The number of windows of a text, and the tokens of the longest."""

_NEIGHBOURS = 50
"""Batches whose texts are sorted by length among each other, so that a batch holds texts of like length."""

_CLIP = 1.0
_STATE, _STEP = "state", "epoch.json"


def accelerator(device: Device, options: TrainingOptions) -> Accelerator:
    """Return what computes: on the device, in the precision asked for."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # it keeps the first precision of a process otherwise
    return Accelerator(mixed_precision=precision(device, options), cpu=device.kind == "cpu")


def precision(device: Device, options: TrainingOptions) -> str:
    """Return the precision of the computation as accelerate names it.

    Raises
    ------
    ConfigError
        Half precision was asked for on CPU, where the library would leave it out without a word.
    """
    if options.precision == "fp16" and device.kind == "cpu":
        raise ConfigError("fp16 is for cards", hint="Choose --precision fp32 or bf16, or --device cuda")
    if options.precision != "auto":
        return "no" if options.precision == "fp32" else options.precision
    return "bf16" if device.kind == "cuda" and torch.cuda.is_bf16_supported() else "no"


def positive_weights(truth: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return the weight of a positive of each output: negatives per positive to the power 0, 1/2 or 1.

    Parameters
    ----------
    truth : ndarray of float64, (N, outputs)
        1, 0 or NaN for not said.
    kind : {"none", "sqrt", "balanced"}
    """
    positives = np.nansum(truth, axis=0)
    known = (~np.isnan(truth)).sum(axis=0)
    power = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}[kind]
    ratio = (known - positives) / np.maximum(positives, 1)
    return np.asarray(np.maximum(ratio, 1e-3) ** power)


def train(
    network: LabelNetwork,
    inputs: Inputs,
    truth: NDArray[np.float64],
    options: TrainingOptions,
    *,
    seed: int,
    folder: Path,
    say: Said = lambda _: None,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    network : LabelNetwork
        What is to learn.
    inputs : sequence
        Of each text the windows, or their vectors where the encoder is frozen.
    truth : ndarray of float64, (N, outputs)
        1 where an output holds, 0 where not, NaN where nobody said: those do not count.
    seed : int
        Of the order of the texts and of dropout.
    folder : Path
        Where the state is kept until the training has ended; it is gone then.
    say : callable
        Hears the mean loss of each epoch.
    """
    from accelerate.utils import release_memory

    release_memory()  # what an earlier training leaves refers to itself: weights, gradients, moments
    run = _Run(network, inputs, truth, options, seed=seed)
    state = folder / _STATE
    first = run.resume(state) if (state / _STEP).is_file() else 0
    for epoch in range(first, options.all_epochs):
        loss = run.epoch(epoch)
        say(f"epoch {epoch + 1} of {options.all_epochs}: loss {loss:.4f}")
        if epoch + 1 < options.all_epochs:
            run.save(state, epoch + 1)
    run.finish()
    shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """The moving parts of a training."""

    def __init__(
        self,
        network: LabelNetwork,
        inputs: Inputs,
        truth: NDArray[np.float64],
        options: TrainingOptions,
        *,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self._inputs, self._options, self._seed = inputs, options, seed
        self._shapes = [_shape(windows) for windows in inputs]
        self._truth = torch.from_numpy(truth.astype(np.float32))
        self._accelerator = accelerator(network.device, options)
        self._weights = torch.from_numpy(positive_weights(truth, options.class_weights).astype(np.float32))
        optimiser = torch.optim.AdamW(parameter_groups(network, options))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        prepared: Any = self._accelerator.prepare(network, optimiser, schedule)
        self._network, self._optimiser, self._schedule = prepared
        self._accelerator.register_save_state_pre_hook(_keep_what_learns)
        self._mean = _RunningMean(network, options.average) if options.average else None
        if self._mean is not None:
            self._accelerator.register_for_checkpointing(self._mean)

    def epoch(self, number: int) -> float:
        """Show every text once and return the mean loss."""
        self._network.train()
        losses = []
        for rows in self._batches(np.random.default_rng((self._seed, number))):
            losses.append(self._step(rows) * len(rows))
        return sum(losses) / len(self._inputs)

    def _step(self, rows: Sequence[int]) -> float:
        known = int((~torch.isnan(self._truth[list(rows)])).sum())
        total = 0.0
        for part in _parts(rows, self._shapes, self._options.step_tokens):
            logits = self._network(Batch.of([self._inputs[row] for row in part])).float()
            loss = self._loss(logits, self._truth[part].to(logits.device)) / max(known, 1)
            self._accelerator.backward(loss)
            total += loss.item()
        self._accelerator.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()
        if self._mean is not None:
            self._mean.take(self._network)
        return total

    def _loss(self, logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """Return the sum of the cross-entropies of all outputs that are known."""
        known = ~torch.isnan(truth)
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.nan_to_num(truth), pos_weight=self._weights.to(logits.device), reduction="none"
        )
        return (each * known).sum()

    def _rate(self, step: int) -> float:
        """Return the share of the learning rate at a step: up over the warm-up, then down to nothing."""
        steps = self._steps
        rise = self._options.warmup * steps
        return min(1.0, (step + 1) / max(rise, 1)) * max(0.0, 1 - step / steps)

    @property
    def _steps(self) -> int:
        return self._options.all_epochs * -(-len(self._inputs) // self._options.batch)

    def _batches(self, random: np.random.Generator) -> list[list[int]]:
        """Part the texts, in a new order, into batches of texts of like length."""
        order = random.permutation(len(self._inputs)).tolist()
        size = self._options.batch
        batches = []
        for near in _cut(order, size * _NEIGHBOURS):
            batches += _cut(sorted(near, key=lambda row: _tokens(self._shapes[row])), size)
        return [batches[i] for i in random.permutation(len(batches))]

    def finish(self) -> None:
        """Leave the network as it shall be used."""
        if self._mean is not None:
            self._mean.give(self._network)
        # Judging is done in full precision, as labelling will be.
        self._accelerator.unwrap_model(self._network, keep_fp32_wrapper=False)
        self._accelerator.free_memory()

    def save(self, state: Path, epochs: int) -> None:
        """Keep everything a later process needs to go on after so many epochs; the last file vouches for the others."""
        with replacing(state) as fresh:
            fresh.mkdir(parents=True)
            self._accelerator.save_state(str(fresh))
            (fresh / _STEP).write_text(json.dumps({"epochs": epochs}), "utf-8")

    def resume(self, state: Path) -> int:
        """Take up what was kept and return after how many epochs it was."""
        self._accelerator.load_state(str(state), strict=False)  # what does not learn is not in it
        epochs: int = json.loads((state / _STEP).read_text("utf-8"))["epochs"]
        return epochs


def _keep_what_learns(networks: list[torch.nn.Module], weights: list[dict[str, torch.Tensor]], _: str) -> None:
    """Leave out of a state about to be written what stays as it was: with a frozen encoder that is nearly all."""
    for network, held in zip(networks, weights, strict=True):
        learns = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        for name in held.keys() - learns:
            del held[name]


class _RunningMean:
    """The running mean of what learns (Polyak averaging), which judges better than the last state."""

    def __init__(self, network: LabelNetwork, decay: float) -> None:
        self._decay, self._steps = decay, 0
        self._held = {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def take(self, network: LabelNetwork) -> None:
        """Take in the state after a step; early on the mean follows faster."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, parameter in network.named_parameters():
            if name in self._held:
                self._held[name].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def give(self, network: LabelNetwork) -> None:
        """Put the mean in the place of the last state."""
        for name, parameter in network.named_parameters():
            if name in self._held:
                parameter.copy_(self._held[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the mean and the steps taken."""
        return {"steps": self._steps, "held": self._held}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a mean."""
        self._steps = state["steps"]
        for name, tensor in state["held"].items():
            self._held[name].copy_(tensor)


def judge(network: LabelNetwork, inputs: Inputs, options: TrainingOptions) -> NDArray[np.float64]:
    """Return the logits of texts, (N, outputs), without padding where it would be waste."""
    network.eval()
    shapes = [_shape(windows) for windows in inputs]
    order = sorted(range(len(inputs)), key=lambda row: _tokens(shapes[row]))
    found = np.empty((len(inputs), network.head.out_features))
    with torch.inference_mode():
        for near in _cut(order, options.batch):
            for rows in _parts(near, shapes, options.step_tokens):
                found[rows] = network(Batch.of([inputs[row] for row in rows])).float().cpu().numpy()
    return found


def _shape(windows: Windows | torch.Tensor) -> Shape:
    """Return the number of windows of a text and the tokens of the longest; vectors cost as much as one token each."""
    return len(windows), 1 if isinstance(windows, torch.Tensor) else max(map(len, windows))


def _tokens(shape: Shape) -> int:
    """Return what a text costs: its windows, padded to the longest."""
    windows, longest = shape
    return windows * longest


def _parts(rows: Sequence[int], shapes: Sequence[Shape], most: int) -> Iterator[list[int]]:
    """Part a batch so that no part, padded, holds more than `most` tokens, unless one text alone does."""
    part: list[int] = []
    held = (0, 0)
    for row in rows:
        windows, longest = shapes[row]
        grown = held[0] + windows, max(held[1], longest)
        if part and _tokens(grown) > most:
            yield part
            part, grown = [], shapes[row]
        part.append(row)
        held = grown
    if part:
        yield part


def _cut(items: list[Any], size: int) -> list[list[Any]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
