"""Ids of posts: the TikTok user and number if a name or URL contains them, else a safe stem and part of a checksum."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

from valex_local.records import Post

T = TypeVar("T")

STEM_LENGTH = 40
"""Characters of a file's stem that are kept in a post id; in any script the id stays under 200 bytes."""

_NUMBER = r"(?P<number>[0-9]{17,20})"
_USER = r"(?P<user>[A-Za-z0-9._]{1,64}?)"
# The digits must end there: a longer number is not a TikTok number.
_END = r"(?![0-9])"
_ADDRESSES = (
    re.compile(rf"@{_USER}/(?:video|photo)/{_NUMBER}{_END}"),
    re.compile(rf"/(?:video|photo|v)/{_NUMBER}{_END}"),
)
_NAMES = (
    re.compile(rf"@?{_USER}(?:_video|_photo)*_{_NUMBER}(?:\.[A-Za-z0-9]{{1,8}}){{0,3}}"),
    re.compile(rf"(?:.*\[)?{_NUMBER}\]?(?:\.[A-Za-z0-9]{{1,8}}){{0,3}}", re.DOTALL),
)


class PostKey(NamedTuple):
    """User and number of a TikTok post.

    `user` is in lower case, without ``@`` and without a trailing ``_video`` or ``_photo``, which file names add and
    which cannot be distinguished from the user's name; None if the text contained only a number.
    """

    user: str | None
    number: str


def post_key(text: str) -> PostKey | None:
    """Return the TikTok user and number in a URL, a file name, a stem or a ``user_ID``.

    Parameters
    ----------
    text : str
        ``https://www.tiktok.com/@user/video/ID`` (or ``/photo/``), ``@user_video_ID``, ``user_ID``, ``ID`` or
        ``title [ID]``; leading folders, suffixes such as ``.mp4`` or ``.txt`` and surrounding blanks are ignored.

    Returns
    -------
    PostKey or None
        None if the text names no TikTok post.
    """
    plain = unicodedata.normalize("NFC", unquote(text)).strip()
    for pattern in _ADDRESSES:
        if found := pattern.search(plain):
            return _key(found)
    name = re.split(r"[/\\]", plain)[-1].strip()
    for pattern in _NAMES:
        if found := pattern.fullmatch(name):
            return _key(found)
    return None


def _key(found: re.Match[str]) -> PostKey:
    user = found.groupdict().get("user")
    if user is not None:
        user = re.sub(r"(?<=.)(?:_video|_photo)+$", "", user.lower())
    return PostKey(user, found["number"])


def same_post(one: PostKey, other: PostKey) -> bool:
    """Return whether two keys name the same post; an unknown user matches any."""
    return one.number == other.number and (one.user == other.user or one.user is None or other.user is None)


def names_same_post(name: str, other: str) -> bool:
    """Return whether two names are equal except for surrounding blanks, or name the same TikTok post."""
    one, two = post_key(name), post_key(other)
    return name.strip() == other.strip() or (one is not None and two is not None and same_post(one, two))


def post_names(post: Post) -> tuple[str, ...]:
    """Return the names under which a post may appear elsewhere: its id, its URL and the name of its video file."""
    video = None if post.video is None else Path(post.video.path).name
    return tuple(dict.fromkeys(filter(None, (post.id, post.text.url, video))))


class PostIndex(Generic[T]):
    """An index of items by post: by user and number, by the number alone, or by any other name.

    A number without a user matches the post of any user, and vice versa; see `same_post`.
    """

    def __init__(self) -> None:
        self._by_number: dict[str, list[tuple[PostKey, T]]] = {}
        self._by_name: dict[str, list[T]] = {}

    def add(self, item: T, keys: Iterable[PostKey | None] = (), names: Iterable[str] = ()) -> None:
        """Add an item.

        Parameters
        ----------
        item : T
            The item.
        keys : iterable of PostKey or None
            The TikTok posts it is about; None is ignored.
        names : iterable of str
            Other names, which must match exactly.
        """
        for key in dict.fromkeys(keys):
            if key is not None:
                self._by_number.setdefault(key.number, []).append((key, item))
        for name in dict.fromkeys(names):
            self._by_name.setdefault(name, []).append(item)

    def of_key(self, key: PostKey | None) -> list[T]:
        """Return the items of a TikTok post, in the order in which they were added; an item may occur twice."""
        found = [] if key is None else self._by_number.get(key.number, [])
        return [item for other, item in found if key is not None and same_post(key, other)]

    def of_name(self, name: str) -> list[T]:
        """Return the items of a name, in the order in which they were added."""
        return list(self._by_name.get(name, ()))


def post_id(key: PostKey | None, stem: str, digest: str) -> str:
    """Return the id of a post, which is also the name of its folder.

    Parameters
    ----------
    key : PostKey or None
        User and number of the post, if known.
    stem : str
        The file's name without its suffix.
    digest : str
        SHA-256 of the file in hex.

    Returns
    -------
    str
        ``user_number``, or a safe stem and the first 8 digits of the checksum.
    """
    if key is None or key.user is None:
        return f"{safe_stem(stem)}-{digest[:8]}"
    plain = f"{key.user}_{key.number}"
    # A name that starts with a dot would be a hidden folder.
    return f"@{plain}" if plain.startswith(".") else plain


def stand_in_id(path: Path, key: PostKey | None) -> str:
    """Return an id for a file whose checksum is not known, to record a failure under."""
    return post_id(key, path.stem, sha256(os.fsencode(path)).hexdigest())


def safe_stem(stem: str) -> str:
    """Return a stem as letters, digits, ``-`` and ``_``, in lower case and NFC: a safe name for a folder."""
    kept = ""
    for char in unicodedata.normalize("NFC", stem.casefold()):
        mark = unicodedata.category(char) in ("Mn", "Mc") and kept[-1:].isalpha()
        kept += char if char.isalnum() or char == "-" or mark else "_"
    kept = re.sub(r"_+", "_", unicodedata.normalize("NFC", kept))[:STEM_LENGTH].strip("_-")
    return kept or "video"
