"""Find the post that a row of a table is about, among cells that spreadsheets may have rounded or marked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from valex_local.files.tables import unguarded
from valex_local.posts.ids import PostKey, is_number, known_user, post_key

_ROUNDED = re.compile(r"\+?\d(?:[.,]\d+)?[Ee]\+?1\d(?:\.0)?")
_GROUPED = re.compile(r"\d{1,4}(?:[\s.,'’]\d{3,4})+")  # 7,300,000,000,000,000,041
_MARKS = "'\"“”„‘’«»`= "


class RowId(NamedTuple):
    """What the id cells of a row say.

    Attributes
    ----------
    key : PostKey or None
        The TikTok post that the most trusted whole cell names, with the user from another cell if that one has none.
    names : tuple of str
        The whole cells, most trusted first, as written and without marks.
    rounded : mapping of str to str
        The cells that a spreadsheet has rounded, by column.
    """

    key: PostKey | None
    names: tuple[str, ...]
    rounded: dict[str, str]


def plain_id(cell: object) -> str:
    """Return an id without what keeps spreadsheets from rounding it: ``'``, ``="..."``, quotes, tabs, invisible signs.

    Marks are taken off TikTok ids only, as they may belong to another name.
    """
    shown = "".join(char for char in str(cell) if unicodedata.category(char) not in ("Cf", "Cc"))
    plain = unguarded(shown.strip()).strip()
    bare = plain.strip(_MARKS)
    if _GROUPED.fullmatch(bare) and is_number(digits := re.sub(r"\D", "", bare)):
        return digits
    return bare if is_rounded(bare) or post_key(bare) is not None else plain


def is_rounded(cell: str) -> bool:
    """Whether a spreadsheet has rounded an id, as in ``7.3E+18``."""
    return _ROUNDED.fullmatch(cell) is not None


def row_id(cells: Iterable[tuple[str, Any]], author: str | None = None) -> RowId:
    """Return what the id cells of a row say.

    Parameters
    ----------
    cells : iterable of (str, object)
        Column and content of each filled cell, most trusted first.
    author : str, optional
        The user, according to another column.
    """
    keys: list[PostKey] = []
    names: dict[str, None] = {}
    rounded: dict[str, str] = {}
    for column, value in cells:
        plain = plain_id(value)
        if is_rounded(plain):
            rounded[column] = plain
        elif isinstance(value, str | int) and not isinstance(value, bool):
            names.update(dict.fromkeys(filter(None, (str(value).strip(), plain))))
            keys += [key] if (key := post_key(plain)) is not None else []
    whole = next((key for key in keys if key.user is not None), None)
    if whole is None and keys:
        whole = PostKey(known_user(author, marked=True), keys[0].number)
    return RowId(whole, tuple(names), rounded)
