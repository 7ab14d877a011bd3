"""Tables of post texts: CSV, TSV, workbooks, NDJSON or JSON with ids or URLs, as 4CAT, Zeeschuimer and APIs write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valex_local.errors import InputError
from valex_local.files.delimited import decode
from valex_local.files.tables import Table, table_of
from valex_local.files.text import counted, read_raw
from valex_local.files.workbooks import is_workbook
from valex_local.posts.dates import DateOrder, date_order, is_ambiguous
from valex_local.posts.id_cells import RowId
from valex_local.posts.ids import PostIndex, PostKey
from valex_local.posts.json_items import read_json_items
from valex_local.posts.text import (
    COLUMNS,
    WRITTEN_TITLE,
    CellFault,
    brief,
    cells,
    flatten,
    has_column,
    id_of,
    post_text,
)
from valex_local.records import Notice, PostText

MISSING = frozenset(("nan", "NaN", "NaT", "None", "null", "NULL", "NA", "N/A", "#N/A", "<NA>", "undefined"))
"""What data frames, statistics programs and spreadsheets write for a missing value."""

_JSON = (".ndjson", ".jsonl", ".json")
_LIKE_JSON = re.compile(r'\s*(?:\{\s*["}]|\[\s*[\[{])')


@dataclass
class MetaRow:
    """A row of the table.

    Attributes
    ----------
    where : str
        Its place in the file.
    key : PostKey or None
        The TikTok post that it is about.
    names : tuple of str
        Its id cells as written, without those that a spreadsheet has rounded.
    text : PostText
        What was published with the post.
    notices : tuple of Notice
        Its cells that were left out.
    reason : str
        Why it may match no post; may be empty.
    used : bool
        Whether a post matched it.
    """

    where: str
    key: PostKey | None
    names: tuple[str, ...]
    text: PostText
    notices: tuple[Notice, ...] = ()
    reason: str = ""
    used: bool = False

    def __str__(self) -> str:
        known = f"{self.key.user or '?'}_{self.key.number}" if self.key else next(iter(self.names), "")
        return f"{self.where}: {', '.join(filter(None, (known, self.reason))) or 'without an id'}"


@dataclass
class MetaTable:
    """The rows of a table of post texts, indexed by post, and notices about what was left out or guessed."""

    rows: list[MetaRow] = field(default_factory=list)
    notices: tuple[Notice, ...] = ()
    _index: PostIndex[MetaRow] = field(default_factory=PostIndex)

    def add(self, row: MetaRow) -> None:
        """Add a row."""
        self.rows.append(row)
        self._index.add(row, [row.key], row.names)

    def find(self, key: PostKey | None, *names: str) -> list[PostText]:
        """Return the table's texts for a post, given its key and names, and mark their rows as used."""
        found = self._rows_of(key, names)
        for row in found:
            row.used = True
        return [row.text for row in found]

    def notices_of(self, key: PostKey | None, *names: str) -> tuple[Notice, ...]:
        """Return the notices about the rows of a post, given its key and names."""
        return tuple(dict.fromkeys(notice for row in self._rows_of(key, names) for notice in row.notices))

    def keys_of(self, key: PostKey | None, *names: str) -> tuple[PostKey, ...]:
        """Return the TikTok posts that the rows of a post name, given its key and names."""
        return tuple(row.key for row in self._rows_of(key, names) if row.key is not None)

    def names_post(self, key: PostKey | None, *names: str) -> bool:
        """Whether a row is about a post, given its key and names."""
        return bool(self._rows_of(key, names))

    def unmatched(self) -> tuple[str, ...]:
        """Return the rows that match no video."""
        return tuple(str(row) for row in self.rows if not row.used)

    def _rows_of(self, key: PostKey | None, names: Iterable[str]) -> list[MetaRow]:
        found = self._index.of_key(key)
        for name in names:
            found += [row for row in self._index.of_name(name) if row.key is None or key is None]
        return found


