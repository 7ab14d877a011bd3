"""Tables of post texts: CSV, TSV, NDJSON or JSON with a column of ids or URLs, as 4CAT and Zeeschuimer export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from valex_local.errors import InputError
from valex_local.files.tables import parse_table
from valex_local.files.text import read_text
from valex_local.posts.ids import PostIndex, PostKey
from valex_local.posts.text import COLUMNS, cells, flatten, key_of, post_text
from valex_local.records import PostText


@dataclass
class MetaRow:
    """A row of the table. `names` are its id cells as written; `used` is whether a video matched it."""

    where: str
    key: PostKey | None
    names: tuple[str, ...]
    text: PostText
    used: bool = False

    def __str__(self) -> str:
        name = f"{self.key.user or '?'}_{self.key.number}" if self.key else (self.names or ("without an id",))[0]
        return f"{self.where}: {name}"


@dataclass
class MetaTable:
    """The rows of a table of post texts, indexed by post."""

    rows: list[MetaRow] = field(default_factory=list)
    _index: PostIndex[MetaRow] = field(default_factory=PostIndex)

    def add(self, row: MetaRow) -> None:
        """Add a row."""
        self.rows.append(row)
        self._index.add(row, [row.key], row.names)

    def find(self, key: PostKey | None, *names: str) -> list[PostText]:
        """Return the table's texts for a post, given its key and names, and mark their rows as used."""
        found = self._index.of_key(key)
        for name in names:
            found += [row for row in self._index.of_name(name) if row.key is None or key is None]
        for row in found:
            row.used = True
        return [row.text for row in found]

    def unmatched(self) -> tuple[str, ...]:
        """Return the rows that match no video."""
        return tuple(str(row) for row in self.rows if not row.used)


def read_meta(path: Path) -> MetaTable:
    """Return the table of post texts read from a file.

    Raises
    ------
    InputError
        The file is not such a table, has no column of ids or URLs, or a cell cannot be understood (the message names
        row and column).
    """
    text = read_text(path)
    kind = path.suffix.lower()
    objects = kind in (".ndjson", ".jsonl", ".json") or (
        kind not in (".csv", ".tsv", ".tab") and text[:1] in ("{", "[")
    )
    table = MetaTable()
    for where, item in _objects(text, path) if objects else _lines(text, path):
        flat = flatten(item)
        names = tuple(dict.fromkeys(str(v).strip() for _, v in cells(flat, "id") if isinstance(v, str | int)))
        try:
            table.add(MetaRow(where, key_of(flat), names, post_text(flat)))
        except ValueError as error:
            raise InputError(f"{where}, {error}", path=path, hint="Fix the cell or empty it") from error
    return table


def _objects(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the objects of NDJSON or of a JSON list; Zeeschuimer's are wrapped in ``data``."""
    if text.lstrip().startswith("["):
        items = _json(text, "the file", path)
        numbered = [(f"item {n}", item) for n, item in enumerate(items, 1)]
    else:
        lines = [(f"line {n}", line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
        numbered = [(where, _json(line, where, path)) for where, line in lines]
    for where, item in numbered:
        if not isinstance(item, dict):
            raise InputError(f"{where}: expected a JSON object", path=path, hint="Fix or remove it")
        inner = item.get("data")
        yield where, {"item_id": item.get("item_id"), **inner} if isinstance(inner, dict) else item


def _json(text: str, where: str, path: Path) -> Any:
    try:
        return from_json(text)
    except ValueError as error:
        raise InputError(f"{where} is not valid JSON ({error})", path=path, hint="Fix or remove it") from error


def _lines(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of a CSV or TSV file."""
    table = parse_table(text, path)
    if not cells(flatten(dict.fromkeys(table.columns, "x")), "id"):
        raise InputError(
            f"no column holds ids or URLs (columns: {', '.join(table.columns) or 'none'})",
            path=path,
            hint=f"Rename that column to one of these: {', '.join(COLUMNS['id'])}",
        )
    for row in table.rows:
        yield f"row {row.number}", row.cells
