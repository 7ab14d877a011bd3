"""Fit the states of a study to its gold labels, and tell by cross-validation how good they are.

Posts are split into folds that keep authors whole. The states of a fold are drawn by cut-offs fitted on the other
folds, so no post is judged by a cut-off that its own gold label had a part in. The cut-offs that are stored are fitted
on all posts with gold labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil

import numpy as np

from valex_local.corpus.folds import Folds, grouped_folds
from valex_local.corpus.label_matrix import POLARITIES, Bools, Floats, LabelMatrix
from valex_local.errors import InputError
from valex_local.evaluation.bootstrap import FEW_GROUPS, Difference
from valex_local.evaluation.platt import fit_platt, matching_cutoff
from valex_local.evaluation.validation_figures import Compared, compare
from valex_local.files.text import counted
from valex_local.records import Calibration, Cutoff, Labels, Notice, StateKind, ValueLabel
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.states import draw
from valex_local.states.cutoffs import outputs
from valex_local.states.draw import calibrated

LEAST_POSTS = 30
"""Posts with gold labels that calibration needs."""

LEAST_CASES = 10
"""Posts that must have a value, and posts that must not, for a cut-off of its own.

In samples of 40 to 150 posts (made ones, and arguments labelled by a good and by a poor model), with 10 to 14 such
posts the fitted cut-off was better than the cautious one in 73 to 96 of 100 cases, by F1 on other posts. It was worse
than the better one of the cautious and the relative cut-off by more than 0.05 in 1 to 9 of 100; with 3 or 4 such posts
in 3 to 14.
"""

LEAST_GROUPS = 3
"""Authors of the posts that have a value: with fewer, a cut-off tells of these people rather than of the value."""

FOLDS = 5


@dataclass(frozen=True, eq=False)
class Validation:
    """Cut-offs fitted to gold labels, and how good states are before and after.

    Attributes
    ----------
    calibration : Calibration
        What a study stores.
    values : tuple of ValueComparison
        The values that have a cut-off of their own, in the order of the circle.
    difference : Difference
        Macro F1 after, minus before, over all of them.
    gold_per_post : float
        Values per post that people found, comparable with those that are called.
    groups : int or None
        Number of authors, or of other groups; None if each post is on its own.
    before : StateKind
        How states were drawn before.
    """

    calibration: Calibration
    values: tuple[ValueComparison, ...]
    difference: Difference
    gold_per_post: float
    groups: int | None
    before: StateKind

    @property
    def worse(self) -> bool:
        """Whether the states are worse than before."""
        return self.difference.value < 0

    def noted(self, code: str, text: str) -> Validation:
        """Return the validation with one more notice in its calibration."""
        notices = (*self.calibration.notices, Notice(code=code, text=text))
        return replace(self, calibration=self.calibration.model_copy(update={"notices": notices}))


@dataclass(frozen=True)
class ValueComparison:
    """How often a value was called, and how well, before and after; precision, recall and F1 in this order.

    Attributes
    ----------
    cutoff : Cutoff
        The fitted cut-off.
    called_before, called_after : int
        Number of posts.
    before, after : tuple of float
        Precision, recall, F1.
    """

    cutoff: Cutoff
    called_before: int
    called_after: int
    before: tuple[float, float, float]
    after: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Posts:
    """Posts with gold labels.

    Attributes
    ----------
    ids : tuple of str, (N,)
        The posts.
    labels : tuple of Labels, (N,)
        Their labels as stored.
    truth : ndarray of float64, (N, 19, 2)
        Their gold labels; NaN where a gold label is missing, or the model does not assess.
    groups : tuple of str, (N,)
        Their authors; a post without one is a group of its own.
    """

    ids: tuple[str, ...]
    labels: tuple[Labels, ...]
    truth: Floats
    groups: tuple[str, ...]

    def take(self, rows: Sequence[int]) -> Posts:
        """Return some of the posts."""
        at = list(rows)
        ids, labels = tuple(self.ids[row] for row in at), tuple(self.labels[row] for row in at)
        return Posts(ids, labels, self.truth[at], tuple(self.groups[row] for row in at))

    def drawn(self, calibration: Calibration) -> LabelMatrix:
        """Return the states that a calibration gives the posts."""
        return LabelMatrix.from_labels(
            {name: draw(record, calibration).values for name, record in zip(self.ids, self.labels, strict=True)}
        )


def validate(
    labels: Mapping[str, Labels],
    gold: LabelMatrix,
    base: Calibration,
    *,
    drawn: date,
    groups: Mapping[str, str] | None = None,
    grouped_by: str = "author",
    seed: int = 0,
) -> Validation:
    """Return cut-offs that are fitted to gold labels, and their figures by cross-validation.

    Values with too few gold labels keep the cut-off that they have in `base`.

    Parameters
    ----------
    labels : mapping of str to Labels
        The labels of one set and one model by post, as stored.
    gold : LabelMatrix
        Gold labels by post.
    base : Calibration
        How states are drawn without gold labels.
    drawn : date
        The day.
    groups : mapping of str to str, optional
        The author, or another group, of each post that has one.
    grouped_by : str
        What the groups are.
    seed : int
        Seed of the folds and of the intervals.

    Returns
    -------
    Validation
        The calibration and what is known about it.

    Raises
    ------
    InputError
        Too few posts have gold labels, or no value has enough of them.
    """
    posts = _posts(labels, gold, groups)
    wanted = enough(posts)
    _refuse_too_few(posts, wanted)
    folds = grouped_folds(posts.truth[:, wanted], posts.groups, folds=min(FOLDS, len(set(posts.groups))), seed=seed)
    before, after = posts.drawn(base), out_of_fold(posts, folds, wanted, base)
    units = np.unique(posts.groups, return_inverse=True)[1].astype(np.intp)
    found = compare(posts.truth, before, after, wanted, units=units, seed=seed)
    number = None if groups is None else len(set(posts.groups))
    alone = sum(name not in (groups or ()) for name in posts.ids)
    fitted = _calibration(posts, wanted, base).model_copy(
        update={
            "drawn": drawn,
            "posts": tuple(sorted(posts.ids)),
            "figures": found.figures,
            "notices": (*_notices(posts, gold, wanted, base), *_about_groups(number, alone, grouped_by)),
        }
    )
    values = tuple(_values(fitted, found))
    return Validation(fitted, values, found.difference, found.gold_per_post, number, base.kind)


def _posts(labels: Mapping[str, Labels], gold: LabelMatrix, groups: Mapping[str, str] | None) -> Posts:
    known = {name for row, name in enumerate(gold.ids) if not np.isnan(gold.labels[row]).all()}
    ids = tuple(name for name in labels if name in known)
    records = tuple(labels[name] for name in ids)
    truth = np.where(np.isnan(logits_of(records)), np.nan, gold.of(ids).labels)
    # No name of a group has a line break, so that a post on its own never falls into one.
    return Posts(ids, records, truth, tuple((groups or {}).get(name, f"\n{name}") for name in ids))


def logits_of(labels: Sequence[Labels]) -> Floats:
    """Return the logits of N posts by value and polarity, (N, 19, 2); NaN where the model does not assess."""
    found = np.full((len(labels), len(CIRCLE), len(POLARITIES)), np.nan)
    for row, record in enumerate(labels):
        for column, label in enumerate(record.values):
            for polarity, _, logit in outputs(label):
                found[row, column, POLARITIES.index(polarity)] = logit
    return found


def enough(posts: Posts) -> Bools:
    """Return which values and polarities have enough gold labels for a cut-off of their own, (19, 2)."""
    has, lacks = posts.truth == 1, posts.truth == 0
    found = (has.sum(axis=0) >= LEAST_CASES) & (lacks.sum(axis=0) >= LEAST_CASES)
    for at in np.argwhere(found):
        column, polarity = at
        groups = {group for group, holds in zip(posts.groups, has[:, column, polarity], strict=True) if holds}
        found[column, polarity] = len(groups) >= LEAST_GROUPS
    return np.asarray(found)


def _refuse_too_few(posts: Posts, wanted: Bools) -> None:
    number = len(posts.ids)
    if number < LEAST_POSTS:
        raise InputError(
            f"calibration needs {LEAST_POSTS} posts with gold labels and with labels to calibrate, and there "
            f"{'is' if number == 1 else 'are'} {number}: nothing was changed",
            hint=f"Label {counted(LEAST_POSTS - number, 'more post')}",
        )
    if wanted.any():
        return
    counts = (posts.truth == 1).sum(axis=0)
    column, polarity = np.unravel_index(int(counts.argmax()), counts.shape)
    most = int(counts[column, polarity])
    rule = (
        f"no value is found in {LEAST_CASES} posts by {LEAST_GROUPS} authors or more and missing in as many posts: "
        "nothing was changed"
    )
    if 0 < most < LEAST_CASES:
        more = ceil(number * (LEAST_CASES - most) / most)
        raise InputError(
            f"{rule}. The most frequent, {CIRCLE[column]} ({POLARITIES[polarity]}), is found in {most} of {number}",
            hint=f"Label about {counted(more, 'more post')}",
        )
    raise InputError(rule, hint="Label more posts, of other authors and with other values")


def out_of_fold(posts: Posts, folds: Folds, wanted: Bools, base: Calibration) -> LabelMatrix:
    """Return the states of each post, drawn by cut-offs that are fitted on the posts of other folds.

    Parameters
    ----------
    posts : Posts
        N posts with gold labels.
    folds : ndarray of int, (N,)
        The fold of each post.
    wanted : ndarray of bool, (19, 2)
        The values and polarities to fit.
    base : Calibration
        The cut-offs of all others.

    Returns
    -------
    LabelMatrix
        The states, in the order of the posts.
    """
    drawn = [
        posts.take(np.flatnonzero(folds == fold).tolist()).drawn(
            _calibration(posts.take(np.flatnonzero(folds != fold).tolist()), wanted, base)
        )
        for fold in np.unique(folds)
    ]
    whole = LabelMatrix.empty(posts.ids)
    rows = {name: row for row, name in enumerate(posts.ids)}
    for part in drawn:
        at = [rows[name] for name in part.ids]
        whole.labels[at], whole.probabilities[at] = part.labels, part.probabilities
    return whole


def _calibration(posts: Posts, wanted: Bools, base: Calibration) -> Calibration:
    """Return the calibration fitted on posts; what is not wanted keeps its cut-off."""
    fitted = {(cutoff.value, cutoff.polarity): cutoff for cutoff in _cutoffs(posts, wanted)}
    kept = {(cutoff.value, cutoff.polarity): cutoff for cutoff in base.cutoffs or _answers(posts)}
    cutoffs = {**kept, **fitted}
    order = sorted(cutoffs, key=lambda at: (CIRCLE.index(at[0]), POLARITIES.index(at[1])))
    return Calibration(model=base.model, kind="validated", cutoffs=tuple(cutoffs[at] for at in order))


def _answers(posts: Posts) -> Iterator[Cutoff]:
    """Yield what stands for cut-offs where a language model's answers count: for everything that it assesses."""
    for column, polarity in np.argwhere(~np.isnan(logits_of(posts.labels)).all(axis=0)):
        yield Cutoff(value=CIRCLE[column], polarity=POLARITIES[polarity], probability=None)


