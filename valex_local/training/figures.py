"""The figures of a finished cross-validation: the route and the baselines, all out of fold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from valex_local.corpus import write_long
from valex_local.errors import ModelError
from valex_local.evaluation.evaluate import evaluate
from valex_local.evaluation.results import Evaluation
from valex_local.evaluation.routes import GOLD, PREDICTIONS, read_source
from valex_local.files.tables import write_table
from valex_local.schwartz import Polarity
from valex_local.stages.labels.card import CardFigure
from valex_local.training.cross_validation import OutOfFold, tested_rows
from valex_local.training.data import Data
from valex_local.training.options import TrainingOptions

FOLDS = Path("training", "folds.csv")

ROUTE = "encoder"

_FIGURES = {
    "weighted_f1": "support-weighted F1",
    "macro_f1": "macro F1",
    "touche_f1": "Touché F1 (harmonic mean of macro precision and recall)",
}


def write_predictions(folder: Path, data: Data, results: Mapping[int, OutOfFold]) -> None:
    """Write gold labels and predictions of the tested texts, and the fold of every text, for each tested seed.

    Parameters
    ----------
    folder : Path
        The model directory.
    data : Data
        Labelled texts.
    results : mapping of int to OutOfFold
        Seed to the results.
    """
    tested = data.take(tested_rows(results))
    groups = dict(zip(tested.gold.ids, tested.groups, strict=True))
    write_long(folder / GOLD, {"": tested.gold}, extra={"group": groups})
    write_long(folder / PREDICTIONS, {str(seed): of_seed.answers for seed, of_seed in results.items()})
    folds = zip(data.gold.ids, *(of_seed.folds for of_seed in results.values()), strict=True)
    write_table(folder / FOLDS, [["post", *(f"seed {seed}" for seed in results)], *folds])


def of_model(folder: Path, options: TrainingOptions) -> Evaluation:
    """Return the figures, computed from the files that training wrote into a model directory."""
    source = read_source(f"{ROUTE}={folder}")
    if source.gold is None:
        raise ModelError("this model directory contains no gold labels", path=folder / GOLD)
    return evaluate(
        source.gold,
        source.routes,
        groups=source.groups.get(options.group),
        grouped_by=options.group,
        min_support=options.min_support,
    )


def measured(evaluation: Evaluation, on: str, *, texts: int) -> tuple[CardFigure, ...]:
    """Return the averages of the route and of its baselines for the card.

    Parameters
    ----------
    evaluation : Evaluation
        The figures.
    on : str
        How they were measured.
    texts : int
        Number of texts there are; the card says how many of them were tested.

    Returns
    -------
    tuple of CardFigure
        The averages.
    """
    found: list[CardFigure] = []
    of_all = "" if evaluation.items == texts else f"of {texts:,} "
    for polarity in Polarity:
        for route in evaluation.routes:
            averages = route.of(polarity).averages
            if averages is None:
                continue
            of = "" if route.name == ROUTE else f" of the baseline {route.name}"
            for name, title in _FIGURES.items():
                estimate = getattr(averages, name)
                found.append(
                    CardFigure(
                        on=f"{on}, {evaluation.items:,} {of_all}texts, {averages.values} values, {polarity}",
                        figure=f"{title}{of}",
                        value=round(estimate.value, 3),
                        low=None if estimate.low is None else round(estimate.low, 3),
                        high=None if estimate.high is None else round(estimate.high, 3),
                    )
                )
    return tuple(found)
