"""Read label sheets as labs keep them: which annotator gave which post which label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from valex_local.corpus.aggregate import join, majority
from valex_local.corpus.columns import Groups, Ids, plain_columns
from valex_local.corpus.documents import tables_named
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.long_format import LongRows
from valex_local.corpus.polarity_format import PolarityRows, has_polarity_columns
from valex_local.corpus.sheet_builder import ABSENT, YES_NO, Blank, Places, SheetBuilder, label_cell
from valex_local.corpus.wide_format import WideRows, has_value_columns
from valex_local.errors import InputError
from valex_local.files.folders import visible_files
from valex_local.files.tables import Row, Table, read_table

SheetKind = Literal["authors", "codes", "long", "touche", "valueeval24"]

ANNOTATOR_COLUMNS = ("annotator", "coder", "rater")
"""Names of the column of annotators, in plain spelling."""

LABELS = "labels"
"""Begins the names of the files of ValueEval'24 that hold labels."""

CODED = "coded"
"""The column, in plain spelling, in which coders mark the rows that they have finished."""

BESIDE = ("hassound", "notes", CODED)
"""Columns of the authors' sheet that are neither values nor groups, in plain spelling."""


@dataclass(frozen=True)
class Sheet:
    """The content of a label sheet.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"authors", "codes", "long", "touche", "valueeval24"}
        The authors' sheet of words, their CSV of -1, 0, 1 and 2, one row for each post and value, the categories of the
        shared task ValueEval'23, or the columns for attained and constrained of ValueEval'24.
    labels : mapping of str to LabelMatrix
        The labels by annotator, or by run if the table has a column ``run``; under "" if it has neither.
    has_probabilities : bool
        Whether any label has a probability.
    groups : mapping of str to mapping of str to str
        The cell of each post in every column that has no other meaning and is the same in all rows of a post
        (``author``, ``fold``, ``group``, ...), by the name of the column.
    notices : tuple of str
        What was left out, and what counts as not assessed.
    complete : bool
        Whether every row and cell with a label was understood.
    """

    path: Path
    kind: SheetKind
    labels: Mapping[str, LabelMatrix]
    has_probabilities: bool
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    complete: bool = True


def read_sheet(path: Path, *, blank: Blank | None = None) -> Sheet:
    """Return the content of a label sheet (CSV, TSV or a workbook), whose kind is recognised from its header and cells.

    A cell that is no label, and a label that another row contradicts, count as not assessed; a row whose post is not
    known is left out. Notices give their number, and row and column of the first few.

    Parameters
    ----------
    path : Path
        The file.
    blank : {"absent", "missing"}, optional
        What a blank cell means. When left out, the kind of sheet says it: absent where words or ticks mark what is
        present, and in rows that a column ``coded`` marks as finished; not assessed where numbers, yes and no say what
        is absent. Rows that such a column does not mark are left out.

    Returns
    -------
    Sheet
        The labels by annotator.

    Raises
    ------
    InputError
        The sheet does not say what a blank means, the file is not a label sheet, contains no label that can be
        understood, or a column is named almost like a value (the message suggests which).
    """
    table = read_table(path, _is_sheet)
    plain = plain_columns(table)
    coded = plain.get(CODED)
    rows = _rows(table, path, "absent" if blank is None and coded is not None else blank)
    ids = Ids(table)
    if not ids.columns:
        raise InputError(
            f"no column of ids was recognised (columns: {table.listed})",
            path=path,
            hint="Rename the column of ids to post, video_id or url",
        )
    who = _annotator_column(plain, path)
    builder, nameless = SheetBuilder(), Places()
    beside = (column for column in (who, *map(plain.get, BESIDE)) if column is not None)
    grouped = _Grouped(Groups(table, (*ids.columns, *rows.taken, *beside)))
    empty = unfinished = 0
    for row in table.rows:
        if coded is not None and not _is_marked(row.cells[coded]):
            unfinished += 1
            continue
        try:
            post = ids.of(row)
        except ValueError as error:
            nameless.add("rows left out because their post is not known", f"row {row.number}, {error}")
            continue
        if not post and rows.is_blank(row):
            empty += 1
            continue
        if not post:
            nameless.add("rows left out because their post is not known", f"row {row.number} has labels but no id")
            continue
        builder.add(row.cells[who].strip() if who else "", post, f"row {row.number}", rows.labels(row))
        grouped.add(post, row)
    matrices = builder.matrices()
    lost = (*table.all_notices, *ids.notices(), *nameless.notices())
    complete = rows.complete and builder.complete and not nameless and not table.left_out
    if not matrices or not (complete or any(np.isfinite(labels.labels).any() for labels in matrices.values())):
        why = "; ".join((*lost, *rows.notices(), *builder.notices()))
        raise InputError(
            f"this sheet contains no labels{f' ({why})' if why else ''}",
            path=path,
            hint="Choose a sheet with a row for each post",
        )
    scored = any(bool(np.isfinite(labels.probabilities).any()) for labels in matrices.values())
    skipped = (f"rows left out because they have neither an id nor labels: {empty}",) if empty else ()
    left = (f"rows left out because they are not marked as coded: {unfinished}",) if unfinished else ()
    notices = (*lost, *rows.notices(), *builder.notices(), *skipped, *left, *grouped.notices())
    return Sheet(path, rows.kind, matrices, scored, grouped.same, notices, complete)


