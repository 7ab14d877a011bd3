"""Label sheets as labs keep them: who says what of which post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from valex_local.corpus.aggregate import join, majority
from valex_local.corpus.columns import Groups, Ids, plain_columns
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.long_format import LongRows
from valex_local.corpus.sheet_builder import SheetBuilder
from valex_local.corpus.wide_format import WideRows, has_value_columns
from valex_local.errors import InputError
from valex_local.files.tables import Row, read_table

SheetKind = Literal["authors", "codes", "long", "touche"]

ANNOTATOR_COLUMNS = ("annotator", "coder", "rater")
"""Names of the column that says whose labels a row holds, in plain spelling."""

BESIDE = ("hassound", "notes")
"""Columns of the authors that say nothing of values or groups, in plain spelling."""


@dataclass(frozen=True)
class Sheet:
    """What a label sheet holds.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"authors", "codes", "long", "touche"}
        The authors' sheet of words, their CSV of -1, 0, 1 and 2, a row for each post and value, or the categories of
        the ValueEval shared task.
    answers : mapping of str to LabelMatrix
        What is said, by annotator, or by run where the table has a column ``run``; "" where the sheet names neither.
    has_probabilities : bool
        Whether some label has a probability.
    groups : mapping of str to mapping of str to str
        By the name of a column that means nothing else and is the same in all rows of a post (``author``, ``fold``,
        ``group``, ...): the cell of each post.
    notices : tuple of str
        What a reader of the labels must know: what was left out, what counts as not assessed.
    """

    path: Path
    kind: SheetKind
    answers: Mapping[str, LabelMatrix]
    has_probabilities: bool
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def read_sheet(path: Path) -> Sheet:
    """Read a label sheet, CSV or TSV; its kind is told by its head and cells.

    Raises
    ------
    InputError
        The file is no such sheet, a value's name is unknown (the nearest known one is named), a cell cannot be
        understood (row and column are named), or two rows contradict each other.
    """
    table = read_table(path)
    plain = plain_columns(table)
    long = "value" in plain and not has_value_columns(table)
    rows = LongRows(table, path) if long else WideRows(table, path)
    ids = Ids(table)
    if not ids.columns:
        raise InputError(
            f"no column is known to hold ids of posts (columns: {', '.join(table.columns)})",
            path=path,
            hint="Name one of them post, video_id or url",
        )
    who = _who(plain, path)
    ledger = SheetBuilder(path)
    beside = (column for column in (who, *map(plain.get, BESIDE)) if column is not None)
    grouped = _Grouped(Groups(table, (*ids.columns, *rows.taken, *beside)))
    empty = 0
    for row in table.rows:
        post = _post(ids, row, path)
        if not post and rows.is_blank(row):
            empty += 1
            continue
        if not post:
            raise InputError(
                f"row {row.number} has labels and no id (column {', '.join(ids.columns)})",
                path=path,
                hint="Give it one, or remove the row",
            )
        ledger.add(row.cells[who].strip() if who else "", post, row.number, rows.said(row))
        grouped.add(post, row)
    answers = ledger.answers()
    if not answers:
        raise InputError("this sheet holds no labels", path=path, hint="Name a sheet with a row for each post")
    scored = any(bool(np.isfinite(said.probabilities).any()) for said in answers.values())
    skipped = (f"rows left out, without id and labels: {empty}",) if empty else ()
    notices = (*rows.notices(), *ledger.notices(), *skipped, *grouped.notices())
    return Sheet(path, rows.kind, answers, scored, grouped.same, notices)


def _who(plain: Mapping[str, str], path: Path) -> str | None:
    """Return the column that says whose labels a row holds, or None."""
    known = [plain[name] for name in ("run", *ANNOTATOR_COLUMNS) if name in plain]
    if len(known) > 1:
        raise InputError(
            f"the columns {' and '.join(known)} both say whose labels these are", path=path, hint="Keep one of them"
        )
    return known[0] if known else None


def _post(ids: Ids, row: Row, path: Path) -> str:
    try:
        return ids.of(row)
    except ValueError as error:
        raise InputError(f"row {row.number}, {error}", path=path, hint="Mend the cell") from error


class _Grouped:
    """Collects the groups of posts; a column that differs between rows of one post is none."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._differing: dict[str, None] = {}
        self.same: dict[str, dict[str, str]] = {}

    def add(self, post: str, row: Row) -> None:
        for name, cell in self._groups.of(row).items():
            if name not in self._differing and self.same.setdefault(name, {}).setdefault(post, cell) != cell:
                self._differing[name] = None
                del self.same[name]

    def notices(self) -> tuple[str, ...]:
        read = ", ".join(self.same)
        differing, long = ", ".join(self._differing), ", ".join(self._groups.left_out)
        notices = (
            f"columns that texts can be grouped by: {read}" if read else "",
            f"columns left out, since they differ between rows of one post: {differing}" if differing else "",
            f"columns left out, since their cells are long: {long}" if long else "",
        )
        return tuple(notice for notice in notices if notice)


def gold_of(sheets: Sheet | Sequence[Sheet], annotator: str | None = None) -> LabelMatrix:
    """Return what sheets say together.

    Parameters
    ----------
    sheets : Sheet or sequence of Sheet
        The sheets. What one annotator says in several, or what several say without naming anyone, is joined.
    annotator : str, optional
        The one annotator who counts; when left out, the majority over all of them, by polarity: blanks are no votes,
        and a tie says nothing.

    Raises
    ------
    InputError
        No sheet has such an annotator, or two sheets contradict each other.
    """
    several = (sheets,) if isinstance(sheets, Sheet) else tuple(sheets)
    names = tuple(dict.fromkeys(name for sheet in several for name in sheet.answers))
    if not names:
        raise InputError("there is no label sheet", hint="Name at least one")
    if annotator is not None and annotator not in names:
        known = ", ".join(repr(name) for name in names if name) or "none"
        raise InputError(f"there is no annotator {annotator!r}", path=several[0].path, hint=f"The sheets name: {known}")
    voices = [
        join([(str(sheet.path), sheet.answers[name]) for sheet in several if name in sheet.answers])
        for name in (names if annotator is None else (annotator,))
    ]
    return voices[0] if len(voices) == 1 else majority(voices)
