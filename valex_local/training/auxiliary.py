"""Auxiliary labels: further columns that the encoder learns besides the values, so that it learns more from each text.

Caruana (1997), "Multitask learning". An example are the 54 finer categories (level 1) of Touché ValueEval. The outputs
for them are dropped after the training, so the model directory does not contain them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from valex_local.corpus import Corpus
from valex_local.corpus.columns import Ids
from valex_local.corpus.label_matrix import Floats
from valex_local.errors import InputError
from valex_local.files.tables import read_table

_CELLS = {"0": 0.0, "1": 1.0, "": np.nan}


@dataclass(frozen=True, eq=False)
class Auxiliary:
    """Auxiliary labels of the texts of a corpus.

    Attributes
    ----------
    labels : ndarray of float64, shape (N, columns)
        1, 0, or NaN where it is not known; rows in the order of the corpus.
    about : str
        How many there are and where they come from, for the model card.
    notices : tuple of str
        What was left out or assumed.
    """

    labels: Floats
    about: str
    notices: tuple[str, ...] = ()


def read_auxiliary(paths: Sequence[Path], corpus: Corpus) -> Auxiliary:
    """Return auxiliary labels from tables with a column of ids and further columns of 0, 1 or nothing.

    Columns with the same name in several tables are one.

    Parameters
    ----------
    paths : sequence of Path
        CSV or TSV files or workbooks.
    corpus : Corpus
        The texts; ids of the tables are matched with theirs.

    Returns
    -------
    Auxiliary
        The labels.

    Raises
    ------
    InputError
        A table has no ids or another cell, gives a text two rows that differ, or none of its rows is of a text.
    """
    rows_of = {name: row for row, text in enumerate(corpus.texts) for name in (*text.names, text.id)}
    names: dict[str, int] = {}
    cells: dict[tuple[int, int], float] = {}
    notices: list[str] = []
    for path in paths:
        found, said = _read(path)
        matched = [(rows_of[name], of_text) for name, of_text in found if name in rows_of]
        if not matched:
            raise InputError("no row is of a text that is trained on", path=path, hint="Give texts and rows equal ids")
        for row, of_text in matched:
            for column, cell in of_text.items():
                place = row, names.setdefault(column, len(names))
                if not np.isnan(cell) and cells.setdefault(place, cell) != cell:
                    raise InputError(f"two rows of {corpus.texts[row].id} differ in {column!r}", path=path)
        unmatched = len(found) - len(matched)
        notices += [f"{path.name}: {notice}" for notice in said]
        notices += [f"{path.name}: rows of no text that is trained on: {unmatched}"] if unmatched else []
    labels = np.full((len(corpus.texts), len(names)), np.nan)
    for place, cell in cells.items():
        labels[place] = cell
    known = int((~np.isnan(labels)).any(axis=1).sum())
    about = f"{len(names)} auxiliary labels of {known:,} texts, from {', '.join(path.name for path in paths)}"
    return Auxiliary(labels, about, tuple(notices))


def _read(path: Path) -> tuple[list[tuple[str, dict[str, float]]], tuple[str, ...]]:
    """Return the labels of each row with the id of its text, or "" if it has none, and notices."""
    table = read_table(path)
    ids = Ids(table)
    columns = [name for name in table.columns if name not in ids.columns]
    if not ids.columns or not columns:
        what = f"no column of {'labels' if ids.columns else 'ids'} was recognised"
        raise InputError(f"{what} (columns: {table.listed})", path=path)
    found = []
    for row in table.rows:
        other = next((column for column in columns if row.cells[column].strip() not in _CELLS), None)
        if other is not None:
            what = f"row {row.number}: the cell of {other!r} is neither 0 nor 1 nor empty"
            raise InputError(what, path=path, hint="Leave only ids and auxiliary labels in this table")
        try:
            name = ids.of(row)
        except ValueError:
            name = ""
        found.append((name, {column: _CELLS[row.cells[column].strip()] for column in columns}))
    return found, (*table.all_notices, *ids.notices())