def read_meta(path: Path) -> MetaTable:
    """Return the table of post texts read from a file.

    A cell that cannot be understood is left out, and counted in a notice by column.

    Raises
    ------
    InputError
        The file is not such a table, or nothing in it names a post.
    """
    read = _read(path)
    named = [id_of(item) for _, item in read.items]
    if read.items and not any(row.names or row.rounded for row in named):
        raise InputError(
            f"no object here names its post (the first has {', '.join(list(read.items[0][1])[:8]) or 'no keys'})",
            path=path,
            hint=f"Posts are named by one of these: {', '.join(COLUMNS['id'])}",
        )
    tally = _Tally(_date_orders([item for _, item in read.items]))
    table = MetaTable()
    for (where, item), row in zip(read.items, named, strict=True):
        table.add(_row(where, item, row, tally))
    empty = () if table.rows else (Notice(code="table-row", text="table of post texts: it has no rows"),)
    table.notices = (
        *read.notices,
        *empty,
        *_without_captions([item for _, item in read.items]),
        *tally.notices(),
        *_repeated(table.rows),
    )
    return table


def _without_captions(items: Sequence[Mapping[str, Any]]) -> tuple[Notice, ...]:
    """Return a notice if no item has a column of captions, which may be there under another name."""
    if not items or any(has_column(item, "caption") for item in items):
        return ()
    columns = ", ".join(list(dict.fromkeys(name for item in items for name in item))[:12])
    text = (
        f"table of post texts: no column is one of {', '.join(COLUMNS['caption'])}, so no caption was read ({columns})"
    )
    return (Notice(code="table-read", text=text),)


# --- items ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Read:
    """The rows of a file as flattened items with their places."""

    items: list[tuple[str, dict[str, Any]]]
    notices: tuple[Notice, ...]


def _read(path: Path) -> _Read:
    raw = read_raw(path)
    suffix = path.suffix.lower()
    if is_workbook(raw):
        return _of_table(table_of(raw, path, _has_ids), path)
    text, guessed = decode(raw, path)
    if suffix not in _JSON and not _LIKE_JSON.match(text):
        return _of_table(table_of(raw, path), path)
    found = read_json_items(text, path)
    notices = [Notice(code="table-read", text=f"table of post texts: {what}") for what in guessed]
    return _Read([(where, flatten(item)) for where, item in found.items], (*notices, *_left_out(found.left_out)))


def _has_ids(head: Sequence[str]) -> bool:
    return bool(cells(flatten(dict.fromkeys(head, "x")), "id"))


def _of_table(table: Table, path: Path) -> _Read:
    if not _has_ids(table.columns):
        raise InputError(
            f"no column holds ids or URLs (columns: {table.listed})",
            path=path,
            hint=f"Rename that column to one of these: {', '.join(COLUMNS['id'])}",
        )
    notices = [Notice(code="table-read", text=f"table of post texts: {what}") for what in table.notices]
    items = [(f"row {row.number}", flatten(row.cells)) for row in table.rows]
    return _Read(items, (*notices, *_left_out(table.left_out)))


def _left_out(rows: Sequence[str]) -> tuple[Notice, ...]:
    if not rows:
        return ()
    text = f"table of post texts: {counted(len(rows), 'row')} left out (first: {rows[0]})"
    return (Notice(code="table-row", text=text),)


# --- rows -----------------------------------------------------------------------------------------------------------


def _row(where: str, item: Mapping[str, Any], named: RowId, tally: _Tally) -> MetaRow:
    missing = {name for name, value in item.items() if isinstance(value, str) and value.strip() in MISSING}
    faults: list[CellFault] = []
    text = post_text({n: v for n, v in item.items() if n not in missing}, faults, tally.orders)
    for fieldname in COLUMNS:
        for column, value in cells(item, fieldname):
            if isinstance(value, str) and value.strip() in MISSING:
                tally.add_missing(where, column, value)
    notices = [tally.add_fault(where, fault) for fault in faults]
    for column, value in named.rounded.items():
        tally.add_rounded(where, column, value, named)
    names = tuple(name for name in named.names if name not in MISSING)
    return MetaRow(where, named.key, names, text, tuple(notices), _reason(named))


