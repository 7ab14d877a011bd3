"""Find the posts in JSON: lists, one object a line, and pages of APIs, which hold their list somewhere inside.

Known are yt-dlp, 4CAT, Zeeschuimer, TikTok's Research API (``data.videos``), the site's own pages (``itemList``,
``ItemModule``, ``itemStruct``), its app (``aweme_list``) and scrapers that wrap a list in an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from valex_local.errors import InputError
from valex_local.posts.id_cells import row_id
from valex_local.posts.text import cells, flatten

LISTS = (
    "videos", "itemList", "item_list", "items", "aweme_list", "aweme_details", "ItemModule", "posts", "results",
    "entries", "edges", "data",
)  # fmt: skip
"""Keys that hold several posts: a list, or an object with a post for each number."""

ONES = ("itemStruct", "aweme_detail", "aweme_info", "aweme", "itemInfo", "item", "node", "video", "post", "data")
"""Keys that hold one post."""

_BODIES = ("body", "content", "response", "result", "text")
"""Keys that hold a response, which may be a string."""

_PRINTED = re.compile(r"\s*(?:\[\s*)?\{\s*'")
_DEPTH = 6
_SHOWN = 6


@dataclass
class JsonItems:
    """The posts in a file, each with its place, and what was left out."""

    items: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_json_items(text: str, path: Path) -> JsonItems:
    """Return the objects about posts in JSON.

    The text is one value, a value for each line, or several values one after the other. A line that is not valid JSON
    is left out, and so is what follows a damaged value.

    Parameters
    ----------
    text : str
        The text.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
        This is not JSON, or nothing in it is about a post.
    """
    if not text.strip():
        raise InputError("this file is empty", path=path, hint="Export the posts again")
    if _PRINTED.match(text):
        raise InputError("this is what Python prints, not JSON", path=path, hint="Write it with json.dump")
    found = JsonItems()
    values = [(where, unwrapped(value)) for where, value in _values(text, path, found)]
    for where, value in values:
        _collect(where, value, found, is_row=where.startswith("line"))
    if values and not found.items and (said := _error_of(values[0][1])):
        raise InputError(f"no posts: the service reported an error: {said}", path=path, hint="Ask for the posts again")
    if values and not found.items and not any(_is_empty_page(value) for _, value in values):
        raise InputError(
            f"this JSON holds {_described(values[0][1])}, and no post was found in it",
            path=path,
            hint=f"Posts are looked for in a list, one object a line, or inside an object in: {', '.join(LISTS)}",
        )
    return found


def unwrapped(value: Any, depth: int = 3) -> Any:
    """Return JSON with the strings in it that are JSON themselves, such as the body of a response, read."""
    if isinstance(value, str) and depth and value.lstrip()[:1] in ("{", "["):
        try:
            return unwrapped(from_json(value), depth - 1)
        except ValueError:
            return value
    if isinstance(value, list):
        return [unwrapped(item, depth) if isinstance(item, str) else item for item in value]
    if isinstance(value, Mapping):
        return {key: unwrapped(inner, depth) if key in _BODIES else inner for key, inner in value.items()}
    return value


def _error_of(value: Any) -> str:
    """Return what the error that a service sent instead of posts says; "" if there is none."""
    error = value.get("error") if isinstance(value, Mapping) else None
    if isinstance(error, Mapping) and str(error.get("code", "")).casefold() not in ("ok", "0"):
        return " ".join(str(error.get("message") or error.get("code") or error).split())[:200]
    return " ".join(error.split())[:200] if isinstance(error, str) else ""


# --- values ---------------------------------------------------------------------------------------------------------


def _values(text: str, path: Path, found: JsonItems) -> Iterator[tuple[str, Any]]:
    try:
        yield "", from_json(text)
        return
    except ValueError as error:
        first_error = str(error)
    lines = [(f"line {n}", line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if any(_is_object(line) for _, line in lines[:2]):
        for where, line in lines:
            try:
                yield where, from_json(line)
            except ValueError as error:
                found.left_out.append(f"{where} is not valid JSON ({error})")
        return
    yield from _stream(text, path, found, first_error)


def _is_object(line: str) -> bool:
    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def _stream(text: str, path: Path, found: JsonItems, first_error: str) -> Iterator[tuple[str, Any]]:
    """Yield values that follow each other, over any number of lines."""
    decoder, at, number = json.JSONDecoder(), 0, 0
    between = re.compile(r"[\s,\x1e]*")
    while (at := _end(between, text, at)) < len(text):
        number += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            if number == 1:
                raise InputError(
                    f"this is not valid JSON ({first_error})", path=path, hint="Fix it, or export it again"
                ) from error
            line = text.count("\n", 0, at) + 1
            found.left_out.append(f"what follows line {line} is not valid JSON")
            return
        yield f"page {number}", value


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()


# --- posts ----------------------------------------------------------------------------------------------------------


def _collect(where: str, value: Any, found: JsonItems, *, is_row: bool = False) -> None:
    """Add the posts in a value; one that is a row of a list or a line is added even if it names no post."""
    place = where or "the file"
    if isinstance(value, list):
        _collect_list(where, value, found)
    elif not isinstance(value, Mapping):
        found.left_out.append(f"{place} is not a JSON object")
    elif (held := _held_list(value, _DEPTH)) is not None:
        _collect_list(f"{where}, {held[0]}" if where else held[0], held[1], found)
    elif _is_keyed_by_id(value):
        _collect_list(where, _keyed(value), found)
    elif (post := _post(value)) is not None:
        found.items.append((place, post))
    elif _is_empty_page(value):
        return
    elif is_row:
        found.items.append((place, value))
    else:
        found.left_out.append(f"{place} holds {_described(value)}, and no post")


def _collect_list(where: str, items: list[Any], found: JsonItems) -> None:
    for number, item in enumerate(items, 1):
        _collect(f"{where}, item {number}" if where else f"item {number}", item, found, is_row=True)


def _held_list(value: Mapping[str, Any], depth: int) -> tuple[str, list[Any]] | None:
    """Return the path and content of the list of posts inside an object, the outermost first."""
    for key in LISTS:
        inner = value.get(key)
        if isinstance(inner, Mapping) and _is_keyed_by_id(inner):
            inner = _keyed(inner)
        if isinstance(inner, list) and any(isinstance(item, Mapping) and _post(item) for item in inner):
            return key, inner
    if depth:
        for key, inner in value.items():
            if isinstance(inner, Mapping) and (held := _held_list(inner, depth - 1)) is not None:
                return f"{key}.{held[0]}", held[1]
    return None


def _post(item: Mapping[str, Any], depth: int = _DEPTH) -> Mapping[str, Any] | None:
    """Return the object that describes a post: this one, or the one that it wraps, with the id of the wrapper."""
    for key in ONES:
        inner = item.get(key)
        if not isinstance(inner, Mapping) or (_names_post(item) and (key != "data" or not _names_tiktok(inner))):
            continue
        if _names_post(inner):
            return {"item_id": item.get("item_id"), **inner}
        if depth and (deeper := _post(inner, depth - 1)) is not None:
            return deeper
    if _names_post(item):
        return item
    scope = item.get("__DEFAULT_SCOPE__", {})
    pages = scope.values() if isinstance(scope, Mapping) else ()
    return next((post for page in pages if isinstance(page, Mapping) and depth and (post := _post(page, 1))), None)


def _names_post(item: Mapping[str, Any]) -> bool:
    found = row_id(cells(flatten(item), "id"))
    return bool(found.names or found.rounded)


def _names_tiktok(item: Mapping[str, Any]) -> bool:
    return row_id(cells(flatten(item), "id")).key is not None


def _is_keyed_by_id(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(
        re.fullmatch(r"\d{17,20}", str(key)) and isinstance(inner, Mapping) for key, inner in value.items()
    )


def _keyed(value: Mapping[str, Any]) -> list[Any]:
    return [{"item_id": key, **inner} for key, inner in value.items()]


def _is_empty_page(value: Any) -> bool:
    """Whether a value is a list, or a page of an API whose list is empty, such as the last one."""
    if isinstance(value, Mapping):
        return any(_is_empty_page(value[key]) for key in LISTS if key in value)
    return isinstance(value, list) and not value


def _described(value: Any) -> str:
    match value:
        case Mapping():
            keys = [str(key)[:40] for key in value]
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            return f"an object with the keys {', '.join(keys[:_SHOWN])}{more}" if keys else "an empty object"
        case list():
            return f"a list of {len(value)} that are no objects"
    return f"a {type(value).__name__}"
