"""Ids of posts: the number of a TikTok post identifies it; its user, if known, only makes the id easier to read."""

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

EARLIEST = 1_388_534_400
"""The year 2014 in seconds since 1970: the first posts of the app that became TikTok. See `is_number`."""

NO_USER = frozenset((
    "", "author", "batch", "clip", "coder", "condition", "cut", "data", "day", "dl", "download", "downloads",
    "export", "file", "final", "group", "hd", "id", "image", "images", "img", "item", "media", "movie", "musicaldown",
    "mp4", "na", "nan", "none", "nowatermark", "null", "original", "p", "part", "participant", "photo", "photos",
    "pic", "picture", "post", "posts", "raw", "reel", "sample", "savetik", "set", "share", "slide", "slides",
    "slideshow", "snaptik", "snaptik.app", "source", "ssstik", "ssstik.io", "stimulus", "study", "tikmate", "tiktok",
    "tiktok.com", "tiktoks", "trial", "tt", "undefined", "unknown", "untitled", "username", "v", "vid", "video",
    "videos", "vp", "week",
))  # fmt: skip
"""Words before the number in a file name that are not its user, alone or numbered, unless an ``@`` says so."""

_NUMBERED = re.compile(r"[_.-]?\d*(?:[_.-]?(?:app|hd|video|photo))*$")
_TOOL = re.compile(r"[\w-]*(?:tik|tok|snap|save|load|down)[\w-]*\.(?:app|cc|cn|co|com|io|me|net|org|pro)")
_MOMENT = re.compile(r"(?<=.)_1[4-9]\d{8}(?:\d{3})?$")  # a time in seconds or milliseconds

