"""Find the post of a study that a label or a script is about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote

from valex_local.corpus.columns import text_id
from valex_local.posts.ids import PostIndex, PostKey, file_key, post_id, post_key, post_keys, post_names
from valex_local.records import Post

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
        files = (plain_name(Path(file.path).name) for file in post.files)
        self._index.add(post.id, (*post_keys(post), *map(named_key, post_names(post))), (post.id.casefold(), *files))

    def add_text(self, text_id: str, names: Iterable[str]) -> None:
        """Add a post of which only the names are known: `find` returns `text_id` for all of them."""
        known = (text_id, *names)
        self._index.add(text_id, map(named_key, known), (text_id.casefold(), *map(plain_name, known)))

    def find(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the posts that the first matching name refers to, sorted; a name may match several."""
        return next((found for name in names if (found := self._find(name))), ())

    def _find(self, name: str) -> tuple[str, ...]:
        key = named_key(name)
        if key is not None:
            return tuple(sorted(set(self._index.of_key(key))))
        plain = plain_name(name)
        stand_in = post_id(None, plain, digest_of(plain))
        found = {*self._index.of_name(plain), *self._index.of_name(stand_in.casefold())}
        # The number elsewhere in the name, as of a file: user_ID_720p.mp4
        return tuple(sorted(found or self._index.of_key(file_key(name))))


def named_key(name: str) -> PostKey | None:
    """Return the TikTok post that a name, or the id of a post whose user is unknown, refers to."""
    return post_key(name) or post_key(_STAND_IN.sub("", name))


def plain_name(name: str) -> str:
    """Return the last part of a path without extension, in the form in which names are compared."""
    return text_id(re.split(r"[/\\]", unquote(name).strip())[-1]).casefold()


def digest_of(text: str) -> str:
    """Return the digest that the id of a post without a video is made of."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
