"""Recognise the columns and cells of a lab's table: ids of posts, names of values, groups."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import SequenceMatcher
from pathlib import Path

from valex_local.corpus.documents import DOCUMENT, DocumentColumns
from valex_local.errors import InputError
from valex_local.files.tables import Row, Table
from valex_local.files.text import clean_text
from valex_local.posts.discover import SUFFIXES
from valex_local.posts.id_cells import plain_id, row_id
from valex_local.posts.ids import PostKey, post_key
from valex_local.posts.text import COLUMNS, flatten
from valex_local.schwartz import CIRCLE, Value

SHORT = 300
"""Maximum length, in characters, of the cells of a column that texts can be grouped by."""

ID_COLUMNS = ("post", "argumentid", *(name.replace("_", "") for name in COLUMNS["id"]))
"""Names of columns of ids, the most reliable first, in plain spelling (see `plain_columns`)."""

NO_VALUE = "Universalism: objectivity"
"""The one category of ValueEval'23 that is not among the 19 values."""


# --- names ----------------------------------------------------------------------------------------------------------


def plain_columns(table: Table) -> Mapping[str, str]:
    """Return a mapping from plain names (lower case, without blanks, ``_`` and ``-``) to columns.

    Of several columns with the same plain name, the first counts.
    """
    return {plain: name for name in reversed(table.columns) for plain in flatten({name: None})}


def column_named(name: str, table: Table, path: Path) -> str:
    """Return the column that a user asked for by name.

    Parameters
    ----------
    name : str
        The name; case, blanks, ``_`` and ``-`` do not matter where no column has exactly this name.
    table : Table
        The table.
    path : Path
        Its file, for the message.

    Returns
    -------
    str
        The name as the table spells it.

    Raises
    ------
    InputError
        The table has no such column.
    """
    found = name if name in table.columns else plain_columns(table).get(next(iter(flatten({name: None}))))
    if found is None:
        raise InputError(f"there is no column {name!r}", path=path, hint=f"The columns are: {table.listed}")
    return found


def is_no_value(name: str) -> bool:
    """Whether a name is a spelling of the category `NO_VALUE`."""
    return _plain_value(name) == _plain_value(NO_VALUE)


def value_named(name: str) -> Value | None:
    """Return the value with this name, or None.

    A value can be named as in the theory (``Self-direction: thought``), as in the authors' sheet
    (``1_Value1_Self_Direction_Thought_values``, with or without the prefix and suffix) or like the member of `Value`;
    case, blanks and punctuation do not matter.
    """
    return _VALUES.get(_plain_value(name))


def is_meant_as_value(name: str) -> bool:
    """Whether a column name that matches no value looks like a misspelt one."""
    shaped = re.search(r"^\d+_?value|_values$", name, re.IGNORECASE) is not None
    whole_family = _plain_value(name) in _FAMILIES  # "Power", for example, stands for two of the 19
    return shaped or whole_family or _similarity(name, _nearest(name)[0]) > 0.8


def known_values(name: str) -> str:
    """Return the names of all values, the most similar to `name` first."""
    return ", ".join(_nearest(name))


def _nearest(name: str) -> list[Value]:
    return sorted(CIRCLE, key=lambda value: -_similarity(name, value))


def _similarity(name: str, value: Value) -> float:
    spellings = {_plain_value(value), _plain_value(value.sheet_column)}
    return max(SequenceMatcher(None, _plain_value(name), spelling).ratio() for spelling in spellings)


def _plain_value(name: str) -> str:
    plain = re.sub(r"[\W_]+", "", name).casefold()
    return re.sub(r"^\d*(?:value\d+)?(.*?)(?:values)?$", r"\1", plain)


_FAMILIES = frozenset(_plain_value(value.partition(":")[0]) for value in CIRCLE)
_VALUES = {_plain_value(name): value for value in CIRCLE for name in (value, value.sheet_column, value.name)}


# --- ids ------------------------------------------------------------------------------------------------------------


def text_id(name: str) -> str:
    """Return the id of a text, derived from a name, a URL or a file name.

    For a TikTok post this is ``user_number``, or the number alone where no user is given; for anything else the name
    itself, stripped and without the extension of a video or text file.
    """
    plain = clean_text(name).strip()
    key = post_key(plain)
    if key is not None:
        return key_id(key)
    stem = plain[: -len(ending[0])] if (ending := _ENDING.search(plain)) else ""
    return text_id(stem) if stem.strip() else plain


_ENDING = re.compile(rf"({'|'.join(re.escape(e) for e in sorted({*SUFFIXES, '.txt'}))})$", re.IGNORECASE)


