"""The alternative annotator test, whether a model may stand in for coders (Calderon et al. 2025, arXiv:2501.10970).

Each coder is left out in turn. For every post it is asked who is closer to the other coders: the model, or the coder
left out; where both are as close, both are counted. With the share of posts in which the coder is at least as close,
less that of the model, the null hypothesis is that it is the margin or more, which the cost of coding is worth. The
model wins over a coder where a one-sided t-test rejects that; the tests of all coders are corrected together (Benjamini
and Yekutieli 2001). The model may replace coders if it wins over at least half of them.

Only what the model, the coder and another coder all assess is compared: what a model does not assess is not a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from valex_local.corpus.label_matrix import Bools, Floats, LabelMatrix
from valex_local.evaluation.figures import Share
from valex_local.records import Part
from valex_local.system.imports import require_extra

MARGIN = 0.15
"""The margin for trained coders; the authors use 0.2 for experts and 0.1 for crowd workers."""

LEVEL = 0.05
FEWEST_POSTS = 30
"""With fewer posts of a coder a t-test does not hold; the authors recommend 50 to 100."""


class Contest(Part):
    """The model against one coder.

    Attributes
    ----------
    coder : str
        The coder who is left out.
    posts : int
        Posts of this coder that another coder labelled too.
    model_closer, coder_closer : float
        Share of them in which the model, or the coder, is at least as close to the others.
    p : float
        Of the one-sided test that the coder is not closer by more than the margin.
    wins : bool
        Whether the model wins, after the correction for several tests.
    """

    coder: str
    posts: int
    model_closer: Share
    coder_closer: Share
    p: Share
    wins: bool


class AlternativeAnnotator(Part):
    """The result of the test.

    Attributes
    ----------
    model : str
        The model.
    margin : float
        The margin.
    contests : tuple of Contest
        One for each coder with enough posts.
    winning_rate : float
        Share of the coders over whom the model wins; from 0.5 on it may replace coders.
    advantage : float
        Mean share of posts in which the model is at least as close as a coder.
    too_few : tuple of str
        Coders with too few posts in common with others.
    blank_passes : bool
        Whether a model that sees no value in any post would pass too; the test then says nothing.
    """

    model: str
    margin: float
    contests: tuple[Contest, ...]
    winning_rate: Share
    advantage: Share
    too_few: tuple[str, ...] = ()
    blank_passes: bool = False

    @property
    def passes(self) -> bool:
        """Whether the model may stand in for coders."""
        return bool(self.contests) and self.winning_rate >= 0.5


def alternative_annotator(
    name: str, model: LabelMatrix, coders: Mapping[str, LabelMatrix], *, margin: float = MARGIN
) -> AlternativeAnnotator | None:
    """Test whether a model may stand in for coders.

    Two labellings of a post are as close as the sets of values that they see are alike (Jaccard): a value present and
    the same value conflicted are different.

    Parameters
    ----------
    name : str
        The name of the model.
    model : LabelMatrix
        Its labels.
    coders : mapping of str to LabelMatrix
        The labels of two or more coders.
    margin : float
        How much closer a coder may be.

    Returns
    -------
    AlternativeAnnotator or None
        The result; None with fewer than two coders, or where none has enough posts in common with another.

    Raises
    ------
    MissingExtra
        The library for the t-test is not installed.
    """
    require_extra("train", "scipy")
    blank = LabelMatrix(model.ids, np.where(np.isnan(model.labels), np.nan, 0.0), model.probabilities, model.dominant)
    found, of_blank = (_tested(name, one, coders, margin) for one in (model, blank))
    if found is None or of_blank is None:
        return None
    return found.model_copy(update={"blank_passes": of_blank.passes})


def _tested(
    name: str, model: LabelMatrix, coders: Mapping[str, LabelMatrix], margin: float
) -> AlternativeAnnotator | None:
    ids = model.ids
    labels = {coder: _flat(one.of(ids)) for coder, one in coders.items()}
    closeness = {
        coder: _closeness(_flat(model), mine, [one for other, one in labels.items() if other != coder])
        for coder, mine in labels.items()
    }
    tested = {coder: pair for coder, pair in closeness.items() if len(pair) >= FEWEST_POSTS}
    if not tested:
        return None
    # By coder and post, whether the model and whether the coder is at least as close as the other.
    close = {coder: np.stack([pair[:, 0] >= pair[:, 1], pair[:, 1] >= pair[:, 0]]) for coder, pair in tested.items()}
    ps = [_p(coder.astype(np.float64) - model, margin) for model, coder in close.values()]
    rejected = _rejected(ps)
    contests = tuple(
        Contest(
            coder=coder,
            posts=by.shape[1],
            model_closer=float(by[0].mean()),
            coder_closer=float(by[1].mean()),
            p=p,
            wins=wins,
        )
        for (coder, by), p, wins in zip(close.items(), ps, rejected, strict=True)
    )
    return AlternativeAnnotator(
        model=name,
        margin=margin,
        contests=contests,
        winning_rate=sum(rejected) / len(rejected),
        advantage=float(np.mean([contest.model_closer for contest in contests])),
        too_few=tuple(coder for coder in coders if coder not in tested),
    )


def _flat(labels: LabelMatrix) -> Floats:
    """Return labels as (N, values and polarities)."""
    found: Floats = labels.labels.reshape(len(labels), -1)
    return found


def _closeness(model: Floats, coder: Floats, others: Sequence[Floats]) -> Floats:
    """Return how close the model and the coder are to the others, for the posts that one of the others labelled too.

    Parameters
    ----------
    model, coder : ndarray, (N, C)
        Labels: 1, 0, or NaN where not assessed.
    others : sequence of ndarray, (N, C)
        The labels of each other coder.

    Returns
    -------
    ndarray, (M, 2)
        The mean likeness to the others.
    """
    sums, number = np.zeros((len(model), 2)), np.zeros(len(model))
    for other in others:
        all_assess = ~np.isnan(model) & ~np.isnan(coder) & ~np.isnan(other)
        shared = all_assess.any(axis=1)
        pair = np.stack([_jaccard(one, other, all_assess) for one in (model, coder)], axis=1)
        sums[shared] += pair[shared]
        number += shared
    found: Floats = sums[number > 0] / number[number > 0, None]
    return found


def _jaccard(one: Floats, other: Floats, where: Bools) -> Floats:
    """Return the likeness of the sets of what holds, by post; 1 where nothing holds in either."""
    both = ((one == 1) & (other == 1) & where).sum(axis=1)
    any_holds = (((one == 1) | (other == 1)) & where).sum(axis=1)
    found: Floats = np.where(any_holds > 0, both / np.maximum(any_holds, 1), 1.0)
    return found


def _p(difference: Floats, margin: float) -> float:
    """Return the p of the one-sided t-test that the mean is below the margin."""
    from scipy.stats import ttest_1samp

    if difference.std() == 0:
        return 0.0 if difference[0] < margin else 1.0
    return float(ttest_1samp(difference, margin, alternative="less").pvalue)


def _rejected(ps: Sequence[float]) -> list[bool]:
    """Return which hypotheses the procedure of Benjamini and Yekutieli (2001) rejects."""
    count = len(ps)
    order = sorted(range(count), key=lambda at: ps[at])
    factor = sum(1 / k for k in range(1, count + 1))
    last = max((rank for rank, at in enumerate(order, 1) if ps[at] <= rank * LEVEL / (count * factor)), default=0)
    taken = {*order[:last]}
    return [at in taken for at in range(count)]
