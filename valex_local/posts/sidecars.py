"""Read what stands next to a post: ``.info.json`` and ``.description`` of yt-dlp, ``.json`` of gallery-dl."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from valex_local.errors import InputError
from valex_local.files.text import open_regular
from valex_local.posts.ids import PostKey
from valex_local.posts.json_items import read_json_items
from valex_local.posts.limits import CAPTION
from valex_local.posts.text import WRITTEN_TITLE, CellFault, brief, flatten, id_of, merge, post_text
from valex_local.records import Notice, PostText

LARGEST = 64 << 20
"""Bytes of a sidecar that are read; the largest of yt-dlp hold all comments."""

_DESCRIPTION = 4 * CAPTION
"""Bytes of a description that are read: enough for the longest caption."""

_PICTURES = ("imagepost", "imagepost.images", "imagepostinfo", "imagepostinfo.images", "images")
_NOT_POSTS = ("playlist", "multi_video")


@dataclass(frozen=True)
class Sidecars:
    """What the sidecars of a post say.

    Attributes
    ----------
    text : PostText
        What was published with the post; empty if there are no sidecars.
    key : PostKey or None
        The TikTok post that they name.
    of_tiktok : bool
        Whether the post may be one of TikTok's; False if they say that it is on another platform.
    names_post : bool
        Whether they describe a post, as opposed to a playlist.
    has_pictures : bool
        Whether they say that the post consists of pictures.
    notices : tuple of Notice
        What could not be read or was left out.
    """

    text: PostText = field(default_factory=PostText)
    key: PostKey | None = None
    of_tiktok: bool = True
    names_post: bool = False
    has_pictures: bool = False
    notices: tuple[Notice, ...] = ()


def read_sidecars(paths: Iterable[Path]) -> Sidecars:
    """Return what the sidecars of a post say; for each field the first that has it counts.

    Parameters
    ----------
    paths : iterable of Path
        The sidecars, most trusted first.

    Returns
    -------
    Sidecars
        What they say. A file that cannot be read is a notice.
    """
    texts: list[PostText] = []
    notices: list[Notice] = []
    items: list[Mapping[str, Any]] = []
    for path in paths:
        faults: list[CellFault] = []
        try:
            if path.suffix.lower() == ".description":
                texts.append(_description(path, notices))
            elif (item := _item(path)) is not None:
                items.append(item)
                texts.append(post_text(item, faults))
        except (InputError, ValueError, RecursionError) as error:
            what = error.what if isinstance(error, InputError) else str(error).splitlines()[0]
            notices.append(Notice(code="post-text", text=f"the text file next to the video could not be read ({what})"))
        for fault in faults:
            notices.append(_notice(path, fault))
    keys = [key for item in items if not _is_elsewhere(item) and (key := id_of(item).key) is not None]
    whole = next((key for key in keys if key.user is not None), keys[0] if keys else None)
    return Sidecars(
        merge(texts),
        whole,
        of_tiktok=whole is not None or not any(map(_is_elsewhere, items)),
        names_post=bool(texts),
        has_pictures=any(map(_has_pictures, items)),
        notices=tuple(dict.fromkeys(notices)),
    )


def _notice(path: Path, fault: CellFault) -> Notice:
    if fault.expected == WRITTEN_TITLE:
        what = f"the title {brief(fault.value)} was made up by the tool that downloaded the post, so it is no caption"
        return Notice(code="title-made-up", text=what)
    return Notice(code="post-text", text=f"left out of {path.name[:100]}: {fault}")


def _description(path: Path, notices: list[Notice]) -> PostText:
    raw, size = _read(path, _DESCRIPTION)
    if size > len(raw):
        text = f"{path.name[:100]} has {size:,} bytes, of which the first {len(raw):,} are read"
        notices.append(Notice(code="text-cut", text=text))
        raw = raw[: len(raw) - _broken(raw)]
    return post_text({"description": _decode(raw)})


def _item(path: Path) -> dict[str, Any] | None:
    """Return the one object in a JSON sidecar that describes a post, flattened; None for a playlist or several."""
    raw, size = _read(path, LARGEST)
    if size > len(raw):
        raise ValueError(f"it has {size:,} bytes, more than the {LARGEST:,} that are read")
    data = from_json(_decode(raw))
    if not isinstance(data, dict):
        raise ValueError("expected a JSON object")
    if data.get("_type") in _NOT_POSTS:
        return None
    flat = flatten(data)
    if id_of(flat).names or post_text(flat, []) != PostText():
        return flat
    try:
        found = read_json_items(_decode(raw), path).items
    except InputError:  # it holds no post further inside either
        return flat
    return flatten(found[0][1]) if len(found) == 1 else flat


def _read(path: Path, most: int) -> tuple[bytes, int]:
    """Return at most so many bytes of a file, and its size."""
    with open_regular(path) as file:
        try:
            raw = file.read(most)
            file.seek(0, 2)
            return raw, file.tell()
        except OSError as error:
            raise InputError(f"the file cannot be read ({error.strerror})", path=path) from error


def _decode(raw: bytes) -> str:
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not {encoding}") from error


def _broken(raw: bytes) -> int:
    """Return the number of bytes at the end that belong to a character which was cut, in UTF-8."""
    for back in range(1, min(4, len(raw)) + 1):
        byte = raw[-back]
        if byte & 0xC0 != 0x80:
            return back if byte >= 0xC0 else 0
    return 0


def _is_elsewhere(item: Mapping[str, Any]) -> bool:
    """Whether an item says that its post is on another platform than TikTok."""
    tool = str(item.get("extractorkey") or item.get("extractor") or item.get("category") or "").casefold()
    if tool and tool not in ("generic", "html5"):
        return not any(name in tool for name in ("tiktok", "douyin", "musical"))
    page = item.get("webpageurl")
    return isinstance(page, str) and page.startswith("http") and "tiktok" not in page and "douyin" not in page


def _has_pictures(item: Mapping[str, Any]) -> bool:
    """Whether an item describes a post of pictures."""
    kinds = (item.get("posttype"), item.get("type"), item.get("mediatype"))
    pages = (value for value in item.values() if isinstance(value, str) and value.startswith("http"))
    return (
        any(item.get(name) for name in _PICTURES)
        or any(kind in ("image", "photo", "slideshow", "carousel") for kind in kinds if isinstance(kind, str))
        or any("/photo/" in page for page in pages)
    )