def _reason(named: RowId) -> str:
    column = next(iter(named.rounded), None)
    if column is not None and not named.names:
        return f"a spreadsheet has rounded its id (column {column}: {named.rounded[column]!r})"
    if named.key is not None and named.key.number.endswith("0000"):
        return "a spreadsheet may have rounded its id, which ends in zeros"
    return ""


def _date_orders(items: Sequence[Mapping[str, Any]]) -> dict[str, tuple[DateOrder, int]]:
    """Return for each column of dates such as 02/11/2023 what comes first, if one says so, and how many ask."""
    columns: dict[str, list[Any]] = {}
    for item in items:
        for column, value in cells(item, "posted_at"):
            columns.setdefault(column, []).append(value)
    decided = {column: date_order(values) for column, values in columns.items()}
    return {column: (order, sum(map(is_ambiguous, columns[column]))) for column, order in decided.items() if order}


class _Tally:
    """Count cells that were left out or guessed, by column."""

    def __init__(self, orders: Mapping[str, tuple[DateOrder, int]]) -> None:
        self.orders = {column: order for column, (order, _) in orders.items()}
        self._assumed = {column: many for column, (_, many) in orders.items() if many}
        self._counts: dict[tuple[str, str, str], list[str]] = {}

    def add_fault(self, where: str, fault: CellFault) -> Notice:
        """Count a cell that is not what its column holds; return the notice for the post of its row."""
        code = {"a date": "table-date", WRITTEN_TITLE: "title-made-up"}.get(fault.expected, "table-cell")
        why = "the day or the month may come first" if is_ambiguous(fault.value) else f"not {fault.expected}"
        self._count(code, fault.column, f"cell left out: {why}", f"{where}, {brief(fault.value)}")
        text = f"left out of the table of post texts: {where}, column {fault.column}, {brief(fault.value)}: {why}"
        return Notice(code=code, text=text)

    def add_missing(self, where: str, column: str, value: str) -> None:
        """Count a cell that says that its value is missing."""
        code = "table-date" if column in COLUMNS["posted_at"] else "table-cell"
        self._count(code, column, "cell read as empty", f"{where}, {value!r}")

    def add_rounded(self, where: str, column: str, value: str, named: RowId) -> None:
        """Count an id that a spreadsheet has rounded."""
        place = f"{where}, {value!r}"
        if named.names:
            self._count("table-id", column, "id rounded by a spreadsheet, so another column counts", place)
        else:
            self._count("table-row", column, "row of no post because a spreadsheet rounded the id", place)

    def _count(self, code: str, column: str, what: str, place: str) -> None:
        self._counts.setdefault((code, column, what), []).append(place)

    def notices(self) -> list[Notice]:
        """Return a notice for each column and kind."""
        found = []
        for (code, column, what), places in self._counts.items():
            noun, then, rest = what.partition(" ")
            text = f"{counted(len(places), noun)}{then}{rest} (first: {places[0]})"
            found.append(Notice(code=code, text=f"table of post texts, column {column}: {text}"))
        for column, many in self._assumed.items():
            first = "day" if self.orders[column] == "day" else "month"
            what = f"{counted(many, 'date')} read with the {first} first, as other dates there are"
            found.append(Notice(code="table-date", text=f"table of post texts, column {column}: {what}"))
        return found


def _repeated(rows: Sequence[MetaRow]) -> tuple[Notice, ...]:
    """Return a notice if several rows about one post differ; for each field the first that has it counts."""
    first: dict[object, MetaRow] = {}
    differing: dict[object, MetaRow] = {}
    for row in rows:
        name: object = row.key.number if row.key is not None else row.names[:1]
        if name and first.setdefault(name, row).text != row.text:
            differing.setdefault(name, row)
    if not differing:
        return ()
    name, other = next(iter(differing.items()))
    places = f"{first[name].where} and {other.where}"
    text = f"{counted(len(differing), 'post')} with several rows that differ, of which the first filled cells count"
    return (Notice(code="table-cell", text=f"table of post texts: {text} (first: {places})"),)
