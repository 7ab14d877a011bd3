"""What is learnt from: texts, what is known of them, and which outputs have support enough."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from valex_local.corpus import Corpus
from valex_local.corpus.folds import Folds, grouped_folds, leave_one_out
from valex_local.corpus.label_matrix import POLARITIES, Floats, LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.stages.labels.card import UnassessedPolarity
from valex_local.training.options import TrainingOptions

Output = tuple[Value, Polarity]
Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Data:
    """Labelled texts.

    Attributes
    ----------
    texts : tuple of str, (N,)
        The texts.
    gold : LabelMatrix
        What is known of them.
    groups : tuple of str, (N,)
        What folds never part.
    outputs : tuple of (Value, Polarity)
        What there is support to learn, in circle order.
    left_out : tuple of UnassessedPolarity
        What there is not.
    """

    texts: tuple[str, ...]
    gold: LabelMatrix
    groups: tuple[str, ...]
    outputs: tuple[Output, ...]
    left_out: tuple[UnassessedPolarity, ...]

    @classmethod
    def of(cls, corpus: Corpus, options: TrainingOptions) -> Self:
        """Return the labelled texts of a corpus.

        Raises
        ------
        InputError
            No polarity of any value has enough support, or the texts do not say what they are to be grouped by.
        """
        outputs, left_out = _supported(corpus.gold, options.min_support)
        texts = tuple(text.text for text in corpus.texts)
        return cls(texts, corpus.gold, corpus.groups(options.group), outputs, left_out)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def truth(self) -> Floats:
        """Whether each output holds for each text, (N, outputs); NaN where nobody said."""
        return columns(self.gold.labels, self.outputs)

    @property
    def support(self) -> dict[Output, int]:
        """The texts that show each output."""
        return dict(zip(self.outputs, np.nansum(self.truth, axis=0).astype(int).tolist(), strict=True))

    def take(self, rows: Rows) -> Data:
        """Return some of the texts."""
        texts, groups = (tuple(column[i] for i in rows) for column in (self.texts, self.groups))
        return Data(texts, self.gold.take(rows), groups, self.outputs, self.left_out)

    def folds(self, options: TrainingOptions, seed: int) -> Folds:
        """Return the fold of each text; see `grouped_folds`."""
        if options.folds is None:
            return leave_one_out(self.groups)
        return grouped_folds(self.truth, self.groups, folds=options.folds, seed=seed)

    def digest(self) -> str:
        """Return the SHA-256 of all of it."""
        content = [self.gold.ids, self.texts, self.groups, np.nan_to_num(self.gold.labels, nan=-1).tolist()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of one fold's three parts: to learn from, to tune thresholds on, to be scored.

    Raises
    ------
    ValueError
        Two parts share a row or a group.
    """

    learn: Rows
    tune: Rows
    score: Rows

    @classmethod
    def of(cls, data: Data, folds: Folds, fold: int, options: TrainingOptions, seed: int) -> Self:
        """Return the parts of a fold: what is scored, and of the rest one part in `inner` to tune on."""
        rest, score = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        inner = data.take(rest)
        count = min(options.inner, len(set(inner.groups)))
        if count < 2:
            raise InputError(
                "a fold leaves texts of one group only: none can be kept aside for the thresholds",
                hint="Choose another --group, or more --folds",
            )
        parts = grouped_folds(inner.truth, inner.groups, folds=count, seed=seed)
        split = cls(rest[parts != 0], rest[parts == 0], score)
        split.check(data.groups)
        return split

    def check(self, groups: Sequence[str]) -> None:
        """Hold the parts against each other."""
        parts = [{groups[row] for row in rows} for rows in (self.learn, self.tune, self.score)]
        if sum(map(len, parts)) != len(set.union(*parts)):
            raise ValueError("two parts of a fold share a group")


def columns(held: Floats, outputs: Sequence[Output]) -> Floats:
    """Return the columns of outputs, (N, outputs), of an array (N, 19, 2)."""
    return np.stack([held[:, CIRCLE.index(v), POLARITIES.index(p)] for v, p in outputs], axis=1)


def spread(found: Floats, outputs: Sequence[Output]) -> Floats:
    """Return an array (..., 19, 2) with the columns of outputs in their places, NaN elsewhere."""
    whole = np.full((*found.shape[:-1], len(CIRCLE), len(POLARITIES)), np.nan)
    for column, (value, polarity) in enumerate(outputs):
        whole[..., CIRCLE.index(value), POLARITIES.index(polarity)] = found[..., column]
    return whole


def _supported(gold: LabelMatrix, least: int) -> tuple[tuple[Output, ...], tuple[UnassessedPolarity, ...]]:
    counts = np.nansum(gold.labels, axis=0).astype(int)
    said = np.asarray((~np.isnan(gold.labels)).any(axis=0))
    outputs, left_out = [], []
    for row, value in enumerate(CIRCLE):
        for column, polarity in enumerate(POLARITIES):
            if counts[row, column] >= least:
                outputs.append((value, polarity))
            elif said[row, column]:
                left_out.append(UnassessedPolarity(value=value, polarity=polarity, support=int(counts[row, column])))
    if not outputs:
        best = int(counts.max()) if len(gold) else 0
        raise InputError(
            f"no value is shown by {least} texts or more in any polarity: the best has {best}",
            hint="Label more texts, or lower --min-support",
        )
    return tuple(outputs), tuple(left_out)
