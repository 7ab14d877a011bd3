"""What was published with a video, read from the tables and JSON that collection tools write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import isnan
from typing import Any, NamedTuple

from pydantic_core import from_json

from valex_local.posts.dates import DateOrder, iso_time
from valex_local.posts.id_cells import RowId, row_id
from valex_local.posts.ids import PostKey, post_key
from valex_local.posts.titles import is_made_up
from valex_local.records import PostText

# Names used by yt-dlp, 4CAT, Zeeschuimer and common scrapers, most trusted first; compared as `_plain` gives them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "tiktok_url", "webpage_url", "post_url", "url", "link", "video_url", "web_video_url", "share_url", "id",
        "video_id", "item_id", "post_id", "aweme_id", "thread_id", "stem", "file", "filename", "file_name", "video",
        "name",
    ),
    "caption": ("body", "caption", "desc", "description", "video_description", "text", "title"),
    "hashtags": ("hashtags", "hashtag_names", "challenges", "text_extra", "tags"),
    "sound_title": ("music_name", "music.title", "music_title", "sound_title", "sound", "track", "musicmeta.musicname"),
    "author": (
        "author.unique_id", "author_unique_id", "unique_id", "author", "username", "user_name", "author_meta.name",
        "author_name", "uploader", "user",
    ),
    "posted_at": (
        "posted_at", "create_time", "create_time_iso", "unix_timestamp", "timestamp", "date", "created_at",
        "upload_date",
    ),
    "genre": ("genre", "genres"),
}  # fmt: skip

# What else says who and what a title may repeat; see `is_made_up`.
_REPEATED = (
    "author.nickname", "author_full_name", "category", "channel", "channel_id", "creator", "display_id", "extractor",
    "extractor_key", "nickname", "owner", "owner.username", "platform", "profile_name", "uploader_id", "uploader_url",
    "webpage_url_basename",
)  # fmt: skip

_LONGEST_TITLE = 400
"""Characters of a title above which it is certain that a person wrote it."""

WRITTEN_TITLE = "a title that the author wrote"
"""What is expected of a title; tools make one up where there is none."""


def flatten(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with the fields of its inner objects moved up one level, named like ``author.uniqueId``."""
    flat: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            flat.update({_plain(f"{name}.{inner}"): v for inner, v in value.items()})
        else:
            flat[_plain(name)] = value
    return flat


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    """Return a column's name without case, blanks, ``_`` and ``-``."""
    return re.sub(r"[\s_\-]", "", str(name)).casefold()


def cells(item: Mapping[str, Any], field: str) -> list[tuple[str, Any]]:
    """Return the filled cells of a flattened item that may hold a field, as (column, value), most trusted first."""
    found = [(name, item.get(_plain(name))) for name in COLUMNS[field]]
    return [(name, value) for name, value in found if value not in (None, "", [], {}) and not _is_blank(value)]


def has_column(item: Mapping[str, Any], field: str) -> bool:
    """Whether a flattened item has a column for a field, be it blank."""
    return any(_plain(name) in item for name in COLUMNS[field])


def _is_blank(value: Any) -> bool:
    """Whether a cell holds blanks alone, or the NaN that data frames write for a missing cell."""
    return not str(value).strip() or (isinstance(value, float) and isnan(value))


class CellFault(NamedTuple):
    """A cell that was left out: its column, its content, and what it should have been."""

    column: str
    value: Any
    expected: str

    def __str__(self) -> str:
        return f"column {self.column}: expected {self.expected}, not {brief(self.value)}"


def key_of(item: Mapping[str, Any]) -> PostKey | None:
    """Return the TikTok post that a flattened item is about, or None."""
    return id_of(item).key


def id_of(item: Mapping[str, Any]) -> RowId:
    """Return what the id cells of a flattened item say."""
    return row_id(cells(item, "id"), _author(item))