def _cutoffs(posts: Posts, wanted: Bools) -> Iterator[Cutoff]:
    slopes, intercepts = fit_platt(logits_of(posts.labels)[:, wanted], posts.truth[:, wanted])
    for (column, polarity), slope, intercept in zip(np.argwhere(wanted), slopes, intercepts, strict=True):
        truth = posts.truth[:, column, polarity]
        positives = int((truth == 1).sum())
        cutoff = Cutoff(
            value=CIRCLE[column],
            polarity=POLARITIES[polarity],
            probability=0,
            slope=float(slope),
            intercept=float(intercept),
            support=positives,
        )
        known = [record.values[column] for record, label in zip(posts.labels, truth, strict=True) if label in (0, 1)]
        shown = np.array([_shown(label, cutoff) for label in known])
        yield cutoff.model_copy(update={"probability": matching_cutoff(shown, positives)})


def _shown(label: ValueLabel, cutoff: Cutoff) -> float:
    """Return the probability of a label that readers will see."""
    if cutoff.polarity is Polarity.PRESENT:
        probability, logit = label.present, label.present_logit
    else:
        probability, logit = label.conflicted, label.conflicted_logit
    return calibrated(probability or 0.0, logit, cutoff)


def _values(fitted: Calibration, found: Compared) -> Iterator[ValueComparison]:
    for cutoff in fitted.cutoffs:
        if cutoff.support is not None:
            at = CIRCLE.index(cutoff.value), POLARITIES.index(cutoff.polarity)
            before, after = ((int(side.called[at]), side.of(at)) for side in (found.before, found.after))
            yield ValueComparison(cutoff, before[0], after[0], before[1], after[1])


