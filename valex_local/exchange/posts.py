"""Find the post that an imported script or label is about, and make posts of which only a name is known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from valex_local.corpus.columns import text_id
from valex_local.posts.ids import (
    PostIndex,
    PostKey,
    file_key,
    post_id,
    post_key,
    post_keys,
    post_names,
)
from valex_local.records import Post, PostText

_STAND_IN = re.compile(r"-[0-9a-f]{8}$")
"""End of the id of a post whose user is unknown."""


class PostFinder:
    """Find the posts that a name refers to.

    A TikTok URL, ``@user_video_ID``, ``user_ID`` and any path that ends in one of them name the same post, whose number
    counts alone. Anything else is compared with the posts' ids and with the names of their files without extension;
    case and URL escapes (``%20``) do not matter.

    Parameters
    ----------
    posts : iterable of Post
        The posts to search.
    """

    def __init__(self, posts: Iterable[Post] = ()) -> None:
        self._index: PostIndex[str] = PostIndex()
        for post in posts:
            self.add(post)

    def add(self, post: Post) -> None:
        """Add a post."""
        files = (_plain(Path(file.path).name) for file in post.files)
        self._index.add(post.id, (*post_keys(post), *map(_key, post_names(post))), (post.id.casefold(), *files))

    def find(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the posts that the first matching name refers to, sorted; a name may match several."""
        return next((found for name in names if (found := self._find(name))), ())

    def _find(self, name: str) -> tuple[str, ...]:
        key = _key(name)
        if key is not None:
            return tuple(sorted(set(self._index.of_key(key))))
        plain = _plain(name)
        stand_in = post_id(None, plain, _digest(plain))
        found = {*self._index.of_name(plain), *self._index.of_name(stand_in.casefold())}
        # The number elsewhere in the name, as of a file: user_ID_720p.mp4
        return tuple(sorted(found or self._index.of_key(file_key(name))))


def new_post(names: Sequence[str]) -> Post | None:
    """Return a post without a video for these names; None if there are none.

    Equal names give equal posts; if user and number are known, the id is the same as with a video.
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
    """Whether one of the names contains a TikTok user."""
    return any((key := _key(name)) is not None and key.user is not None for name in names)


def _key(name: str) -> PostKey | None:
    return post_key(name) or post_key(_STAND_IN.sub("", name))


def _plain(name: str) -> str:
    """Return the last part of a path without extension, in the form in which names are compared."""
    return text_id(re.split(r"[/\\]", unquote(name).strip())[-1]).casefold()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
