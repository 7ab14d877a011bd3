"""Several sources that say something of the same texts: put together, or the majority of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.errors import InputError
from valex_local.schwartz import CIRCLE


def join(parts: Sequence[tuple[str, LabelMatrix]]) -> LabelMatrix:
    """Return what all sources say together; of each cell the first that says something.

    Parameters
    ----------
    parts : sequence of (str, Answers)
        The sources with their names.

    Raises
    ------
    InputError
        Two sources contradict each other; both are named.
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
    """Hold what a source says against what is known, both of the same texts."""
    differs = ((known.labels != part.labels) & ~np.isnan(known.labels) & ~np.isnan(part.labels)).any(axis=2)
    differs |= (known.dominant != part.dominant) & (known.labels[..., 0] == 1) & (part.labels[..., 0] == 1)
    if differs.any():
        row, column = (int(axis[0]) for axis in np.nonzero(differs))
        name = part.ids[row]
        other = next(other for other, earlier in before if _says(earlier, name, column))
        states = f"{known.state(row, column)} and {part.state(row, column)}"
        if known.dominant[row, column] != part.dominant[row, column]:
            states = "dominant and not dominant"
        raise InputError(
            f"{other} and {source} contradict each other: {name}, {CIRCLE[column]} is {states}",
            hint="Keep one of them, or tell annotators apart by a column annotator",
        )


def _says(answers: LabelMatrix, name: str, column: int) -> bool:
    return name in answers.ids and not np.isnan(answers.labels[answers.ids.index(name), column]).all()


def majority(voices: Sequence[LabelMatrix]) -> LabelMatrix:
    """Return what most sources say, by polarity: blanks are no votes, and a tie says nothing.

    A value dominates where its presence has the majority and more than half of those who assessed it say so.
    Probabilities are left out.
    """
    whole = LabelMatrix.empty(dict.fromkeys(name for voice in voices for name in voice.ids))
    aligned = [voice.of(whole.ids) for voice in voices]
    yes = np.sum([voice.labels == 1 for voice in aligned], axis=0)
    no = np.sum([voice.labels == 0 for voice in aligned], axis=0)
    whole.labels[:] = np.where(yes > no, 1.0, np.where(no > yes, 0.0, np.nan))
    dominating = np.sum([voice.dominant for voice in aligned], axis=0)
    whole.dominant[:] = (whole.labels[..., 0] == 1) & (2 * dominating > (yes + no)[..., 0])
    return whole
