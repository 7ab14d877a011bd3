"""A label model: a text encoder with a linear head, and the thresholds that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import ModelError
from valex_local.records import ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, Value, decide
from valex_local.stages.labels.card import CARD, HEAD, OWN_ENCODER, TUNED, ModelCard, ValueOutputs, read_card
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Scores:
    """A model's result for one text.

    Attributes
    ----------
    probabilities : dict of (Value, Polarity) to float
        One for every output of the model.
    windows : int
        Number of windows of the text.
    """

    probabilities: Mapping[tuple[Value, Polarity], float]
    windows: int


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
        return [self._score(vectors) for vectors in self._encoder.vectors(texts)]

    def labels(self, scores: Scores) -> tuple[ValueLabel, ...]:
        """Return the labels of the 19 values in circle order, with states by the card's thresholds."""
        return tuple(self._label(value, scores) for value in CIRCLE)

    def _score(self, vectors: torch.Tensor) -> Scores:
        import torch

        windows = torch.sigmoid(vectors @ self._weight.T + self._bias)
        pooled = windows.amax(0) if self.card.pool_windows == "max" else windows.mean(0)
        found = pooled.tolist()
        return Scores({key: found[output.row] for key, output in self.card.rows.items()}, len(vectors))

    def _label(self, value: Value, scores: Scores) -> ValueLabel:
        outputs = self.card.outputs.get(value, ValueOutputs())
        # Rounded as in the record, so that the state follows from the probabilities next to it.
        present, conflicted = (
            round(scores.probabilities[value, polarity], 4) if outputs.of(polarity) is not None else None
            for polarity in (Polarity.PRESENT, Polarity.CONFLICTED)
        )
        state = decide(
            present,
            conflicted,
            present_from=outputs.present.threshold if outputs.present else 0.5,
            conflicted_from=outputs.conflicted.threshold if outputs.conflicted else 0.5,
        )
        return ValueLabel(value=value, present=present, conflicted=conflicted, state=state)


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
