"""How far people, or models, agree: Krippendorff's alpha with intervals, and what it rests on.

Alpha (Krippendorff 2004, ch. 11) compares the disagreement within posts with that of labels drawn at random; missing
labels are left out. Intervals are from resampling posts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np

from valex_local.corpus.label_matrix import Floats, LabelMatrix
from valex_local.evaluation.agreement import View, codes
from valex_local.evaluation.bootstrap import RESAMPLES, draws, estimate
from valex_local.evaluation.figures import Estimate, Share
from valex_local.records import Part
from valex_local.schwartz import CIRCLE

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's marks (2004, p. 241): from the first on labels can be relied upon, from the second on tentatively."""

FEW_POSITIVES = 5
"""With fewer posts in which anybody sees a value, alpha rests on single decisions."""


class Mark(StrEnum):
    """What an alpha allows."""

    RELIABLE = "reliable"
    TENTATIVE = "tentative"
    LOW = "too low"
    UNKNOWN = "unknown"


class Reliability(Part):
    """The agreement of all sources on one value, or on all.

    Attributes
    ----------
    of : str
        The value; ``all values`` for all of them together.
    items : int
        Labels that at least two sources gave: posts, or posts and values.
    positives : int
        Of those, how many at least one source sees present, or conflicted.
    agreeing : float or None
        Mean share of pairs of sources that give the same label.
    alpha : Estimate or None
        Krippendorff's alpha for nominal data with its 95 % interval; None if only one category is ever used.
    """

    of: str
    items: int
    positives: int
    agreeing: Share | None
    alpha: Estimate | None

    @property
    def mark(self) -> Mark:
        """What the alpha allows, by its estimate."""
        if self.alpha is None:
            return Mark.UNKNOWN
        if self.alpha.value >= RELIABLE:
            return Mark.RELIABLE
        return Mark.TENTATIVE if self.alpha.value >= TENTATIVE else Mark.LOW

    @property
    def is_thin(self) -> bool:
        """Whether it rests on very few positives."""
        return self.positives < FEW_POSITIVES


def reliability(
    sources: Mapping[str, LabelMatrix], view: View, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Reliability]:
    """Return the agreement of sources on each value that two of them assess, and last on all values.

    Parameters
    ----------
    sources : mapping of str to LabelMatrix
        The labels of each source.
    view : View
        What is compared.
    resamples, seed : int
        Number of resamples of the posts, and their seed.

    Returns
    -------
    list of Reliability
        Empty where no two sources assess the same.
    """
    ids = tuple(dict.fromkeys(name for source in sources.values() for name in source.ids))
    coded = codes(view, np.stack([source.of(ids).labels for source in sources.values()]))
    found, all_counts = [], []
    for at, value in enumerate(CIRCLE):
        counts = _counts(coded[:, :, at])
        if (counts.sum(axis=1) >= 2).any():
            found.append(_reliability(str(value), [counts], resamples, seed))
            all_counts.append(counts)
    if len(all_counts) > 1:
        found.append(_reliability("all values", all_counts, resamples, seed))
    return found


def _counts(coded: Floats) -> Floats:
    """Return how many sources give each post each category, (N, 3); none where fewer than two give any."""
    counts = np.stack([(coded == category).sum(axis=0) for category in (0, 1, 2)], axis=1).astype(np.float64)
    counts[counts.sum(axis=1) < 2] = 0
    return counts


def _reliability(of: str, counts: Sequence[Floats], resamples: int, seed: int) -> Reliability:
    """Return the agreement over one or several values; the counts of each are (N, 3)."""
    units = np.stack(counts)  # (V, N, 3)
    given = units.sum(axis=2)
    pairs = np.where(given >= 2, given * (given - 1), 1.0)
    disagreeing = given**2 - (units**2).sum(axis=2)
    shared = given >= 2
    observed = np.where(shared, disagreeing / np.where(shared, given - 1, 1.0), 0.0).sum(axis=0)
    per_post = units.sum(axis=0)
    drawn = [_alpha(weights @ observed, weights @ per_post) for weights in draws(len(per_post), resamples, seed)]
    value = _alpha(observed.sum()[None], per_post.sum(axis=0)[None])[0]
    resampled = np.concatenate(drawn) if drawn else np.empty(0)
    items = int(shared.sum())
    return Reliability(
        of=of,
        items=items,
        positives=int((shared & (units[:, :, 1:].sum(axis=2) > 0)).sum()),
        agreeing=float((1 - disagreeing / pairs)[shared].mean()) if items else None,
        alpha=None if np.isnan(value) else estimate(float(value), resampled[~np.isnan(resampled)]),
    )


def _alpha(observed: Floats, categories: Floats) -> Floats:
    """Return alpha for resamples: observed disagreement, (B,), and how often each category was given, (B, 3)."""
    total = categories.sum(axis=1)
    expected = total**2 - (categories**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha: Floats = 1 - (total - 1) * observed / expected
    return np.where(expected > 0, alpha, np.nan)
