"""What was published with a video, read from the tables and JSON that collection tools write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from valex_local.errors import InputError
from valex_local.files.text import read_text
from valex_local.posts.ids import PostKey, post_key
from valex_local.records import Notice, PostText

# Names used by yt-dlp, 4CAT, Zeeschuimer and common scrapers, most trusted first; compared as `_plain` gives them.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": (
        "tiktok_url", "webpage_url", "post_url", "url", "link", "video_url", "web_video_url", "id", "video_id",
        "item_id", "post_id", "aweme_id", "thread_id", "stem", "file", "filename", "file_name", "video", "name",
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

EARLIEST, LATEST = 946_684_800, 4_102_444_800
"""The years 2000 and 2100 in seconds since 1970: a timestamp outside them is in milliseconds or wrong."""


def flatten(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with the fields of its inner objects moved up one level, named like ``author.uniqueId``."""
    flat: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, Mapping):
            flat.update({_plain(f"{name}.{inner}"): v for inner, v in value.items()})
        else:
            flat[_plain(name)] = value
    return flat


def _plain(name: str) -> str:
    """Return a column's name without case, blanks, ``_`` and ``-``."""
    return re.sub(r"[\s_\-]", "", str(name)).casefold()


def cells(item: Mapping[str, Any], field: str) -> list[tuple[str, Any]]:
    """Return the filled cells of a flattened item that may hold a field, as (column, value), most trusted first."""
    found = [(name, item.get(_plain(name))) for name in COLUMNS[field]]
    return [(name, value) for name, value in found if value not in (None, "", [], {}) and str(value).strip()]


def key_of(item: Mapping[str, Any]) -> PostKey | None:
    """Return the TikTok post that a flattened item is about.

    Raises
    ------
    ValueError
        A spreadsheet has rounded its id.
    """
    keys = []
    for column, value in cells(item, "id"):
        if re.fullmatch(r"\d([.,]\d+)?[Ee]\+?1\d", str(value).strip()):
            raise ValueError(f"column {column}: {_brief(value)} is an id that a spreadsheet has rounded")
        if isinstance(value, str | int) and (key := post_key(str(value))):
            keys.append(key)
    whole = next((key for key in keys if key.user is not None), None)
    if whole is not None or not keys:
        return whole
    author = _author(item)
    return (author and post_key(f"{author}_{keys[0].number}")) or keys[0]


def post_text(item: Mapping[str, Any]) -> PostText:
    """Return the post text in a flattened item.

    Raises
    ------
    ValueError
        A cell cannot be understood; the message names its column.
    """
    caption = _first(item, "caption")
    tags = _hashtags(item) or tuple(dict.fromkeys(re.findall(r"#(\w+)", caption or "")))
    return PostText(
        caption=caption,
        hashtags=tags,
        author=_author(item),
        sound_title=_first(item, "sound_title"),
        posted_at=_posted_at(item),
        genre=_first(item, "genre"),
        url=_address(item),
    )


def _address(item: Mapping[str, Any]) -> str | None:
    """Return the URL of the post's page, not of a media file."""
    pages = [str(value).strip() for _, value in cells(item, "id") if str(value).strip().startswith("http")]
    other = item.get(_plain("webpage_url"))
    return next((page for page in pages if post_key(page)), other if isinstance(other, str) else None)


def _first(item: Mapping[str, Any], field: str) -> str | None:
    for column, value in cells(item, field):
        if isinstance(value, list) and value and isinstance(value[0], str):
            return value[0].strip()
        if not isinstance(value, str | int | float):
            raise ValueError(f"column {column}: expected text, not {_brief(value)}")
        return str(value).strip()
    return None


def _author(item: Mapping[str, Any]) -> str | None:
    author = next((str(v).strip() for _, v in cells(item, "author") if isinstance(v, str)), None)
    return author.removeprefix("@") if author else None


def _hashtags(item: Mapping[str, Any]) -> tuple[str, ...]:
    for column, value in cells(item, "hashtags"):
        if isinstance(value, str):
            text = value.strip()
            parts: Any = from_json(text) if text.startswith("[") else re.split(r"[,;|\s]+", text)
        else:
            parts = value
        if not isinstance(parts, list):
            raise ValueError(f"column {column}: expected hashtags, not {_brief(value)}")
        names = [_tag(part) for part in parts]
        found = tuple(dict.fromkeys(n.strip().lstrip("#") for n in names if n.strip().lstrip("#")))
        if found:
            return found
    return ()


def _tag(part: Any) -> str:
    if isinstance(part, Mapping):
        return str(part.get("hashtagName") or part.get("title") or part.get("name") or "")
    return str(part)


def _posted_at(item: Mapping[str, Any]) -> str | None:
    for column, value in cells(item, "posted_at"):
        try:
            return iso_time(value)
        except (ValueError, OverflowError, OSError) as error:
            raise ValueError(f"column {column}: expected a date, not {_brief(value)}") from error
    return None


def iso_time(value: Any) -> str:
    """Return a time as ISO 8601: Unix seconds or milliseconds, ``YYYYMMDD``, or ISO itself (UTC if it names no zone).

    Raises
    ------
    ValueError
        The value is none of these.
    """
    text = str(value).strip()
    if re.fullmatch(r"[12]\d{3}[01]\d[0-3]\d", text):
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date().isoformat()
    if re.fullmatch(r"\d{9,13}(\.\d*)?", text):
        number = float(text)
        number = number / 1000 if number > LATEST else number
        if not EARLIEST <= number <= LATEST:
            raise ValueError(text)
        return _utc(datetime.fromtimestamp(int(number), UTC))
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return datetime.fromisoformat(text).date().isoformat()
    moment = datetime.fromisoformat(text)
    return _utc(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _brief(value: Any) -> str:
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


def read_metadata(video: Path) -> tuple[PostText, PostKey | None, tuple[Notice, ...]]:
    """Return what yt-dlp wrote next to a video, in ``<stem>.info.json`` and ``<stem>.description``.

    Returns
    -------
    text : PostText
        Empty if there is neither file.
    key : PostKey or None
        The post that the JSON names.
    notices : tuple of Notice
        What could not be read.
    """
    texts, key, notices = [], None, []
    info, description = (video.with_name(video.stem + ending) for ending in (".info.json", ".description"))
    try:
        if _is_there(info):
            item = from_json(read_text(info))
            if not isinstance(item, dict):
                raise ValueError("expected a JSON object")
            item = flatten(item)
            # yt-dlp's title is a shortened description, and its `tags` may be those of the site.
            key = key_of(item)
            texts.append(post_text(item))
        if _is_there(description):
            texts.append(post_text({"description": read_text(description)}))
    except (InputError, ValueError) as error:
        what = error.what if isinstance(error, InputError) else str(error).splitlines()[0]
        notices.append(Notice(code="post-text", text=f"the text file next to the video could not be read ({what})"))
    return merge(texts), key, tuple(notices)


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # the name may be too long with this suffix
        return False
