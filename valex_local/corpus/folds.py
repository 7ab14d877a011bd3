"""Folds that never part a group and hold every label in its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import InputError

Folds = NDArray[np.intp]


def grouped_folds(truth: NDArray[np.float64], groups: Sequence[str], *, folds: int, seed: int) -> Folds:
    """Part items into folds: whole groups, with the labels of each fold as near as can be to its share.

    The groups with the most uneven labels are placed first, each where it leaves the shares of all labels over the
    folds most even. This is scikit-learn's rule for `StratifiedGroupKFold`, taken to many labels by counting each
    label's positives as a share of its total (as in Sechidis et al. 2011, the rarest label then weighs the most); the
    number of items counts as one more label. Groups whose unevenness is of one magnitude are placed in random order, so
    that each seed parts the items anew.

    Parameters
    ----------
    truth : ndarray of float64, (N, L)
        1 where a label holds, 0 where not, NaN where nobody said.
    groups : sequence of str, (N,)
        The group of each item: its author, say. Items of one group come into one fold.
    folds : int
        Number of folds, at least 2.
    seed : int
        Of that order.

    Returns
    -------
    ndarray of int, (N,)
        The fold of each item.

    Raises
    ------
    InputError
        There are fewer groups than folds.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < folds:
        raise InputError(
            f"{len(names)} groups cannot be parted into {folds} folds",
            hint="Lower --folds, or group by something finer: --group none takes each text by itself",
        )
    counts = _shares(truth, index, len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    # To the power of two: by the exact unevenness, which no two groups share, every seed would give the same folds.
    magnitude = np.frexp(counts[order].std(axis=1))[1]
    order = order[np.argsort(-magnitude, kind="stable")]
    held = np.zeros((folds, counts.shape[1]))
    fold_of_group = np.empty(len(names), dtype=np.intp)
    for group in order:
        fold_of_group[group] = fold = _most_even(held, counts[group])
        held[fold] += counts[group]
    return fold_of_group[index]


def leave_one_out(groups: Sequence[str]) -> Folds:
    """Return folds of one group each, in the order of their names: leave one genre out, say.

    Raises
    ------
    InputError
        There is one group only.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise InputError("all texts are of one group: none can be left out", hint="Choose another --group")
    return index.astype(np.intp)


def _shares(truth: NDArray[np.float64], index: Folds, groups: int) -> NDArray[np.float64]:
    """Return what share of each label's positives, and last of all items, each group holds: (groups, L + 1)."""
    positives = np.column_stack([np.nan_to_num(truth), np.ones(len(truth))])
    counts = np.zeros((groups, positives.shape[1]))
    np.add.at(counts, index, positives)
    return np.asarray(counts / np.maximum(counts.sum(axis=0), 1))


def _most_even(held: NDArray[np.float64], group: NDArray[np.float64]) -> int:
    """Return the fold that a group leaves the shares most even in; among equals the one with the fewest items."""
    folds = len(held)
    # (fold it goes to, fold, label)
    after = held[None] + np.eye(folds)[:, :, None] * group
    unevenness = np.round(after.std(axis=1).mean(axis=1), 12)
    return int(np.lexsort((held[:, -1], unevenness))[0])