def _notices(posts: Posts, gold: LabelMatrix, wanted: Bools, base: Calibration) -> Iterator[Notice]:
    """Yield notices about gold labels that did not count or did not suffice."""
    counts, unknown = (posts.truth == 1).sum(axis=0), np.isnan(logits_of(posts.labels))
    assessed = ~unknown.all(axis=0)
    several = assessed.any(axis=0).all()
    rare = [
        f"{CIRCLE[column]}{f', {POLARITIES[polarity]}' if several else ''} ({counts[column, polarity]})"
        for column, polarity in np.argwhere(assessed & ~wanted)
    ]
    if rare:
        text = (
            f"not validated, with {_kept(base)}, because they are not found in {LEAST_CASES} posts by {LEAST_GROUPS} "
            f"authors and missing in as many (posts that have them): {'; '.join(rare)}"
        )
        yield Notice(code="values-not-validated", text=text)
    silent = (gold.of(posts.ids).labels == 1) & unknown
    if silent.any():
        polarities = " and ".join(str(POLARITIES[p]) for p in np.flatnonzero(silent.any(axis=(0, 1))))
        text = f"{counted(int(silent.sum()), 'gold label')} not used: the model does not assess {polarities} there"
        yield Notice(code="gold-not-used", text=text)


def _about_groups(groups: int | None, alone: int, grouped_by: str) -> Iterator[Notice]:
    if alone:
        which = "every post" if groups is None else f"{counted(alone, 'post')} without a known {grouped_by}"
        text = f"{which} counted alone: if several are by one person, the figures are too good"
        yield Notice(code="validated-without-authors", text=text)
    if groups is not None and groups < FEW_GROUPS:
        text = f"the posts with gold labels are by only {counted(groups, grouped_by)}: the intervals say little"
        yield Notice(code="validated-on-few-authors", text=text)


def _kept(base: Calibration) -> str:
    return "the language model's own answer" if base.kind == "answer" else f"a {base.kind} cut-off as before"
