"""The alternative annotator test, whether a model may stand in for coders (Calderon et al. 2025, arXiv:2501.10970).

Each coder is left out in turn. For every post it is asked who is closer to the other coders: the model, or the coder
left out. The model wins over a coder if it is closer at least as often, but for a margin that the cost of coding is
worth; the t-tests of all coders are corrected together (Benjamini and Yekutieli 2001). The model may replace coders if
it wins over at least half of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from valex_local.corpus.label_matrix import Floats, LabelMatrix
from valex_local.evaluation.figures import Share
from valex_local.records import Part
from valex_local.system.imports import require_extra

MARGIN = 0.15
"""The margin for trained coders; the authors use 0.2 for experts and 0.1 for crowd workers."""

_Set = frozenset[tuple[int, int]]

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
    """

    model: str
    margin: float
    contests: tuple[Contest, ...]
    winning_rate: Share
    advantage: Share
    too_few: tuple[str, ...] = ()

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
    ids = tuple(dict.fromkeys(post for one in coders.values() for post in one.ids if post in set(model.ids)))
    sets = {coder: _sets(one.of(ids)) for coder, one in coders.items()}
    own = _sets(model.of(ids))
    differences, closer, too_few = dict[str, Floats](), dict[str, tuple[float, float]](), list[str]()
    for coder in coders:
        others = [one for other, one in sets.items() if other != coder]
        compared = [
            tuple(_mean_likeness(mine, [one[at] for one in others]) for mine in (own[at], sets[coder][at]))
            for at in range(len(ids))
            if own[at] is not None and sets[coder][at] is not None and any(one[at] is not None for one in others)
        ]
        if len(compared) < FEWEST_POSTS:
            too_few.append(coder)
            continue
        by_model, by_coder = np.array(compared).T
        wins, loses = by_model >= by_coder, by_coder >= by_model
        differences[coder] = loses.astype(np.float64) - wins.astype(np.float64)
        closer[coder] = float(wins.mean()), float(loses.mean())
    if not differences:
        return None
    ps = {coder: _p(difference, margin) for coder, difference in differences.items()}
    rejected = _rejected(list(ps.values()))
    contests = tuple(
        Contest(
            coder=coder,
            posts=len(differences[coder]),
            model_closer=closer[coder][0],
            coder_closer=closer[coder][1],
            p=p,
            wins=wins,
        )
        for (coder, p), wins in zip(ps.items(), rejected, strict=True)
    )
    return AlternativeAnnotator(
        model=name,
        margin=margin,
        contests=contests,
        winning_rate=sum(rejected) / len(rejected),
        advantage=float(np.mean([contest.model_closer for contest in contests])),
        too_few=tuple(too_few),
    )


def _sets(labels: LabelMatrix) -> list[_Set | None]:
    """Return for each post the values and polarities that hold; None where nothing was assessed."""
    return [
        None if np.isnan(row).all() else frozenset((int(v), int(p)) for v, p in zip(*np.nonzero(row == 1), strict=True))
        for row in labels.labels
    ]


def _mean_likeness(one: _Set | None, others: Sequence[_Set | None]) -> float:
    found = [_jaccard(one, other) for other in others if one is not None and other is not None]
    return sum(found) / len(found)


def _jaccard(one: _Set, other: _Set) -> float:
    return len(one & other) / len(one | other) if one | other else 1.0


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
