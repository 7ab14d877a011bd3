"""Combine the labels of several sources: join them, or take their majority."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE


def join(parts: Sequence[tuple[str, LabelMatrix]]) -> LabelMatrix:
    """Return the labels of all sources in one matrix; each cell comes from the first source that fills it.

    Parameters
    ----------
    parts : sequence of (str, LabelMatrix)
        The sources with their names.

    Raises
    ------
    InputError
        Two sources contradict each other; the message names both.
    """
    whole = LabelMatrix.empty(dict.fromkeys(name for _, part in parts for name in part.ids))
    rows = {name: row for row, name in enumerate(whole.ids)}
    for number, (source, part) in enumerate(parts):
        at = np.array([rows[name] for name in part.ids], dtype=np.intp)
        known = whole.take(at)
        _check(known, part, source, parts[:number])
        whole.labels[at] = np.where(np.isnan(known.labels), part.labels, known.labels)
        whole.probabilities[at] = np.where(np.isnan(known.probabilities), part.probabilities, known.probabilities)
        whole.dominant[at] |= part.dominant
    return whole


def _check(known: LabelMatrix, part: LabelMatrix, source: str, before: Sequence[tuple[str, LabelMatrix]]) -> None:
    """Raise InputError if a source contradicts what is known; both are about the same texts."""
    differs = ((known.labels != part.labels) & ~np.isnan(known.labels) & ~np.isnan(part.labels)).any(axis=2)
    differs |= (known.dominant != part.dominant) & (known.labels[..., 0] == 1) & (part.labels[..., 0] == 1)
    if differs.any():
        row, column = (int(axis[0]) for axis in np.nonzero(differs))
        name = part.ids[row]
        other = next(other for other, earlier in before if _has_label(earlier, name, column))
        states = f"{known.state(row, column)} and {part.state(row, column)}"
        if known.dominant[row, column] != part.dominant[row, column]:
            states = "dominant and not dominant"
        raise InputError(
            f"{other} and {source} contradict each other: {name}, {CIRCLE[column]} is {states}",
            hint="Keep one of them, or add a column annotator if they come from different people",
        )


def _has_label(matrix: LabelMatrix, name: str, column: int) -> bool:
    return name in matrix.ids and not np.isnan(matrix.labels[matrix.ids.index(name), column]).all()


def majority(annotators: Sequence[LabelMatrix]) -> LabelMatrix:
    """Return the majority vote on each polarity; a blank is not a vote, and a tie leaves the cell blank.

    A value is dominant where most votes say that it is present and more than half of those who assessed it marked it
    as dominant. The result has no probabilities.
    """
    whole = LabelMatrix.empty(dict.fromkeys(name for annotator in annotators for name in annotator.ids))
    aligned = [annotator.of(whole.ids) for annotator in annotators]
    yes = np.sum([annotator.labels == 1 for annotator in aligned], axis=0)
    no = np.sum([annotator.labels == 0 for annotator in aligned], axis=0)
    whole.labels[:] = np.where(yes > no, 1.0, np.where(no > yes, 0.0, np.nan))
    dominating = np.sum([annotator.dominant for annotator in aligned], axis=0)
    whole.dominant[:] = (whole.labels[..., 0] == 1) & (2 * dominating > (yes + no)[..., 0])
    return whole
