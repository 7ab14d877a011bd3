"""Train the label model of the demo: models/minilm-arguments, on the arguments of Touché ValueEval'23.

    python scripts/train_demo_labels.py --data FOLDER [-o MODEL]

FOLDER holds arguments-training.tsv, labels-training.tsv, arguments-validation.tsv and labels-validation.tsv of the
dataset (DOI 10.5281/zenodo.6814563, CC BY-SA 4.0). The official test split is not used.

All layers of MiniLM-L6 except its token embeddings are tuned. The model contains the tuned layers in half precision;
the rest comes from the encoder that the demo installs. In cross-validation, all arguments on a conclusion are in the
same fold. The arguments say which values are present; conflicted is not assessed.

On two cores this takes about an hour and a half; after an interruption, the same command resumes. The checksums of the
files are in models/minilm-arguments.toml: update them there. Of the folder training/, keep only the recipe.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from valex_local.cli._progress import Lines
from valex_local.corpus import read_corpus
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads
from valex_local.training.model import Facts
from valex_local.training.options import TrainingOptions
from valex_local.training.train import Base, train_model

ENCODER = "minilm-l6"
MODEL_ID = "minilm-arguments"
SPLITS = ("training", "validation")

OPTIONS = TrainingOptions(
    mode="full",
    freeze_embeddings=True,
    epochs=3,
    learning_rate=1.5e-4,
    batch=32,
    average=0.995,
    class_weights="sqrt",
    precision="bf16",
    window=256,
    overlap=64,
    group="Conclusion",
    folds=3,
    seeds=3,
)

FACTS = Facts(
    name="MiniLM-L6 tuned on arguments",
    domain="English arguments",
    languages=("en",),
    data=(
        "Touché23-ValueEval (Mirzakhmedova et al.; Kiesel et al. 2022), training and validation splits, version "
        "2022-12-05: 7,289 arguments, each premise with its stance and conclusion; CC BY-SA 4.0, "
        "https://doi.org/10.5281/zenodo.6814563. The category Universalism: objectivity was left out",
        "all-MiniLM-L6-v2, the encoder below it; Apache-2.0",
    ),
    limits=(
        "It was trained on short written arguments about policies, not on scripts of videos: on scripts its labels are "
        "a guess from another domain",
        "Conflicted is not assessed: the arguments say only which values are present",
        "What counts as present in an argument (the premise resorts to the value) is not what counts in a video",
        "English only",
    ),
    licence="CC-BY-SA-4.0",
)


def main() -> None:
    """Train the model and print its evaluation."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="the ValueEval'23 TSV files")
    options.add_argument("-o", "--out", type=Path, default=Path(MODEL_ID), help="the model directory to make")
    given = options.parse_args()
    device = detect("cpu")
    set_threads(device.threads)
    corpus = read_corpus(
        [given.data / f"labels-{split}.tsv" for split in SPLITS],
        [given.data / f"arguments-{split}.tsv" for split in SPLITS],
    )
    base = Base(Store().find(ENCODER), slim=True)
    evaluation = train_model(corpus, base, given.out, options=OPTIONS, facts=FACTS, device=device, progress=Lines())
    print(evaluation.to_json())


if __name__ == "__main__":
    main()
