"""The posts that a study has already: a file or a number that is one of them keeps its id."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from valex_local.posts.ids import PostKey, file_key, known_user, post_keys
from valex_local.posts.text import merge
from valex_local.posts.titles import is_made_up
from valex_local.records import Post, PostText


class KnownPosts:
    """The posts of a study, by id, by the number of the TikTok post, and by their files.

    A post keeps the id that it was given first, when its user was not known yet or rules were different. Records are
    read only when a post is asked for whose id the study does not have.

    Parameters
    ----------
    ids : collection of str
        The ids of the posts.
    read : callable
        Returns the post of an id.
    """

    def __init__(self, ids: Collection[str] = (), read: Callable[[str], Post | None] = lambda post_id: None) -> None:
        self._ids = set(ids)
        self._read = read
        self._by_number: dict[str, str] = {}
        self._by_file: dict[tuple[str, str], str] = {}
        self._is_read = False

    def _read_all(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        for post in filter(None, map(self._read, sorted(self._ids))):
            for key in post_keys(post):
                self._by_number.setdefault(key.number, post.id)
            for file in post.files:
                self._by_file.setdefault((Path(file.path).name, file.sha256), post.id)

    def id_of(self, post: Post, key: PostKey | None) -> str:
        """Return the id under which the study has a post, or its own if the study does not have it.

        Parameters
        ----------
        post : Post
            The post, with the id that it would be given now.
        key : PostKey or None
            The TikTok post that it is.
        """
        if post.id in self._ids:
            return post.id
        self._read_all()
        if key is not None and key.number in self._by_number:
            return self._by_number[key.number]
        files = ((Path(file.path).name, file.sha256) for file in post.files)
        known = (self._by_file.get(file) for file in files)
        return next((name for name in known if name is not None and self._may_be(name, key)), post.id)

    def _may_be(self, post_id: str, key: PostKey | None) -> bool:
        other = file_key(post_id)
        return key is None or other is None or other.number == key.number


def with_known(post: Post, known: Post | None) -> Post:
    """Return a post completed with what an earlier run found: a table of texts need not be given twice.

    What earlier versions took for a caption or a user, and is none, is not kept.

    Parameters
    ----------
    post : Post
        The post as found now.
    known : Post or None
        The post as the study has it.
    """
    if known is None:
        return post
    files = {"video": post.video, "pictures": post.pictures, "sound": post.sound}
    if post.video is None:
        if known.video is not None and Path(known.video.path).exists():
            files = {"video": known.video, "pictures": known.pictures, "sound": known.sound}
        else:
            files = {"video": None, "pictures": post.pictures or known.pictures, "sound": post.sound or known.sound}
    text = merge([post.text, _still_true(known.text, known.id)])
    return post.model_copy(update={**files, "text": text})


def _still_true(text: PostText, post_id: str) -> PostText:
    """Return the text without a made-up caption and its hashtags, and without a word taken for a user."""
    changes: dict[str, object] = {}
    key = file_key(post_id)
    known = [name for name in (text.author, key.number if key is not None else None) if name]
    if text.caption is not None and is_made_up(text.caption, known):
        changes.update(caption=None, hashtags=())
    author = text.author
    of_id = author is not None and post_id.startswith(f"{author}_") and key is not None and key.user is None
    if of_id and known_user(author) is None:
        changes["author"] = None
    return text.model_copy(update=changes) if changes else text
