"""Gold labels of a study: ``gold/<annotator>.csv``, a file an annotator, a row for each post and value.

The files are label sheets as `valex_local.corpus.read_sheet` reads them; their first column is the post's id.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from valex_local.corpus import read_sheet, write_long
from valex_local.corpus.label_matrix import Bools, LabelMatrix
from valex_local.errors import ConfigError
from valex_local.files.atomic import writing
from valex_local.files.text import clean_text, one_line
from valex_local.study import Study

GOLD = "gold"
"""The folder of a study that holds its gold labels."""

LONGEST_NAME = 60
"""Characters of an annotator's name."""


def gold_file(study: Study, annotator: str) -> Path:
    """Return the file of an annotator.

    Raises
    ------
    ConfigError
        The name cannot be used.
    """
    name = one_line(clean_text(annotator))
    if not name[:1].isalnum() or name != annotator or len(name) > LONGEST_NAME:
        raise ConfigError(
            f"this name of an annotator cannot be used: {annotator!r}",
            hint=f"Give one with --annotator: up to {LONGEST_NAME} characters, the first a letter or digit",
        )
    return study.root / GOLD / (re.sub(r"[^\w.@+-]", "_", name) + ".csv")


def read_gold(study: Study, annotator: str) -> LabelMatrix:
    """Return what a study holds of an annotator; nothing where there is none.

    Raises
    ------
    ConfigError
        The name cannot be used, or another annotator's labels are in the file.
    InputError
        The file cannot be understood.
    """
    path = gold_file(study, annotator)
    if not path.exists():
        return LabelMatrix.empty(())
    answers = read_sheet(path).labels
    if list(answers) != [annotator]:
        whose = ", ".join(repr(name) for name in answers)
        raise ConfigError(f"this file holds labels by {whose}, not {annotator!r}", path=path, hint="Use another name")
    return answers[annotator]


def write_gold(study: Study, annotator: str, answers: LabelMatrix) -> Path:
    """Write all labels of an annotator, sorted by post, and return the file.

    Raises
    ------
    StudyError
        The file cannot be written.
    """
    path = gold_file(study, annotator)
    with writing(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
    order = sorted(range(len(answers)), key=lambda row: answers.ids[row])
    write_long(path, {"": answers.take(order)}, extra={"annotator": dict.fromkeys(answers.ids, annotator)})
    return path


def differing(known: LabelMatrix, said: LabelMatrix) -> Bools:
    """Return where two answers about the same texts contradict each other, (N, 19)."""
    both = ~np.isnan(known.labels) & ~np.isnan(said.labels)
    differs: Bools = (both & (known.labels != said.labels)).any(axis=2)
    present = (known.labels[..., 0] == 1) & (said.labels[..., 0] == 1)
    differs |= present & (known.dominant != said.dominant)
    return differs


def put_over(known: LabelMatrix, said: LabelMatrix) -> LabelMatrix:
    """Return what is known of texts with what is newly said of them: where both speak of a value, the new counts.

    Probabilities of the new are left out: gold labels have none.
    """
    ids = tuple(dict.fromkeys((*known.ids, *said.ids)))
    whole, new = known.of(ids), said.of(ids)
    other = differing(whole, new)
    fills = np.isnan(whole.labels) & ~np.isnan(new.labels)
    takes = fills | other[..., None]
    whole.labels[takes] = new.labels[takes]
    dominates = other | fills[..., 0]
    whole.dominant[dominates] = new.dominant[dominates]
    return whole
