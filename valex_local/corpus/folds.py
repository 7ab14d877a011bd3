"""Split items into folds that keep groups whole and give every fold its share of each label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import InputError

Folds = NDArray[np.intp]


def grouped_folds(truth: NDArray[np.float64], groups: Sequence[str], *, folds: int, seed: int) -> Folds:
    """Return the fold of each item, with groups kept whole and the shares of all labels as even as possible.

    The groups with the most uneven labels are placed first, each in the fold where it leaves the shares of all labels
    most even. This is scikit-learn's rule for `StratifiedGroupKFold`, extended to many labels by counting the
    positives of each label as a share of its total (as in Sechidis et al. 2011, where the rarest label weighs the
    most); the number of items counts as one more label. Groups whose unevenness has the same order of magnitude are
    placed in random order, so that each seed gives a different split.

    Parameters
    ----------
    truth : ndarray of float64, (N, L)
        1 where a label holds, 0 where it does not, NaN where it is unknown.
    groups : sequence of str, (N,)
        The group of each item, such as its author. Items of one group go into the same fold.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the random order.

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
            f"{len(names)} groups cannot be split into {folds} folds",
            hint="Lower --folds, or use a finer grouping; with --group none every text is a group of its own",
        )
    counts = _shares(truth, index, len(names))
    order = np.random.default_rng(seed).permutation(len(names))
    # Rounded to a power of two: hardly two groups have exactly the same unevenness, so without this every seed would
    # give the same folds.
    magnitude = np.frexp(counts[order].std(axis=1))[1]
    order = order[np.argsort(-magnitude, kind="stable")]
    fold_shares = np.zeros((folds, counts.shape[1]))
    fold_of_group = np.empty(len(names), dtype=np.intp)
    for group in order:
        fold_of_group[group] = fold = _most_even(fold_shares, counts[group])
        fold_shares[fold] += counts[group]
    return fold_of_group[index]


def leave_one_out(groups: Sequence[str]) -> Folds:
    """Return one fold for each group, in the order of their names, for example to leave one genre out at a time.

    Raises
    ------
    InputError
        There is only one group.
    """
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        raise InputError("all texts are in one group, so none can be left out", hint="Choose another --group")
    return index.astype(np.intp)


def _shares(truth: NDArray[np.float64], index: Folds, groups: int) -> NDArray[np.float64]:
    """Return the share of each label's positives in each group, then the share of items: (groups, L + 1)."""
    positives = np.column_stack([np.nan_to_num(truth), np.ones(len(truth))])
    counts = np.zeros((groups, positives.shape[1]))
    np.add.at(counts, index, positives)
    return np.asarray(counts / np.maximum(counts.sum(axis=0), 1))


def _most_even(fold_shares: NDArray[np.float64], group: NDArray[np.float64]) -> int:
    """Return the fold where adding a group leaves the shares most even; among equals the one with the fewest items."""
    folds = len(fold_shares)
    # (fold that takes the group, fold, label)
    after = fold_shares[None] + np.eye(folds)[:, :, None] * group
    unevenness = np.round(after.std(axis=1).mean(axis=1), 12)
    return int(np.lexsort((fold_shares[:, -1], unevenness))[0])
