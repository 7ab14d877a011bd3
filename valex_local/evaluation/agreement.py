"""Agreement of annotators or routes: Cohen's kappa for two, Krippendorff's alpha for any number.

A text that a source does not assess is missing data, not a category.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations

import numpy as np

from valex_local.corpus.label_matrix import Floats, LabelMatrix
from valex_local.evaluation.figures import Figure, Share
from valex_local.records import Part
from valex_local.schwartz import Value
from valex_local.system.imports import require_extra


class View(StrEnum):
    """What is compared: the three states, or one polarity against the rest."""

    STATE = "state"
    PRESENT = "present"
    CONFLICTED = "conflicted"


class Kappa(Part):
    """The agreement of two sources on one value.

    Attributes
    ----------
    items : int
        Texts that both assess.
    agreeing : float
        Share of them with the same label in both; high by chance alone for rare values.
    kappa : float or None
        Cohen's kappa (1960); None if both give all texts the same single label.
    """

    first: str
    second: str
    items: int
    agreeing: Share
    kappa: Figure | None


class ValueAgreement(Part):
    """The agreement of all sources on one value.

    Attributes
    ----------
    items : int
        Texts that at least two sources assess.
    alpha : float or None
        Krippendorff's alpha for nominal data; None if only one category is ever used.
    pairs : tuple of Kappa
        Cohen's kappa of every two sources that have texts in common.
    """

    value: Value
    items: int
    alpha: Figure | None
    pairs: tuple[Kappa, ...]


class ViewAgreement(Part):
    """The agreement in one view. Means are over the values for which the figure is defined."""

    view: View
    values: tuple[ValueAgreement, ...]
    mean_alpha: Figure | None
    mean_kappa: Figure | None


class Agreement(Part):
    """The sources compared, and their agreement in each view."""

    between: str
    sources: tuple[str, ...]
    views: tuple[ViewAgreement, ...]


def agreement(between: str, sources: Mapping[str, LabelMatrix]) -> Agreement:
    """Return the agreement of two or more sources on the texts they have in common.

    Parameters
    ----------
    between : str
        What the sources are, for readers: ``"annotators"`` or ``"routes"``.
    sources : mapping of str to LabelMatrix
        The labels of each source, by its name.

    Raises
    ------
    ValueError
        There are fewer than two sources.
    MissingExtra
        The libraries for agreement are not installed.
    """
    require_extra("train", "sklearn", "krippendorff")
    if len(sources) < 2:
        raise ValueError("agreement needs two sources")
    ids = tuple(dict.fromkeys(name for source in sources.values() for name in source.ids))
    holds = np.stack([source.of(ids).labels for source in sources.values()])
    names = tuple(sources)
    return Agreement(between=between, sources=names, views=tuple(_view(view, names, holds) for view in View))


def codes(view: View, holds: Floats) -> Floats:
    """Return the categories compared in a view as numbers, NaN where not assessed: (..., 19, 2) to (..., 19).

    A state is known only where both polarities are: a source that assesses presence alone cannot distinguish *absent*
    from *conflicted*, so it is left out of the comparison of states.
    """
    present, conflicted = holds[..., 0], holds[..., 1]
    if view is View.PRESENT:
        return present
    if view is View.CONFLICTED:
        return conflicted
    return np.where(conflicted == 1, 2.0, present) + 0 * conflicted + 0 * present


def _view(view: View, names: Sequence[str], holds: Floats) -> ViewAgreement:
    coded = codes(view, holds)
    each = (_value(value, names, coded[:, :, v]) for v, value in enumerate(Value))
    values = tuple(found for found in each if found.items)
    return ViewAgreement(
        view=view,
        values=values,
        mean_alpha=mean([value.alpha for value in values]),
        mean_kappa=mean([pair.kappa for value in values for pair in value.pairs]),
    )


def _value(value: Value, names: Sequence[str], coded: Floats) -> ValueAgreement:
    """Return the agreement of S sources on one value; `coded` is (S, N)."""
    pairs = (_kappa(names[i], names[j], coded[i], coded[j]) for i, j in combinations(range(len(names)), 2))
    shared = (~np.isnan(coded)).sum(axis=0) >= 2
    return ValueAgreement(
        value=value,
        items=int(shared.sum()),
        alpha=_alpha(coded[:, shared]),
        pairs=tuple(pair for pair in pairs if pair is not None),
    )


def _kappa(first: str, second: str, one: Floats, other: Floats) -> Kappa | None:
    from sklearn.metrics import cohen_kappa_score

    both = ~np.isnan(one) & ~np.isnan(other)
    one, other = one[both].astype(int), other[both].astype(int)
    if not len(one):
        return None
    same = len(np.unique(np.concatenate([one, other]))) == 1
    return Kappa(
        first=first,
        second=second,
        items=len(one),
        agreeing=float((one == other).mean()),
        kappa=None if same else float(cohen_kappa_score(one, other)),
    )


def _alpha(coded: Floats) -> float | None:
    """Return Krippendorff's alpha of the sources, (S, N); None if it is not defined."""
    from krippendorff import alpha

    if len(np.unique(coded[~np.isnan(coded)])) < 2:
        return None
    return float(alpha(reliability_data=coded, level_of_measurement="nominal"))


def mean(figures: Sequence[float | None]) -> float | None:
    """Return the mean of the figures that are not None; None if there are none."""
    defined = [figure for figure in figures if figure is not None]
    return float(np.mean(defined)) if defined else None
