"""Gold labels of a study: a file ``gold/<annotator>.csv`` for each annotator, with a row for each post and value.

The files are label sheets that `valex_local.corpus.read_sheet` reads; their first column is the id of the post. Columns
that posts can be grouped by, such as ``author``, are kept behind the labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from valex_local.corpus import read_sheet, write_long
from valex_local.corpus.columns import plain_columns
from valex_local.corpus.label_matrix import Bools, LabelMatrix
from valex_local.corpus.sheets import ANNOTATOR_COLUMNS, BESIDE
from valex_local.corpus.writers import CUTOFF_COLUMNS, LONG_COLUMNS
from valex_local.errors import ConfigError, InputError
from valex_local.files.atomic import writing
from valex_local.files.tables import Table
from valex_local.files.text import clean_text, one_line
from valex_local.study import Study

GOLD = "gold"
"""The folder of a study with its gold labels."""

Groups = Mapping[str, Mapping[str, str]]
"""The cells of posts in columns that they can be grouped by, by the name of the column."""

_TAKEN = plain_columns(
    Table((*LONG_COLUMNS, *CUTOFF_COLUMNS, *ANNOTATOR_COLUMNS, *BESIDE, "run", "present", "conflicted"), ())
).keys()
"""Names of columns with another meaning, in plain spelling."""

LONGEST_NAME = 60
"""Maximum length of an annotator's name, in characters."""


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
            f"this annotator's name cannot be used: {annotator!r}",
            hint=f"Give another with --annotator: up to {LONGEST_NAME} characters, starting with a letter or digit",
        )
    return study.root / GOLD / (re.sub(r"[^\w.@+-]", "_", name) + ".csv")


def read_gold(study: Study, annotator: str) -> tuple[LabelMatrix, Groups]:
    """Return an annotator's labels in a study, which may be none, and the groups of their posts.

    Raises
    ------
    ConfigError
        The name cannot be used, or the file contains another annotator's labels.
    InputError
        The file, or a cell of it, cannot be understood: it will be written again, and what is left out would be lost.
    """
    path = gold_file(study, annotator)
    if not path.exists():
        return LabelMatrix.empty(()), {}
    sheet = read_sheet(path)
    if not sheet.complete:
        raise InputError(
            f"this file of gold labels was changed and is not understood ({sheet.notices[0]})",
            path=path,
            hint="Correct it, or move it out of the study",
        )
    labels = sheet.labels
    if list(labels) != [annotator]:
        whose = ", ".join(repr(name) for name in labels)
        raise ConfigError(f"this file has labels by {whose}, not {annotator!r}", path=path, hint="Use another name")
    return labels[annotator], sheet.groups


def write_gold(study: Study, annotator: str, labels: LabelMatrix, groups: Groups | None = None) -> Path:
    """Write all labels of an annotator, sorted by post.

    Parameters
    ----------
    study : Study
        The study.
    annotator : str
        The annotator's name.
    labels : LabelMatrix
        All of the annotator's labels.
    groups : mapping of str to mapping of str to str, optional
        The groups of their posts.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        The name cannot be used.
    StudyError
        The file cannot be written.
    """
    path = gold_file(study, annotator)
    with writing(path.parent):
        path.parent.mkdir(mode=0o700, exist_ok=True)
    order = sorted(range(len(labels)), key=lambda row: labels.ids[row])
    extra = {"annotator": dict.fromkeys(labels.ids, annotator), **(groups or {})}
    write_long(path, {"": labels.take(order)}, extra=extra)
    return path


def joined(several: Iterable[Groups]) -> Groups:
    """Return the groups of several sheets; the last counts, and columns whose names have a meaning are left out."""
    found: dict[str, dict[str, str]] = {}
    for groups in several:
        for name, cells in groups.items():
            if cells and plain_columns(Table((name,), ())).keys().isdisjoint(_TAKEN):
                found.setdefault(name, {}).update(cells)
    return found


def differing(known: LabelMatrix, given: LabelMatrix) -> Bools:
    """Return where two label matrices of the same texts contradict each other, (N, 19)."""
    both = ~np.isnan(known.labels) & ~np.isnan(given.labels)
    differs: Bools = (both & (known.labels != given.labels)).any(axis=2)
    present = (known.labels[..., 0] == 1) & (given.labels[..., 0] == 1)
    differs |= present & (known.dominant != given.dominant)
    return differs


def overlaid(known: LabelMatrix, given: LabelMatrix) -> LabelMatrix:
    """Return the known labels overlaid with the given ones, which count where both have a label.

    Probabilities of the given labels are left out, because gold labels have none.
    """
    ids = tuple(dict.fromkeys((*known.ids, *given.ids)))
    whole, new = known.of(ids), given.of(ids)
    other = differing(whole, new)
    fills = np.isnan(whole.labels) & ~np.isnan(new.labels)
    takes = fills | other[..., None]
    whole.labels[takes] = new.labels[takes]
    dominates = other | fills[..., 0]
    whole.dominant[dominates] = new.dominant[dominates]
    return whole
