"""Made-up labels of posts by a model that ranks well and is wrong about how high a probability means what."""

from __future__ import annotations

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.records import Calibration, Cutoff, LabelFigures, Labels, LabelSource, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity, State

SOURCE = LabelSource(route="encoder", model="a-model", domain="English arguments")
COMMON = 4
"""Number of values, from the first of the circle on, that are in a third of the posts; others are in few."""


def post_ids(posts: int, authors: int = 20) -> tuple[str, ...]:
    return tuple(f"@user{n % authors}_video_{7300000000000000000 + n}" for n in range(posts))


def made_gold(
    posts: int = 80, *, seed: int = 0, share: float = 0.35, conflicted: bool = False, authors: int = 20
) -> LabelMatrix:
    """Return gold labels of posts."""
    chance = np.random.default_rng(seed)
    gold = LabelMatrix.empty(post_ids(posts, authors))
    shares = np.where(np.arange(len(CIRCLE)) < COMMON, share, 0.02)
    gold.labels[..., 0] = chance.random((posts, len(CIRCLE))) < shares
    gold.labels[..., 1] = (chance.random((posts, len(CIRCLE))) < shares / 2) & (gold.labels[..., 0] == 0)
    if not conflicted:
        gold.labels[..., 1] = 0
    return gold


def made_labels(
    gold: LabelMatrix, *, seed: int = 1, signal: float = 2.0, shift: float = -3.0, conflicted: bool = False
) -> dict[str, Labels]:
    """Return labels whose logits tell the truth as strongly as `signal` says, and are off by `shift`."""
    logits = signal * gold.labels + np.random.default_rng(seed).normal(size=gold.labels.shape) + shift
    found = {}
    for name, row in zip(gold.ids, np.round(logits, 3), strict=True):
        values = tuple(
            ValueLabel(
                value=value,
                present=_probability(row[v, 0]),
                present_logit=row[v, 0],
                conflicted=_probability(row[v, 1]) if conflicted else None,
                conflicted_logit=row[v, 1] if conflicted else None,
            )
            for v, value in enumerate(CIRCLE)
        )
        found[name] = Labels(script="template", source=SOURCE, values=values)
    return found


def as_answers(labels: dict[str, Labels], *, present: int) -> dict[str, Labels]:
    """Return labels as the answers of a language model that calls the value at a place of the circle present."""
    return {
        name: record.model_copy(
            update={
                "figures": LabelFigures(),
                "values": tuple(
                    label.model_copy(
                        update={
                            "state": State.PRESENT if v == present else State.ABSENT,
                            "present_logit": None,
                            "conflicted_logit": None,
                        }
                    )
                    for v, label in enumerate(record.values)
                ),
            }
        )
        for name, record in labels.items()
    }


def cutoffs_at(probability: float, polarities: tuple[Polarity, ...] = (Polarity.PRESENT,)) -> Calibration:
    """Return a calibration with the same cut-off for everything."""
    cutoffs = tuple(Cutoff(value=v, polarity=p, probability=probability) for v in CIRCLE for p in polarities)
    return Calibration(model=SOURCE.model, kind="cautious", cutoffs=cutoffs)


def _probability(logit: float) -> float:
    return float(round(1 / (1 + np.exp(-logit)), 4))
