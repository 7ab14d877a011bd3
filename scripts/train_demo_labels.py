"""Train a bundled label model, on the arguments of Touché ValueEval'23.

    python scripts/train_demo_labels.py minilm-arguments --data FOLDER [-o MODEL]
    python scripts/train_demo_labels.py mpnet-arguments --data FOLDER [-o MODEL]

FOLDER holds arguments-SPLIT.tsv and labels-SPLIT.tsv for the splits training and validation, and for mpnet-arguments
also level1-labels-SPLIT.tsv, of the dataset (DOI 10.5281/zenodo.6814563, CC BY-SA 4.0). The official test split is not
used.

All layers of the encoder except its token embeddings are tuned; mpnet-arguments also learns the 54 finer categories of
the dataset as auxiliary labels. A model contains only what was trained, in half precision; the rest comes from the
encoder in the store (`valex models install MODEL`). In testing, all arguments on a conclusion are in the same fold. The
arguments say which values are present; conflicted is not assessed.

On two cores minilm-arguments takes about an hour and a half, mpnet-arguments several hours; after an interruption, the
same command resumes. The checksums of the files are in models/<model>.toml: update them there. Of the folder training/,
keep only the recipe.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from valex_local.cli._progress import Lines
from valex_local.corpus import read_corpus
from valex_local.store import Store
from valex_local.system.devices import detect, set_threads
from valex_local.training.auxiliary import read_auxiliary
from valex_local.training.model import Facts
from valex_local.training.options import TrainingOptions
from valex_local.training.train import Base, train_model

SPLITS = ("training", "validation")


@dataclass(frozen=True)
class Recipe:
    """What a model is trained from, and how.

    Attributes
    ----------
    encoder : str
        Id of the encoder in the store.
    title : str
        The encoder's name, for people.
    source : str
        The encoder's full name and licence, for the model card.
    options : TrainingOptions
        Options of the training.
    finer : bool
        Whether the finer categories of the dataset are auxiliary labels.
    """

    encoder: str
    title: str
    source: str
    options: TrainingOptions
    finer: bool = False


RECIPES = {
    "minilm-arguments": Recipe(
        encoder="minilm-l6",
        title="MiniLM-L6",
        source="all-MiniLM-L6-v2, the encoder below it; Apache-2.0",
        options=TrainingOptions(
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
        ),
    ),
    "mpnet-arguments": Recipe(
        encoder="mpnet-base",
        title="MPNet-base",
        source="all-mpnet-base-v2, the encoder below it; Apache-2.0",
        options=TrainingOptions(
            mode="full",
            freeze_embeddings=True,
            epochs=3,
            learning_rate=5e-5,
            layer_decay=0.9,
            batch=32,
            average=0.99,
            class_weights="sqrt",
            auxiliary_weight=0.5,
            precision="bf16",
            window=256,
            overlap=64,
            group="Conclusion",
            folds=4,
            tested_folds=1,
            seeds=2,
            slim_rank=64,
        ),
        finer=True,
    ),
}


def facts(recipe: Recipe) -> Facts:
    """Return what the card says of a model besides what the training finds."""
    return Facts(
        name=f"{recipe.title} tuned on arguments",
        domain="English arguments",
        languages=("en",),
        data=(
            "Touché23-ValueEval (Mirzakhmedova et al.; Kiesel et al. 2022), training and validation splits, version "
            "2022-12-05: 7,289 arguments, each premise with its stance and conclusion; CC BY-SA 4.0, "
            "https://doi.org/10.5281/zenodo.6814563. The category Universalism: objectivity was left out",
            recipe.source,
        ),
        limits=(
            "It was trained on short written arguments about policies, not on scripts of videos: on scripts its labels "
            "are a guess from another domain",
            "Conflicted is not assessed: the arguments say only which values are present",
            "What counts as present in an argument (the premise resorts to the value) is not what counts in a video",
            "English only",
        ),
        licence="CC-BY-SA-4.0",
    )


def main() -> None:
    """Train the model and print its evaluation."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("model", choices=RECIPES, help="which model to train")
    options.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="the ValueEval'23 TSV files")
    options.add_argument("-o", "--out", type=Path, help="the model directory to make; named as the model by default")
    given = options.parse_args()
    recipe = RECIPES[given.model]
    device = detect("cpu")
    set_threads(device.threads)
    labels, arguments, finer = (
        [given.data / f"{kind}-{split}.tsv" for split in SPLITS] for kind in ("labels", "arguments", "level1-labels")
    )
    corpus = read_corpus(labels, arguments)
    evaluation = train_model(
        corpus,
        Base(Store().find(recipe.encoder), slim=True),
        given.out or Path(given.model),
        options=recipe.options,
        facts=facts(recipe),
        device=device,
        progress=Lines(),
        auxiliary=read_auxiliary(finer, corpus) if recipe.finer else None,
    )
    print(evaluation.to_json())


if __name__ == "__main__":
    main()
