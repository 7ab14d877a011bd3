"""The training of one network on labelled texts.

A batch is one step of the optimiser; it is computed in parts of at most `step_tokens` tokens whose gradients add up, so
the memory needed does not depend on the batch size. The state of the trainable parameters is saved after each epoch, so
that an interrupted training can be resumed with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from valex_local.errors import ConfigError
from valex_local.files.atomic import replacing
from valex_local.files.removing import remove
from valex_local.training.network import Batch, LabelNetwork, Windows, parameter_groups

if TYPE_CHECKING:
    from accelerate import Accelerator

    from valex_local.system.devices import Device
    from valex_local.training.options import TrainingOptions

Inputs = Sequence[Windows | torch.Tensor]
Say = Callable[[str], None]
Shape = tuple[int, int]
"""The number of windows of a text, and the number of tokens of the longest."""

_NEIGHBOURS = 50
"""Number of batches whose texts are sorted by length together, so that a batch contains texts of similar length."""

_CLIP = 1.0
_STATE, _STEP = "state", "epoch.json"


def accelerator(device: Device, options: TrainingOptions) -> Accelerator:
    """Return an accelerator for the device, with the precision asked for."""
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)  # otherwise the first precision of the process is kept
    return Accelerator(mixed_precision=precision(device, options), cpu=device.kind == "cpu")


def precision(device: Device, options: TrainingOptions) -> str:
    """Return accelerate's name of the precision.

    Raises
    ------
    ConfigError
        Half precision was asked for on the CPU, where the library would silently ignore it.
    """
    if options.precision == "fp16" and device.kind == "cpu":
        raise ConfigError("fp16 works only on a GPU", hint="Choose --precision fp32 or bf16, or --device cuda")
    if options.precision != "auto":
        return "no" if options.precision == "fp32" else options.precision
    return "bf16" if device.kind == "cuda" and torch.cuda.is_bf16_supported() else "no"


def positive_weights(truth: NDArray[np.float64], kind: str) -> NDArray[np.float64]:
    """Return the weight of a positive for each output: negatives per positive to the power of 0, 1/2 or 1.

    Parameters
    ----------
    truth : ndarray of float64, shape (N, outputs)
        1, 0, or NaN where it is not known.
    kind : {"none", "sqrt", "balanced"}
        The power.
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
    say: Say = lambda _: None,
    auxiliary: NDArray[np.float64] | None = None,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    network : LabelNetwork
        The network.
    inputs : sequence
        For each text its windows, or their vectors if the encoder is frozen.
    truth : ndarray of float64, shape (N, outputs)
        1 or 0, or NaN where it is not known; those are ignored.
    options : TrainingOptions
        Options of the training.
    seed : int
        Seed of the order of the texts and of dropout.
    folder : Path
        Where the state is saved during the training; removed at the end.
    say : callable
        Called with the mean loss of each epoch.
    auxiliary : ndarray of float64, shape (N, auxiliary outputs), optional
        The same for the auxiliary outputs of the network.
    """
    from accelerate.utils import release_memory

    release_memory()  # an earlier training leaves reference cycles: weights, gradients, moments
    run = _Run(network, inputs, truth, options, seed=seed, auxiliary=auxiliary)
    state = folder / _STATE
    first = run.resume(state) if (state / _STEP).is_file() else 0
    for epoch in range(first, options.all_epochs):
        loss = run.epoch(epoch)
        say(f"epoch {epoch + 1} of {options.all_epochs}: loss {loss:.4f}")
        if epoch + 1 < options.all_epochs:
            run.save(state, epoch + 1)
    run.finish()
    remove(folder, inside=folder.parent)


class _Run:
    """The state of a training."""

    def __init__(
        self,
        network: LabelNetwork,
        inputs: Inputs,
        truth: NDArray[np.float64],
        options: TrainingOptions,
        *,
        seed: int,
        auxiliary: NDArray[np.float64] | None,
    ) -> None:
        torch.manual_seed(seed)
        self._inputs, self._options, self._seed = inputs, options, seed
        self._shapes = [_shape(windows) for windows in inputs]
        more = np.empty((len(truth), 0)) if auxiliary is None else auxiliary
        weights = np.repeat([1.0, options.auxiliary_weight], [truth.shape[1], more.shape[1]])
        truth = np.concatenate([truth, more], axis=1)
        self._truth = torch.from_numpy(truth.astype(np.float32))
        self._weights = torch.from_numpy((weights * ~np.isnan(truth)).astype(np.float32))
        self._accelerator = accelerator(network.device, options)
        self._positive = torch.from_numpy(positive_weights(truth, options.class_weights).astype(np.float32))
        optimiser = torch.optim.AdamW(parameter_groups(network, options))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        prepared: Any = self._accelerator.prepare(network, optimiser, schedule)
        self._network, self._optimiser, self._schedule = prepared
        self._accelerator.register_save_state_pre_hook(_drop_frozen)
        self._mean = _RunningMean(network, options.average) if options.average else None
        if self._mean is not None:
            self._accelerator.register_for_checkpointing(self._mean)

    def epoch(self, number: int) -> float:
        """Train on every text once and return the mean loss."""
        self._network.train()
        losses = []
        for rows in self._batches(np.random.default_rng((self._seed, number))):
            losses.append(self._step(rows) * len(rows))
        return sum(losses) / len(self._inputs)

    def _step(self, rows: Sequence[int]) -> float:
        known = float(self._weights[list(rows)].sum())
        total = 0.0
        for part in _parts(rows, self._shapes, self._options.step_tokens):
            logits = self._network(Batch.of([self._inputs[row] for row in part])).float()
            loss = self._loss(logits, part) / (known or 1)
            self._accelerator.backward(loss)
            total += loss.item()
        self._accelerator.clip_grad_norm_(self._network.parameters(), _CLIP)
        self._optimiser.step()
        self._schedule.step()
        self._optimiser.zero_grad()
        if self._mean is not None:
            self._mean.update(self._network)
        return total

    def _loss(self, logits: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        """Return the weighted sum of the cross-entropies of all known outputs of some texts."""
        truth, weights, positive = (
            each.to(logits.device) for each in (self._truth[rows], self._weights[rows], self._positive)
        )
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.nan_to_num(truth), pos_weight=positive, reduction="none"
        )
        return (each * weights).sum()

    def _rate(self, step: int) -> float:
        """Return the learning rate at a step as a fraction of the maximum: rising in the warm-up, then falling to 0."""
        steps = self._steps
        rise = self._options.warmup * steps
        return min(1.0, (step + 1) / max(rise, 1)) * max(0.0, 1 - step / steps)

    @property
    def _steps(self) -> int:
        return self._options.all_epochs * -(-len(self._inputs) // self._options.batch)

    def _batches(self, random: np.random.Generator) -> list[list[int]]:
        """Return the texts, in a new order, in batches of similar length."""
        order = random.permutation(len(self._inputs)).tolist()
        size = self._options.batch
        batches = []
        for near in _cut(order, size * _NEIGHBOURS):
            batches += _cut(sorted(near, key=lambda row: _tokens(self._shapes[row])), size)
        return [batches[i] for i in random.permutation(len(batches))]

    def finish(self) -> None:
        """Prepare the network for use."""
        if self._mean is not None:
            self._mean.apply(self._network)
        # Evaluate in full precision, as for labelling.
        self._accelerator.unwrap_model(self._network, keep_fp32_wrapper=False)
        self._accelerator.free_memory()

    def save(self, state: Path, epochs: int) -> None:
        """Save everything needed to resume after a number of epochs; the file with that number is written last."""
        with replacing(state) as fresh:
            fresh.mkdir(parents=True)
            self._accelerator.save_state(str(fresh))
            (fresh / _STEP).write_text(json.dumps({"epochs": epochs}), "utf-8")

    def resume(self, state: Path) -> int:
        """Load a saved state and return the number of epochs done."""
        self._accelerator.load_state(str(state), strict=False)  # it has no frozen parameters
        epochs: int = json.loads((state / _STEP).read_text("utf-8"))["epochs"]
        return epochs


def _drop_frozen(networks: list[torch.nn.Module], weights: list[dict[str, torch.Tensor]], _: str) -> None:
    """Remove frozen parameters from a state before it is saved; with a frozen encoder that is nearly everything."""
    for network, state in zip(networks, weights, strict=True):
        trainable = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        for name in state.keys() - trainable:
            del state[name]


class _RunningMean:
    """The running mean of the trainable parameters (Polyak averaging), which predicts better than the last state."""

    def __init__(self, network: LabelNetwork, decay: float) -> None:
        self._decay, self._steps = decay, 0
        self._mean = {n: p.detach().clone() for n, p in network.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, network: LabelNetwork) -> None:
        """Include the state after a step; the decay is smaller at first."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        for name, parameter in network.named_parameters():
            if name in self._mean:
                self._mean[name].lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def apply(self, network: LabelNetwork) -> None:
        """Replace the parameters by their mean."""
        for name, parameter in network.named_parameters():
            if name in self._mean:
                parameter.copy_(self._mean[name])

    def state_dict(self) -> dict[str, Any]:
        """Return the mean and the number of steps."""
        return {"steps": self._steps, "held": self._mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Load a mean and the number of steps."""
        self._steps = state["steps"]
        for name, tensor in state["held"].items():
            self._mean[name].copy_(tensor)


def predict_logits(network: LabelNetwork, inputs: Inputs, options: TrainingOptions) -> NDArray[np.float64]:
    """Return the logits of texts, with little padding.

    Parameters
    ----------
    network : LabelNetwork
        The network, which is set to evaluation mode.
    inputs : sequence
        For each text its windows, or their vectors if the encoder is frozen.
    options : TrainingOptions
        Batch size and maximum number of tokens.

    Returns
    -------
    ndarray of float64, shape (N, outputs)
        The logits.
    """
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
    """Return the number of windows of a text and of tokens of the longest; a vector counts as one token."""
    return len(windows), 1 if isinstance(windows, torch.Tensor) else max(map(len, windows))


def _tokens(shape: Shape) -> int:
    """Return the number of tokens of a text's windows, padded to the longest."""
    windows, longest = shape
    return windows * longest


def _parts(rows: Sequence[int], shapes: Sequence[Shape], most: int) -> Iterator[list[int]]:
    """Yield parts of a batch that have at most `most` tokens when padded, or consist of a single text."""
    part: list[int] = []
    shape = (0, 0)
    for row in rows:
        windows, longest = shapes[row]
        grown = shape[0] + windows, max(shape[1], longest)
        if part and _tokens(grown) > most:
            yield part
            part, grown = [], shapes[row]
        part.append(row)
        shape = grown
    if part:
        yield part


def _cut(items: list[Any], size: int) -> list[list[Any]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
