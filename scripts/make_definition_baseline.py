"""Make the definition-based label baseline: models/minilm-definitions/{labels.json, head.safetensors}.

    python scripts/make_definition_baseline.py
    python scripts/make_definition_baseline.py --measure VALUEEVAL23_FOLDER

Nothing is trained or fitted to labelled text. The head follows from definitions.toml:

1. The prototype of a value is the normalised mean of the vectors of its sentences. Its direction is its prototype minus
   the mean prototype of all values.
2. The similarity of a text to the value is the dot product of its vector with that direction. It is standardised by
   mean and standard deviation over the neutral sentences, so that a value that is similar to any text has no advantage.
3. The probability is the logistic function of the standardised similarity minus 2: a value is present from two
   standard deviations above neutral.

The checksums of both files are in models/minilm-definitions.toml: update them there.

`--measure` evaluates the model on the validation split of Touché ValueEval'23 (arguments-validation.tsv and
labels-validation.tsv) and writes its F1 into the model card.
"""

from __future__ import annotations

import argparse
import csv
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.stages.labels.card import CARD, HEAD, CardFigure, ModelCard, OutputRow, ValueOutputs
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import Store, StoredModel
from valex_local.system.devices import Device, set_threads, usable_cores

if TYPE_CHECKING:
    import torch

MODEL = Path(__file__).resolve().parents[1] / "models" / "minilm-definitions"
ENCODER = "minilm-l6"
SPREADS = 2.0

CARD_WITHOUT_FIGURES = ModelCard(
    name="MiniLM-L6 and definitions of the values",
    baseline="similarity to the value definitions, not trained",
    domain="definitions of the values, written for short videos",
    languages=("en",),
    encoder=ENCODER,
    pooling="mean",
    normalise=True,
    # The encoder was trained on texts of 128 tokens; pooling keeps a decisive sentence of a long script from vanishing.
    window=128,
    overlap=64,
    pool_windows="max",
    outputs={value: ValueOutputs(present=OutputRow(row=i, threshold=0.5)) for i, value in enumerate(CIRCLE)},
)


def make_head(definitions: Path, encoder: TextEncoder) -> dict[str, torch.Tensor]:
    """Return weight, float32 (19, hidden), and bias, float32 (19,), by the rule of this module."""
    import torch
    from torch.nn.functional import normalize

    written = tomllib.loads(definitions.read_text("utf-8"))
    prototypes = torch.stack([_vectors(encoder, written["values"][value.value]).mean(0) for value in CIRCLE])
    prototypes = normalize(prototypes, dim=1)
    apart = prototypes - prototypes.mean(0)
    neutral = _vectors(encoder, written["neutral"]["texts"]) @ apart.T
    spread, mean = neutral.std(0), neutral.mean(0)
    return {"weight": (apart / spread[:, None]).contiguous(), "bias": -mean / spread - SPREADS}


def _vectors(encoder: TextEncoder, sentences: list[str]) -> torch.Tensor:
    """Return the vectors of sentences that fit one window each, (len(sentences), hidden)."""
    import torch

    return torch.cat(encoder.vectors(sentences))


def measure(model: LabelModel, data: Path) -> tuple[CardFigure, ...]:
    """Return macro and weighted F1 of presence on the validation split, and those of always answering yes."""
    import numpy as np
    from sklearn.metrics import f1_score

    gold = {row["Argument ID"]: row for row in _rows(data / "labels-validation.tsv")}
    arguments = _rows(data / "arguments-validation.tsv")
    texts = [f"{row['Premise']} ({row['Stance']}: {row['Conclusion']})" for row in arguments]
    labelled = [model.labels(scores) for scores in model.scores(texts)]
    predicted = np.array([[label.state is State.PRESENT for label in labels] for labels in labelled])
    truth = np.array([[gold[row["Argument ID"]][value.value] == "1" for value in CIRCLE] for row in arguments])
    return tuple(
        CardFigure(
            on=f"Touché ValueEval'23 validation, {len(arguments)} arguments, 19 categories, {Polarity.PRESENT.value}",
            figure=f"{average} F1{suffix}",
            value=round(float(f1_score(truth, guess, average=average, zero_division=0)), 3),
        )
        for suffix, guess in (("", predicted), (" of always answering yes", np.ones_like(truth)))
        for average in ("macro", "weighted")
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def main() -> None:
    """Write the model, and evaluate it if data is given."""
    from safetensors.torch import save_file

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--measure", type=Path, metavar="FOLDER", help="the ValueEval'23 TSV files")
    data: Path | None = options.parse_args().measure

    base: StoredModel = Store().find(ENCODER)
    device = Device("cpu", usable_cores())
    set_threads(device.threads)
    card = CARD_WITHOUT_FIGURES
    encoder = TextEncoder(
        base.folder,
        pooling=card.pooling,
        normalise=card.normalise,
        window=card.window,
        overlap=card.overlap,
        device=device,
    )
    save_file(make_head(MODEL / "definitions.toml", encoder), MODEL / HEAD)
    (MODEL / HEAD).chmod(0o644)
    (MODEL / CARD).write_text(card.to_json(), "utf-8")
    if data is not None:
        found = measure(LabelModel(MODEL, requires={base.id: base}, device=device), data)
        (MODEL / CARD).write_text(card.model_copy(update={"measured": found}).to_json(), "utf-8")
        for figure in found:
            print(f"{figure.figure}: {figure.value:.3f} ({figure.on})")


if __name__ == "__main__":
    main()
