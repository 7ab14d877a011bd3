"""Keyed hashes of the names of posts: they tell whether a post is meant, and not which posts there are."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from valex_local.posts.ids import file_key, post_key


def keyed_hashes(key: str, names: Iterable[str]) -> frozenset[str]:
    """Return keyed hashes of names: of the TikTok number where a name has one, since users may change theirs."""
    keys = ((name, file_key(name) or post_key(name)) for name in names)
    plain = {name.strip() if known is None else known.number for name, known in keys}
    return frozenset(
        hmac.new(key.encode(), name.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest() for name in plain
    )
