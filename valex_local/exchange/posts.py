"""Make posts of which only a name is known."""

from __future__ import annotations

from collections.abc import Sequence

from valex_local.corpus.post_finder import digest_of, named_key, plain_name
from valex_local.posts.ids import post_id
from valex_local.records import Post, PostText


def new_post(names: Sequence[str]) -> Post | None:
    """Return a post without a video for these names; None if there are none.

    Equal names give equal posts; if user and number are known, the id is the same as with a video.
    """
    if not names:
        return None
    keys = [(key, name) for name in names if (key := named_key(name)) is not None]
    key, name = next((pair for pair in keys if pair[0].user is not None), keys[0] if keys else (None, names[0]))
    plain = plain_name(name)
    text = PostText(
        author=None if key is None else key.user, url=name if key is not None and name.startswith("http") else None
    )
    return Post(id=post_id(key, plain, digest_of(plain if key is None else key.number)), text=text)


def names_a_user(names: Sequence[str]) -> bool:
    """Whether one of the names contains a TikTok user."""
    return any((key := named_key(name)) is not None and key.user is not None for name in names)
