"""Keyed pseudonyms for posts, users, links and e-mail addresses, and where they stand in text.

A pseudonym is the beginning of an HMAC-SHA256 of a name under a secret key. With one key it is the same in all studies;
without the key it leads back to nobody, also not by trying all names. Posts are known by their TikTok number where they
have one, and users by their name in lower case, so that different spellings get one pseudonym.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from valex_local.errors import ConfigError
from valex_local.files.atomic import writing
from valex_local.files.text import read_text
from valex_local.posts.ids import file_key, post_key, post_keys
from valex_local.records import Post

Kind = Literal["post", "user", "link", "mail", "file"]

LENGTH = 16
"""Characters of a pseudonym, five bits each."""

_KEY = re.compile(r"[0-9a-f]{64}")
_SPAN = re.compile(
    r"(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]*\w)"
    r"|(?P<link>(?:https?://|www\.|(?:\w+\.)?(?:tiktok|instagram|youtube|facebook|snapchat|twitter|x)\.com/"
    r"|(?:youtu\.be|t\.me|linktr\.ee)/)[^\s<>\"']*)"
    r"|@\s?(?P<mention>\w(?:[\w.]*\w)?)"
    r"|(?P<number>(?<![\w.-])[\w.-]*\d{15,20}[\w-]*)",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+(?:\.\w+)*")
_ORIGINAL_SOUND = re.compile(r"^([^-]*ori[gx]in[^-]*) - (.*\S)", re.IGNORECASE)
"""How the platform names a sound by the user who made it, in many languages."""

SHORTEST = 5
"""Characters from which a name is also found inside words; shorter ones must be words of their own."""

_TOO_COMMON = 3
"""Up to this length, a name that is letters alone is found only after @, in addresses and in fields for names."""

_TELLING = 8
"""Characters from which the name of a file without its suffix is looked for: others are words such as ``video``."""


def make_key(path: Path) -> None:
    """Write a new key, which only its owner may read.

    Raises
    ------
    ConfigError
        There is a file already: without the old key, no pseudonym made with it leads back.
    StudyError
        The file cannot be written.
    """
    _refuse_study(path)
    with writing(path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError as error:
            hint = "Choose another name, and keep the key you have"
            raise ConfigError("this file already exists", path=path, hint=hint) from error
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")


def read_key(path: Path) -> bytes:
    """Return a key.

    Raises
    ------
    ConfigError
        There is no such file, it holds no key, others may read it, or it is in a study, which may be passed on.
    InputError
        The file cannot be read.
    """
    _refuse_study(path)
    if not path.exists():
        raise ConfigError("there is no such key", path=path, hint=f"Make one with: valex pseudonyms new {path}")
    if not path.is_file():
        raise ConfigError("this is not a file with a key", path=path, hint="Make one with: valex pseudonyms new")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError("other users of this machine may read this key", path=path, hint=f"Run: chmod 600 {path}")
    text = read_text(path).strip()
    if not _KEY.fullmatch(text):
        raise ConfigError("this is not a key for pseudonyms", path=path, hint="Make one with: valex pseudonyms new")
    return bytes.fromhex(text)


def _refuse_study(path: Path) -> None:
    if any((folder / "study.toml").exists() for folder in path.absolute().resolve().parents):
        raise ConfigError(
            "the key would be in a study, and whoever is given the study could undo its pseudonyms",
            path=path,
            hint="Keep it in a folder of its own",
        )


class Pseudonyms:
    """Pseudonyms under one key, and the names to look for in text.

    Parameters
    ----------
    key : bytes
        The key.
    posts : iterable of Post
        The posts whose names are looked for: ids, authors, users in addresses, mentions, and names of files.
    """

    def __init__(self, key: bytes, posts: Iterable[Post] = ()) -> None:
        self._key = key
        self._words: dict[str, tuple[Kind, str]] = {}
        self._parts: dict[str, list[str]] = defaultdict(list)
        self._ids: dict[str, str] = {}
        for post in posts:
            self._learn(post)
        for names in self._parts.values():
            names.sort(key=len, reverse=True)

    # --- pseudonyms -------------------------------------------------------------------------------------------------

    def digest(self, text: str) -> str:
        """Return a keyed hash in the place of a checksum, which would lead back to whoever has the file."""
        return hmac.new(self._key, f"sum:{text}".encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()

    def name(self, kind: Kind, name: str) -> str:
        """Return the pseudonym of a name, such as ``user_`` and 16 letters and digits.

        Letters from base 32: sixteen hexadecimal digits could pass for the number of a post.
        """
        content = f"{kind}:{name}".encode("utf-8", "surrogateescape")
        digest = hmac.new(self._key, content, hashlib.sha256).digest()
        return f"{kind}_{base64.b32encode(digest).decode().lower()[:LENGTH]}"

    def post(self, post_id: str) -> str:
        """Return the pseudonym of a post, by any name that holds its number, or its id in the study."""
        return self._ids.get(post_id) or self.name("post", _identity(post_id))

    def user(self, user: str) -> str:
        """Return the pseudonym of a user."""
        return self.name("user", user.strip().removeprefix("@").lower())

    def file(self, path: str) -> str:
        """Return a path that leads nowhere, with the suffix of a file."""
        stem = self.post(Path(path).name) if file_key(Path(path).name) else self.name("file", path)
        return f"/{stem}{Path(path).suffix}"

    # --- text -------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> str:
        """Return a text with pseudonyms in place of links, mentions, numbers of posts and all names that are known."""
        found, at = list[str](), 0
        for span in _SPAN.finditer(text):
            found += [self._known(text[at : span.start()]), self._span(span)]
            at = span.end()
        return "".join([*found, self._known(text[at:])])

    def sound(self, title: str) -> str:
        """Return a sound's title with pseudonyms, also for the user whose original sound it is."""
        made = _ORIGINAL_SOUND.match(title)
        return f"{made[1]} - {self.user(made[2])}" if made else self.text(title)

    def _span(self, span: re.Match[str]) -> str:
        if mail := span["mail"]:
            return self.name("mail", mail.lower())
        if mention := span["mention"]:
            return f"@{self.user(mention)}"
        if (key := post_key(span[0])) is not None or (key := file_key(span[0])) is not None:
            return self.name("post", key.number)
        return self.name("link", span[0])

    def _known(self, text: str) -> str:
        """Return a text with pseudonyms in place of the names that are known."""
        lower = _lower(text)
        found, start, at = list[str](), 0, 0
        while at < len(lower):
            name = self._name_at(lower, at)
            if name is None:
                at += 1
                continue
            kind, identity = self._words[name]
            found += [text[start:at], self.name(kind, identity)]
            start = at = at + len(name)
        return "".join([*found, text[start:]])

    def _name_at(self, lower: str, at: int) -> str | None:
        """Return the longest known name that begins at a place."""
        for name in self._parts.get(lower[at : at + SHORTEST], ()):
            if lower.startswith(name, at):
                return name
        if at and (lower[at - 1].isalnum() or lower[at - 1] == "_"):
            return None
        word = _WORD.match(lower, at)
        short = word[0] if word and len(word[0]) < SHORTEST else ""
        return short if short in self._words else None

    def _learn(self, post: Post) -> None:
        keys = post_keys(post)
        identity = keys[0].number if keys else post.id
        self._ids[post.id] = self.name("post", identity)
        self._add("post", post.id, identity)
        for file in post.files:
            name = Path(file.path)
            self._add("file", file.path, file.path)
            self._add("file", str(name.parent), str(name.parent))
            self._add("post", name.name, identity)
            if len(name.stem) >= _TELLING:
                self._add("post", name.stem, identity)
        users = [post.text.author, *(key.user for key in keys)]
        made = _ORIGINAL_SOUND.match(post.text.sound_title or "")
        users += [made[2]] if made else []
        users += [span["mention"] for span in _SPAN.finditer(post.text.caption or "")]
        for user in filter(None, users):
            self._add("user", user, user.strip().removeprefix("@").lower())

    def _add(self, kind: Kind, name: str, identity: str) -> None:
        word = _lower(name.strip().removeprefix("@"))
        if (len(word) <= _TOO_COMMON and word.isalpha()) or not word or word in self._words:
            return
        self._words[word] = kind, identity
        if len(word) >= SHORTEST:
            self._parts[word[:SHORTEST]].append(word)


def _identity(name: str) -> str:
    key = post_key(name) or file_key(name)
    return name.strip() if key is None else key.number


def _lower(text: str) -> str:
    """Return a text in lower case, every character in its place."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c if len(c.lower()) > 1 else c.lower() for c in text)