def post_text(
    item: Mapping[str, Any], faults: list[CellFault] | None = None, orders: Mapping[str, DateOrder] | None = None
) -> PostText:
    """Return the post text in a flattened item.

    Parameters
    ----------
    item : mapping of str to object
        The item.
    faults : list of CellFault, optional
        Takes the cells that cannot be understood, which are left out; without it the first of them raises.
    orders : mapping of str to {"day", "month"}, optional
        What comes first in the dates of a column; see `iso_time`.

    Raises
    ------
    ValueError
        A cell cannot be understood and `faults` is None; the message names its column.
    """
    found: list[CellFault] = []
    caption = _caption(item, found)
    tags = _hashtags(item, found) or tuple(dict.fromkeys(re.findall(r"#(\w+)", caption or "")))
    text = PostText(
        caption=caption,
        hashtags=tags,
        author=_author(item),
        sound_title=_first(item, "sound_title", found),
        posted_at=_posted_at(item, orders or {}, found),
        genre=_first(item, "genre", found),
        url=_address(item),
    )
    serious = [fault for fault in found if fault.expected != WRITTEN_TITLE]
    if faults is None and serious:
        raise ValueError(str(serious[0]))
    if faults is not None:
        faults += found
    return text


def _address(item: Mapping[str, Any]) -> str | None:
    """Return the URL of the post's page, not of a media file."""
    pages = [str(value).strip() for _, value in cells(item, "id") if str(value).strip().startswith("http")]
    other = item.get(_plain("webpage_url"))
    return next((page for page in pages if post_key(page)), other if isinstance(other, str) else None)


def _caption(item: Mapping[str, Any], faults: list[CellFault]) -> str | None:
    """Return the caption; a title counts only where there is none, and only if a tool did not make it up."""
    title = item.get("title")
    caption = _first(item, "caption", faults)
    if caption is None or not isinstance(title, str) or caption != title.strip() or len(title) > _LONGEST_TITLE:
        return caption
    others = {name: value for name, value in item.items() if name != "title"}
    if _first(others, "caption", []) is not None:
        return caption
    known = [str(value) for _, value in (*cells(item, "id"), *cells(item, "author"))]
    known += [str(item[name]) for name in map(_plain, _REPEATED) if isinstance(item.get(name), str | int)]
    if not is_made_up(title, [name for known_name in known for name in (known_name, known_name.lstrip("@"))]):
        return caption
    faults.append(CellFault("title", title, WRITTEN_TITLE))
    return None


def _first(item: Mapping[str, Any], field: str, faults: list[CellFault]) -> str | None:
    for column, value in cells(item, field):
        if isinstance(value, list) and value and isinstance(value[0], str):
            return value[0].strip()
        if isinstance(value, str | int | float):
            return str(value).strip()
        faults.append(CellFault(column, value, "text"))
    return None


def _author(item: Mapping[str, Any]) -> str | None:
    author = next((str(v).strip() for _, v in cells(item, "author") if isinstance(v, str)), None)
    return author.removeprefix("@") if author else None


def _hashtags(item: Mapping[str, Any], faults: list[CellFault]) -> tuple[str, ...]:
    for column, value in cells(item, "hashtags"):
        parts = _parts(value.strip()) if isinstance(value, str) else value
        if not isinstance(parts, list):
            faults.append(CellFault(column, value, "hashtags"))
            continue
        names = [_tag(part) for part in parts]
        found = tuple(dict.fromkeys(n.strip().lstrip("#") for n in names if n.strip().lstrip("#")))
        if found:
            return found
    return ()


def _parts(text: str) -> list[Any]:
    if text.startswith("["):
        try:
            return list(from_json(text))
        except (ValueError, TypeError):  # a list as Python prints it: ['a', 'b']
            text = re.sub(r"[\[\]'\"]", "", text)
    return re.split(r"[,;|\s]+", text)


def _tag(part: Any) -> str:
    if isinstance(part, Mapping):
        names = (part.get(name) for name in ("hashtagName", "hashtag_name", "title", "name"))
        return str(next(filter(None, names), ""))
    return str(part)


def _posted_at(item: Mapping[str, Any], orders: Mapping[str, DateOrder], faults: list[CellFault]) -> str | None:
    for column, value in cells(item, "posted_at"):
        try:
            return iso_time(value, orders.get(column))
        except (ValueError, OverflowError, OSError):
            faults.append(CellFault(column, value, "a date"))
    return None


def brief(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def merge(texts: Sequence[PostText]) -> PostText:
    """Return the texts merged into one: for each field, the first that is filled."""
    filled: dict[str, Any] = {}
    for text in texts:
        for name, value in text:
            if value and name not in filled:
                filled[name] = value
    return PostText(**filled)
