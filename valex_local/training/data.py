"""The data of a training: texts, their labels, and which outputs have enough support."""

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
from valex_local.evaluation.support import support_count
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
    texts : tuple of str, length N
        The texts.
    gold : LabelMatrix
        Their labels.
    groups : tuple of str, length N
        Their groups, which folds never split.
    outputs : tuple of (Value, Polarity)
        The outputs with enough support, in circle order.
    left_out : tuple of UnassessedPolarity
        The outputs without.
    auxiliary : ndarray of float64, shape (N, columns), optional
        Further labels that the encoder learns: 1, 0, or NaN where it is not known.
    """

    texts: tuple[str, ...]
    gold: LabelMatrix
    groups: tuple[str, ...]
    outputs: tuple[Output, ...]
    left_out: tuple[UnassessedPolarity, ...]
    auxiliary: Floats | None = None

    @classmethod
    def of(cls, corpus: Corpus, options: TrainingOptions, auxiliary: Floats | None = None) -> Self:
        """Return the labelled texts of a corpus.

        Parameters
        ----------
        corpus : Corpus
            The texts with their labels.
        options : TrainingOptions
            Options of the training.
        auxiliary : ndarray of float64, shape (N, columns), optional
            As the attribute.

        Returns
        -------
        Data
            The labelled texts.

        Raises
        ------
        InputError
            No polarity of any value has enough support, or the texts lack the column they are to be grouped by.
        """
        outputs, left_out = _supported(corpus.gold, support_count(options.min_support, len(corpus.texts)))
        texts = tuple(text.text for text in corpus.texts)
        return cls(texts, corpus.gold, corpus.groups(options.group), outputs, left_out, auxiliary)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def truth(self) -> Floats:
        """The labels of each text for each output, (N, outputs): 1, 0, or NaN if unknown."""
        return columns(self.gold.labels, self.outputs)

    @property
    def support(self) -> dict[Output, int]:
        """Number of texts that show each output."""
        return dict(zip(self.outputs, np.nansum(self.truth, axis=0).astype(int).tolist(), strict=True))

    def take(self, rows: Rows) -> Data:
        """Return some of the texts."""
        texts, groups = (tuple(column[i] for i in rows) for column in (self.texts, self.groups))
        auxiliary = None if self.auxiliary is None else self.auxiliary[rows]
        return Data(texts, self.gold.take(rows), groups, self.outputs, self.left_out, auxiliary)

    def folds(self, options: TrainingOptions, seed: int) -> Folds:
        """Return the fold of each text; see `grouped_folds`."""
        if options.folds is None:
            return leave_one_out(self.groups)
        return grouped_folds(self.truth, self.groups, folds=options.folds, seed=seed)

    def digest(self) -> str:
        """Return the SHA-256 of texts, groups, labels and auxiliary labels."""
        content = [self.gold.ids, self.texts, self.groups, np.nan_to_num(self.gold.labels, nan=-1).tolist()]
        if self.auxiliary is not None:
            content.append(np.nan_to_num(self.auxiliary, nan=-1).tolist())
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Split:
    """The rows of the three parts of a fold: to learn from, to tune thresholds on, to be scored.

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
        """Return the parts of a fold: the fold itself to be scored, and one `inner`-th of the rest to tune on.

        Parameters
        ----------
        data : Data
            Labelled texts.
        folds : Folds
            The fold of each text.
        fold : int
            Number of the fold.
        options : TrainingOptions
            Options of the training.
        seed : int
            Seed of the inner split.

        Returns
        -------
        Split
            The three parts.

        Raises
        ------
        InputError
            All other texts are of one group.
        """
        rest, score = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        inner = data.take(rest)
        count = min(options.inner, len(set(inner.groups)))
        if count < 2:
            raise InputError(
                "the texts outside a fold are of one group only: none can be held out for the thresholds",
                hint="Choose another --group, or more --folds",
            )
        parts = grouped_folds(inner.truth, inner.groups, folds=count, seed=seed)
        split = cls(rest[parts != 0], rest[parts == 0], score)
        split.check(data.groups)
        return split

    def check(self, groups: Sequence[str]) -> None:
        """Check that no two parts share a row or a group."""
        parts = [{groups[row] for row in rows} for rows in (self.learn, self.tune, self.score)]
        if sum(map(len, parts)) != len(set.union(*parts)):
            raise ValueError("two parts of a fold share a group")


def columns(labels: Floats, outputs: Sequence[Output]) -> Floats:
    """Return the columns of outputs, (N, outputs), of an array (N, 19, 2)."""
    return np.stack([labels[:, CIRCLE.index(v), POLARITIES.index(p)] for v, p in outputs], axis=1)


def spread(found: Floats, outputs: Sequence[Output]) -> Floats:
    """Return an array (..., 19, 2) with the columns of outputs, and NaN elsewhere."""
    whole = np.full((*found.shape[:-1], len(CIRCLE), len(POLARITIES)), np.nan)
    for column, (value, polarity) in enumerate(outputs):
        whole[..., CIRCLE.index(value), POLARITIES.index(polarity)] = found[..., column]
    return whole


def _supported(gold: LabelMatrix, least: int) -> tuple[tuple[Output, ...], tuple[UnassessedPolarity, ...]]:
    counts = np.nansum(gold.labels, axis=0).astype(int)
    labelled = np.asarray((~np.isnan(gold.labels)).any(axis=0))
    outputs, left_out = [], []
    for row, value in enumerate(CIRCLE):
        for column, polarity in enumerate(POLARITIES):
            if counts[row, column] >= least:
                outputs.append((value, polarity))
            elif labelled[row, column]:
                left_out.append(UnassessedPolarity(value=value, polarity=polarity, support=int(counts[row, column])))
    if not outputs:
        best = int(counts.max()) if len(gold) else 0
        raise InputError(
            f"no polarity of any value is shown by at least {least} texts; the maximum is {best}",
            hint="Label more texts, or lower --min-support",
        )
    return tuple(outputs), tuple(left_out)