def key_id(key: PostKey) -> str:
    """Return the id of a TikTok post."""
    return key.number if key.user is None else f"{key.user}_{key.number}"


class Ids:
    """Read the id in a row.

    Attributes
    ----------
    columns : tuple of str
        The columns of ids, the most reliable first; empty if there are none. Sentences of documents have two, which
        make the id together.

    Parameters
    ----------
    table : Table
        The table.
    named : str, optional
        The column of ids. When left out, columns are recognised by their names, the first column also by the TikTok
        URLs in it.
    """

    def __init__(self, table: Table, named: str | None = None) -> None:
        plain = plain_columns(table)
        known = (*(plain[name] for name in ID_COLUMNS if name in plain), *_first_column_of_posts(table))
        self.sentences = DocumentColumns.of(plain) if named is None else None
        self.columns = self.sentences or tuple(dict.fromkeys(known if named is None else (named,)))
        authors = (plain.get(name.replace("_", "")) for name in COLUMNS["author"])
        self._author = next((column for column in authors if column is not None), None)
        self._rounded: dict[str, list[str]] = {}

    def of(self, row: Row) -> str:
        """Return the id in a row, or "" if it has none; the most reliable column counts whose cell is whole.

        Raises
        ------
        ValueError
            A spreadsheet program has rounded all its ids, or the id of a sentence is half empty; the message names
            the column.
        """
        if self.sentences is not None:
            return self.sentences.id_of(row.cells)
        cells = [(column, cell) for column in self.columns if (cell := row.cells[column].strip())]
        author = row.cells[self._author].strip().removeprefix("@") if self._author is not None else ""
        found = row_id(cells, author)
        for column, cell in found.rounded.items():
            if not found.names:
                raise ValueError(f"column {column}: {cell!r} is an id that a spreadsheet has rounded")
            self._rounded.setdefault(column, []).append(f"row {row.number}, {cell!r}")
        return key_id(found.key) if found.key is not None else text_id(next(iter(found.names), ""))

    def notices(self) -> tuple[str, ...]:
        """Return notices about ids in the rows read so far that a spreadsheet has rounded."""
        return tuple(
            f"ids in column {column} that a spreadsheet has rounded, so that another column counts: "
            f"{len(places)} (first: {places[0]})"
            for column, places in self._rounded.items()
        )


def _first_column_of_posts(table: Table) -> tuple[str, ...]:
    first = table.columns[:1]
    filled = (cell for row in table.rows for column in first if (cell := row.cells[column].strip()))
    return first if post_key(plain_id(next(filled, ""))) is not None else ()


# --- groups ---------------------------------------------------------------------------------------------------------


class Groups:
    """Read what texts can be grouped by: every column of short cells that has no other meaning.

    The columns of authors and genres are also available as ``author`` and ``genre``, whatever the table calls them, and
    the ids of documents as ``document``.

    Attributes
    ----------
    columns, left_out : tuple of str
        The columns of short cells, and those with longer cells.

    Parameters
    ----------
    table : Table
        The table.
    taken : collection of str
        Columns with another meaning.
    """

    def __init__(self, table: Table, taken: Collection[str]) -> None:
        free = {column: _longest(table, column) for column in table.columns if column not in taken}
        self.columns = tuple(column for column, longest in free.items() if 0 < longest <= SHORT)
        self.left_out = tuple(column for column, longest in free.items() if longest > SHORT)
        plain = plain_columns(table)
        self._named = {column: column for column in self.columns}
        if (sentences := DocumentColumns.of(plain)) is not None and sentences.document in taken:
            self._named[DOCUMENT] = sentences.document
        for name in ("genre", "author"):
            for spelling in COLUMNS[name]:
                column = plain.get(spelling.replace("_", ""))
                if column in self.columns and column is not None:
                    self._named.setdefault(name, column)

    def of(self, row: Row) -> dict[str, str]:
        """Return the groups of a row."""
        return {name: cell for name, column in self._named.items() if (cell := row.cells[column].strip())}


def with_author(groups: Mapping[str, str], post: str) -> Mapping[str, str]:
    """Return groups in which ``author`` is the user in a TikTok id, if the id has one.

    The id takes precedence over a column of authors: display names may be missing in some rows, which would split one
    author into two groups.
    """
    key = post_key(post)
    return groups if key is None or key.user is None else {**groups, "author": key.user}


def _longest(table: Table, column: str) -> int:
    return max((len(row.cells[column].strip()) for row in table.rows), default=0)