_PLACEHOLDERS = frozenset(("nan", "none", "null", "undefined", "unknown"))
_USER = r"[A-Za-z0-9._]{1,64}"
_NUMBER = r"(?P<number>[0-9]{17,20})(?![0-9])"
_ADDRESSES = (
    re.compile(rf"@(?P<user>{_USER})/(?:video|photo)/{_NUMBER}"),
    re.compile(rf"/(?:video|photo|v)/{_NUMBER}"),
)
_OTHER_SITES = re.compile(
    r"https?://(?:[\w-]+\.)*(?:bilibili|dailymotion|facebook|fb|instagram|kuaishou|kwai|likee|pinterest|reddit|rumble|"
    r"sharechat|snapchat|threads|triller|twitch|twitter|vimeo|vk|weibo|x|youtu|youtube)\.[a-z]+(?:/|$)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"(?<![0-9])[0-9]{19}(?![0-9A-Za-z])")
_SUFFIXES = r"(?:\.[A-Za-z0-9]{1,8}){0,3}"
_WHOLE = re.compile(rf"\]?{_SUFFIXES}")
_PART = re.compile(r"[\s_.-]*(?:(?:part|pt|clip|seg|segment|scene|shot|chunk|cut|s|p)[\s_-]?)?\d{1,3}", re.IGNORECASE)
_DAY = (
    r"(?:(?:19|20)\d\d[-_.]?[01]\d[-_.]?[0-3]\d|[0-3]\d[-_.][01]\d[-_.](?:19|20)\d\d)"
    r"(?:[T_ -]\d\d[-_.]?\d\d(?:[-_.]?\d\d)?)?"
)
_DATE = re.compile(rf"{_DAY}[\s_-]+")
_DATE_OR_TOOL = re.compile(rf"(?:{_DAY}|ssstik\.io|snaptik(?:\.app)?|tiktok)[\s_-]+", re.IGNORECASE)


_STAND_IN = re.compile(r"-[0-9a-f]{8}$")  # ends the id of a post whose user is not known


class PostKey(NamedTuple):
    """User and number of a TikTok post.

    The number identifies the post. `user` is in lower case, without ``@`` and without a trailing ``_video`` or
    ``_photo``, which file names add and which cannot be distinguished from the user's name; None if it is not known.
    """

    user: str | None
    number: str


def is_number(digits: str) -> bool:
    """Whether digits are the number of a TikTok post, as opposed to an id of another platform or a timestamp.

    The first 32 of the 63 bits of a TikTok number are the time when it was given out, in seconds since 1970. Numbers
    of tweets, Instagram media, Discord messages and nanoseconds are lower by far.
    """
    return _DIGITS.fullmatch(digits) is not None and EARLIEST <= int(digits) >> 32 < 1 << 31


def known_user(name: str | None, *, marked: bool = False) -> str | None:
    """Return the user that a name stands for, in lower case, or None if it is a placeholder, a number or a word.

    Parameters
    ----------
    name : str or None
        What stands where a user would, with or without ``@``.
    marked : bool
        Whether it is certain that a user stands there: after an ``@``, in an address or in a field of users.
    """
    user = re.sub(r"(?<=.)(?:_video|_photo)+$", "", (name or "").strip().removeprefix("@").lower())
    user = user if marked else _MOMENT.sub("", user)
    if not re.fullmatch(_USER, user) or not re.search("[a-z]", user) or user in _PLACEHOLDERS:
        return None
    return user if marked or not _is_no_user(user) else None


def _is_no_user(name: str) -> bool:
    """Whether a name is a word of `NO_USER`, also several or numbered, or the site of a tool."""
    words = [_NUMBERED.sub("", word) for word in name.split("_")]
    return all(word in NO_USER for word in words) or _TOOL.fullmatch(name) is not None


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
        None if the text names no TikTok post. The user is None where a placeholder (``@_``), a date, or a word such as
        ``video`` stands in its place.
    """
    plain = unicodedata.normalize("NFC", unquote(text)).strip()
    if _OTHER_SITES.match(plain) and "tiktok.com/" not in plain:
        return None
    for pattern in _ADDRESSES:
        if found := pattern.search(plain):
            return PostKey(known_user(found.groupdict().get("user"), marked=True), found["number"])
    name = _last_part(plain)
    found = _number_in(name)
    if found is None or not _WHOLE.fullmatch(name, found.end()):
        return None
    before = name[: found.start()]
    if before and not before.endswith("[") and not re.fullmatch(rf"@?{_USER}_", before):
        return None
    return PostKey(_user_before(before, _DATE), found[0])


def file_key(name: str) -> PostKey | None:
    """Return the TikTok user and number in the name of a file or folder, wherever the number is.

    Besides what `post_key` reads, this finds ``user_ID_720p``, ``user - title - ID``, ``DATE_user_ID``, ``ID_video``
    and the like. A number followed by the number of a part (``ID_part2``, ``ID_3``) does not count: several files may
    then be parts of one post.

    Parameters
    ----------
    name : str
        The name; of a path, its last part counts.

    Returns
    -------
    PostKey or None
        None if no number of a TikTok post is in the name.
    """
    key, rest = _key_and_rest(name)
    return None if key is None or _is_part(rest) else key


def series_key(name: str) -> PostKey | None:
    """Return the TikTok user and number in the name of one file of a series, such as ``ID_01.jpg``; see `file_key`."""
    return _key_and_rest(name)[0]


def _is_part(rest: str) -> bool:
    return rest != "" and _PART.fullmatch(re.sub(rf"{_SUFFIXES}$", "", rest)) is not None


def _key_and_rest(name: str) -> tuple[PostKey | None, str]:
    """Return the key in a name and what follows its number."""
    last = _last_part(unicodedata.normalize("NFC", unquote(name)).strip())
    found = _number_in(last)
    if found is None:
        return None, ""
    return PostKey(_user_before(last[: found.start()], _DATE_OR_TOOL), found[0]), last[found.end() :]


def _number_in(name: str) -> re.Match[str] | None:
    """Return the number of a post in a name: the last, as user ids stand before it, unless the name starts with one."""
    numbers = [found for found in _DIGITS.finditer(name) if is_number(found[0])]
    if not numbers:
        return None
    first = numbers[0]
    # gallery-dl writes the id of the post first and the id of the picture or sound last.
    return first if first.start() == 0 and re.match(r"(?:_\d+)? ", name[first.end() :]) else numbers[-1]


def _last_part(path: str) -> str:
    return re.split(r"[/\\]", path)[-1].strip()


def _user_before(before: str, leading: re.Pattern[str]) -> str | None:
    """Return the user in what stands before the number in a name: ``user_``, ``DATE_user_``, ``user - title - ``."""
    head = before
    while found := leading.match(head):
        head = head[found.end() :]
    head = head[max(head.rfind("@"), 0) :]  # "https___www.tiktok.com_@user_video_"
    marked = head.startswith("@")
    parts = re.split(r"\s+-\s+", head)
    if len(parts) > 2:
        return known_user(parts[0], marked=marked)
    first = re.split(r"\s", head)[0]
    if marked and first != head:
        return known_user(first, marked=True)
    return known_user(head[:-1], marked=marked) if head.endswith("_") else None


def same_post(one: PostKey, other: PostKey) -> bool:
    """Return whether two keys name the same post: whether their numbers are equal."""
    return one.number == other.number


def names_same_post(name: str, other: str) -> bool:
    """Return whether two names are equal except for surrounding blanks, or name the same TikTok post."""
    one, two = post_key(name), post_key(other)
    return name.strip() == other.strip() or (one is not None and two is not None and same_post(one, two))


def post_names(post: Post) -> tuple[str, ...]:
    """Return the names under which a post may appear elsewhere: its id, its URL and the names of its files."""
    files = (Path(file.path).name for file in post.files)
    return tuple(dict.fromkeys(filter(None, (post.id, post.text.url, *files))))


def post_keys(post: Post) -> tuple[PostKey, ...]:
    """Return the TikTok posts that the id, the address and the files of a post name: one, unless they disagree."""
    keys = [post_key(post.text.url) if post.text.url else None, file_key(_STAND_IN.sub("", post.id))]
    keys += [file_key(Path(post.video.path).name)] if post.video is not None else []
    slides = (file for file in (*post.pictures, post.sound) if file is not None)
    keys += [series_key(Path(file.path).name) for file in slides]
    return tuple(dict.fromkeys(key for key in keys if key is not None))


class PostIndex(Generic[T]):
    """An index of items by post: by the number of a TikTok post, or by any other name."""

    def __init__(self) -> None:
        self._by_number: dict[str, list[T]] = {}
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
        for number in dict.fromkeys(key.number for key in keys if key is not None):
            self._by_number.setdefault(number, []).append(item)
        for name in dict.fromkeys(names):
            self._by_name.setdefault(name, []).append(item)

    def of_key(self, key: PostKey | None) -> list[T]:
        """Return the items of a TikTok post, in the order in which they were added, whatever its user is called."""
        return [] if key is None else list(self._by_number.get(key.number, ()))

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
        ``user_number``, or a safe stem and the first 8 digits of the checksum. The number takes the place of a stem
        that does not contain it.
    """
    if key is None or key.user is None:
        safe = safe_stem(stem)
        return f"{safe if key is None or key.number in safe else key.number}-{digest[:8]}"
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
