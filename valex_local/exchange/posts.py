"""Which post of a study something from elsewhere is about, and posts of which only that is known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from valex_local.corpus.columns import text_id
from valex_local.posts.ids import PostKey, post_id, post_key, same_post
from valex_local.records import Post, PostText

_STAND_IN = re.compile(r"-[0-9a-f]{8}$")
"""What ends the id of a post whose user is not known."""


class PostFinder:
    """Finds the posts that a name means.

    A TikTok address, ``@user_video_ID``, ``user_ID`` and any path that ends in one of them name the same post; a number
    without a user fits the post of any user. Everything else is compared with the posts' ids and with the names of
    their videos, without endings; case does not matter, nor whether a sign is escaped as in addresses (``%20``).

    Parameters
    ----------
    posts : iterable of Post
        The posts that there are.
    """

    def __init__(self, posts: Iterable[Post] = ()) -> None:
        self._by_number: dict[str, list[tuple[PostKey, str]]] = {}
        self._by_name: dict[str, list[str]] = {}
        for post in posts:
            self.add(post)

    def add(self, post: Post) -> None:
        """Take in a post."""
        video = [] if post.video is None else [Path(post.video.path).name]
        keys = [key for name in (post.id, post.text.url or "", *video) if (key := _key(name)) is not None]
        for key in dict.fromkeys(keys):
            self._by_number.setdefault(key.number, []).append((key, post.id))
        for name in dict.fromkeys((post.id.casefold(), *map(_plain, video))):
            self._by_name.setdefault(name, []).append(post.id)

    def find(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the posts that the first name means which means any, sorted; a name may fit several."""
        return next((found for name in names if (found := self._find(name))), ())

    def _find(self, name: str) -> tuple[str, ...]:
        key = _key(name)
        if key is not None:
            fitting = {post for other, post in self._by_number.get(key.number, []) if same_post(key, other)}
            return tuple(sorted(fitting))
        plain = _plain(name)
        stand_in = post_id(None, plain, _digest(plain))
        return tuple(sorted({*self._by_name.get(plain, []), *self._by_name.get(stand_in.casefold(), [])}))


def new_post(names: Sequence[str]) -> Post | None:
    """Return the post without a video that names mean; None where there is no name.

    Equal names give equal posts; where user and number are known, the id is the one that the video would have.
    """
    if not names:
        return None
    keys = [(key, name) for name in names if (key := _key(name)) is not None]
    key, name = next((pair for pair in keys if pair[0].user is not None), keys[0] if keys else (None, names[0]))
    plain = _plain(name)
    text = PostText(
        author=None if key is None else key.user, url=name if key is not None and name.startswith("http") else None
    )
    return Post(id=post_id(key, plain, _digest(plain if key is None else key.number)), text=text)


def names_a_user(names: Sequence[str]) -> bool:
    """Whether one of the names holds a TikTok user."""
    return any((key := _key(name)) is not None and key.user is not None for name in names)


def _key(name: str) -> PostKey | None:
    return post_key(name) or post_key(_STAND_IN.sub("", name))


def _plain(name: str) -> str:
    """Return the last part of a path without its ending, as names are compared."""
    return text_id(re.split(r"[/\\]", unquote(name).strip())[-1]).casefold()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
