"""A label model: a text encoder with a linear head, and the thresholds that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from valex_local.errors import ModelError
from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, Value, decide
from valex_local.stages.labels.card import CARD, HEAD, OWN_ENCODER, TUNED, ModelCard, ValueOutputs, read_card
from valex_local.stages.labels.lines import LinedText
from valex_local.stages.labels.text_encoder import TextEncoder, WindowWithout
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch


Output = tuple[Value, Polarity]
"""What a model has a probability of."""


@dataclass(frozen=True)
class Scores:
    """A model's result for one text.

    Attributes
    ----------
    probabilities, logits : dict of (Value, Polarity) to float
        One for every output of the model.
    windows : int
        Number of windows of the text.
    """

    probabilities: Mapping[Output, float]
    logits: Mapping[Output, float]
    windows: int


@dataclass(frozen=True)
class ScoresByLine:
    """A model's result for one text, and how much of each logit the lines of the text contribute.

    Attributes
    ----------
    scores : Scores
        The result.
    effects : dict of (Value, Polarity) to tuple of float
        For every output and line: by how much the logit would be lower without the line's own tokens. Empty where the
        model cannot tell, because it reads the vector of the first token alone.
    """

    scores: Scores
    effects: Mapping[Output, tuple[float, ...]]


class LabelModel:
    """A label-model directory, loaded.

    Parameters
    ----------
    folder : Path
        The directory; see `valex_local.stages.labels.card`.
    requires : mapping of str to StoredModel
        The models of the store that it may use as its encoder, by id.
    device : Device
        Where to compute.
    int8 : bool
        Whether to compute the encoder in 8-bit integers, on the CPU.

    Attributes
    ----------
    card : ModelCard
        The model card.

    Raises
    ------
    ModelError
        A file is missing or wrong, or files do not fit each other; the message says which and what to do.
    """

    def __init__(
        self, folder: Path, *, device: Device, requires: Mapping[str, StoredModel] | None = None, int8: bool = False
    ) -> None:
        self.card = read_card(folder)
        self._encoder = TextEncoder(
            _encoder_folder(self.card, folder, requires or {}),
            pooling=self.card.pooling,
            normalise=self.card.normalise,
            window=self.card.window,
            overlap=self.card.overlap,
            device=device,
            tuned=folder / TUNED if (folder / TUNED).is_file() else None,
            int8=int8,
        )
        self._weight, self._bias = _read_head(folder / HEAD, len(self.card.rows), self._encoder.hidden)

    def scores(self, texts: Sequence[str]) -> list[Scores]:
        """Return the probabilities of every output for every text."""
        return [self._scores(self._logits(vectors)) for vectors in self._encoder.vectors(texts)]

    def scores_by_line(self, texts: Sequence[LinedText]) -> list[ScoresByLine]:
        """Return the probabilities of every output for every text, and what each line contributes to them."""
        places = [(text.text, [(line.start, line.end) for line in text.lines]) for text in texts]
        result = []
        for text, found in zip(texts, self._encoder.vectors_by_line(places), strict=True):
            windows = self._logits(found.vectors)
            effects = self._effects(windows, found.without, len(text.lines))
            result.append(ScoresByLine(self._scores(windows), effects))
        return result

    def labels(
        self, scores: Scores, evidence: Mapping[Output, tuple[str, ...]] = MappingProxyType({})
    ) -> tuple[ValueLabel, ...]:
        """Return the labels of the 19 values in circle order, with states by the card's thresholds."""
        return tuple(self._label(value, scores, evidence) for value in CIRCLE)

    def _logits(self, vectors: torch.Tensor) -> torch.Tensor:
        return vectors @ self._weight.T + self._bias

    def _scores(self, windows: torch.Tensor) -> Scores:
        """Return the result for a text, given the logits of its windows, (windows, outputs)."""
        import torch

        probabilities = torch.sigmoid(windows)
        pooled = probabilities.amax(0) if self.card.pool_windows == "max" else probabilities.mean(0)
        found, logits = pooled.tolist(), self._pooled(windows).tolist()
        return Scores(self._by_output(found), self._by_output(logits), len(windows))

    def _pooled(self, windows: torch.Tensor) -> torch.Tensor:
        """Return the logits of the pooled probabilities, (outputs,)."""
        from torch.nn.functional import logsigmoid

        if self.card.pool_windows == "max":
            return windows.amax(0)
        return logsigmoid(windows).logsumexp(0) - logsigmoid(-windows).logsumexp(0)

    def _effects(
        self, windows: torch.Tensor, without: Sequence[WindowWithout], lines: int
    ) -> dict[Output, tuple[float, ...]]:
        """Return by how much each line's own tokens raise the logits, by output."""
        import torch

        if self.card.pooling != "mean":
            return {}
        replaced: list[list[tuple[int, torch.Tensor]]] = [[] for _ in range(lines)]
        for number, window in enumerate(without):
            for line, logits in zip(window.lines, self._logits(window.vectors), strict=True):
                replaced[line].append((number, logits))
        effects = torch.zeros(lines, windows.shape[1])
        for line, rows in enumerate(replaced):
            changed = windows.clone()
            for number, logits in rows:
                changed[number] = logits
            effects[line] = self._pooled(windows) - self._pooled(changed)
        return {output: tuple(effects[:, row.row].tolist()) for output, row in self.card.rows.items()}

    def _by_output(self, found: Sequence[float]) -> dict[Output, float]:
        return {output: found[row.row] for output, row in self.card.rows.items()}

    def _label(self, value: Value, scores: Scores, evidence: Mapping[Output, tuple[str, ...]]) -> ValueLabel:
        outputs = self.card.outputs.get(value, ValueOutputs())
        # Rounded as in the record, so that the state follows from the probabilities next to it.
        present, conflicted = (
            round(scores.probabilities[value, polarity], 4) if outputs.of(polarity) is not None else None
            for polarity in (Polarity.PRESENT, Polarity.CONFLICTED)
        )
        present_from = outputs.present.threshold if outputs.present else 0.5
        conflicted_from = outputs.conflicted.threshold if outputs.conflicted else 0.5
        state = decide(present, conflicted, present_from=present_from, conflicted_from=conflicted_from)
        return ValueLabel(
            value=value,
            present=present,
            conflicted=conflicted,
            state=state,
            evidence=evidence.get((value, Polarity.PRESENT), ()),
            conflicted_evidence=evidence.get((value, Polarity.CONFLICTED), ()),
            present_logit=scores.logits.get((value, Polarity.PRESENT)),
            conflicted_logit=scores.logits.get((value, Polarity.CONFLICTED)),
        )


def _encoder_folder(card: ModelCard, folder: Path, requires: Mapping[str, StoredModel]) -> Path:
    if card.encoder == OWN_ENCODER:
        return folder
    if card.encoder not in requires:
        raise ModelError(
            f"this label model uses the encoder {card.encoder}, which its manifest does not require",
            path=folder / CARD,
            hint=f'Write requires = ["{card.encoder}"] into the manifest and add that model to the store',
        )
    return requires[card.encoder].folder


def _read_head(path: Path, outputs: int, hidden: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight, float32 (outputs, hidden), and bias, float32 (outputs,)."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise ModelError("the label model has no head", path=path, hint="Add the whole directory that training wrote")
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"the head cannot be read ({error})", path=path, hint="Add the file again") from error
    expected = {"weight": (outputs, hidden), "bias": (outputs,)}
    for name, shape in expected.items():
        found = tuple(tensors[name].shape) if name in tensors else "nothing"
        if found != shape:
            raise ModelError(
                f"the head's {name} should have shape {shape}, of {outputs} outputs over vectors of {hidden}; it has "
                f"{found}",
                path=path,
                hint=f"{CARD}, {HEAD} and the encoder must come from one training",
            )
    return tensors["weight"].float(), tensors["bias"].float()