def _is_marked(cell: str) -> bool:
    """Whether a coder marked a row as finished, in whatever way."""
    plain = label_cell(cell)
    return bool(plain) and plain not in ("0", "0.0") and YES_NO.get(plain) != ABSENT


def sheet_files(paths: Sequence[Path]) -> list[Path]:
    """Return files of label sheets, and of each folder the ``labels.tsv`` of ValueEval'24 in it and its subfolders.

    Raises
    ------
    InputError
        A folder contains none.
    """
    found: list[Path] = []
    for path in paths:
        inside = tables_named(LABELS, visible_files(path)) if path.is_dir() else [path]
        if not inside:
            raise InputError("this folder contains no labels.tsv", path=path, hint="Name the label sheets themselves")
        found += inside
    return found


def _rows(table: Table, path: Path, blank: Blank | None) -> LongRows | PolarityRows | WideRows:
    if has_polarity_columns(table.columns):
        return PolarityRows(table, path, blank)
    if "value" in plain_columns(table) and not has_value_columns(table):
        return LongRows(table, path, blank)
    return WideRows(table, path, blank)


def _is_sheet(head: Sequence[str]) -> bool:
    names = Table(tuple(dict.fromkeys(head)), ())
    return (
        has_value_columns(names)
        or has_polarity_columns(names.columns)
        or {"value", "state"} <= plain_columns(names).keys()
    )


def _annotator_column(plain: Mapping[str, str], path: Path) -> str | None:
    """Return the column of annotators or runs, or None."""
    known = [plain[name] for name in ("run", *ANNOTATOR_COLUMNS) if name in plain]
    if len(known) > 1:
        raise InputError(
            f"the columns {' and '.join(known)} both say who gave the labels", path=path, hint="Keep one of them"
        )
    return known[0] if known else None


class _Grouped:
    """Collect the groups of posts; a column that differs between rows of one post is dropped."""

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
            f"columns left out because they differ between rows of one post: {differing}" if differing else "",
            f"columns left out because their cells are long: {long}" if long else "",
        )
        return tuple(notice for notice in notices if notice)


def gold_of(sheets: Sheet | Sequence[Sheet], annotator: str | None = None) -> LabelMatrix:
    """Return the gold labels in one or more sheets.

    Parameters
    ----------
    sheets : Sheet or sequence of Sheet
        The sheets. Labels of the same annotator in several sheets are joined, and so are those of sheets that name no
        annotator.
    annotator : str, optional
        The one annotator who counts. When left out, the majority of all annotators for each polarity counts: a blank
        is not a vote, and a tie leaves the polarity not assessed.

    Raises
    ------
    InputError
        No sheet has such an annotator, or two sheets contradict each other.
    """
    several = (sheets,) if isinstance(sheets, Sheet) else tuple(sheets)
    names = tuple(dict.fromkeys(name for sheet in several for name in sheet.labels))
    if not names:
        raise InputError("no label sheet was given", hint="Give at least one")
    if annotator is not None and annotator not in names:
        known = ", ".join(repr(name) for name in names if name) or "none"
        raise InputError(
            f"there is no annotator {annotator!r}", path=several[0].path, hint=f"The annotators are: {known}"
        )
    annotators = [
        join([(str(sheet.path), sheet.labels[name]) for sheet in several if name in sheet.labels])
        for name in (names if annotator is None else (annotator,))
    ]
    return annotators[0] if len(annotators) == 1 else majority(annotators)
