"""Finding posts: the videos in files and folders, with their ids, checksums and texts."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from valex_local.errors import InputError, printable
from valex_local.files.text import open_regular
from valex_local.posts.ids import PostKey, post_id, post_key, stand_in_id
from valex_local.posts.meta import MetaTable, read_meta
from valex_local.posts.text import merge, read_metadata
from valex_local.records import Failure, Notice, Post, PostText, SourceFile

STAGE = "intake"
"""The stage under which failures to add a post are recorded."""

SUFFIXES = frozenset((
    ".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".3gp", ".3g2",
    ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv",
))  # fmt: skip
"""Suffixes of the files in a folder that count as videos; a file given by its own path counts whatever its suffix."""


@dataclass(frozen=True)
class Discovery:
    """What was found.

    Attributes
    ----------
    posts : list of Post
        Sorted by id.
    failures : list of Failure
        Files that cannot be used.
    unmatched : list of str
        Rows of the table of post texts that match no video.
    notices : list of Notice
        What was left out or guessed and belongs to no post: files passed over, cells of the table not understood.
    """

    posts: list[Post] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(slots=True)
class _Candidate:
    """A video file of a post; a post may have several."""

    path: Path
    digest: str
    size: int
    text: PostText
    notices: tuple[Notice, ...]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discover(
    paths: Iterable[Path | str], meta: Path | str | None = None, checksums: Callable[[Path], str] | None = None
) -> Discovery:
    """Find the posts in files and folders.

    Parameters
    ----------
    paths : iterable of Path or str
        Videos, and folders of videos (searched recursively, without hidden entries).
    meta : Path or str, optional
        A table of post texts: CSV, TSV, a workbook, NDJSON or JSON with ids or URLs. It takes precedence over the files
        next to the videos.
    checksums : callable, optional
        Returns the SHA-256 of a file, which it may remember.

    Returns
    -------
    Discovery
        The posts, the files that cannot be used, and the rows of the table that match no video.

    Raises
    ------
    InputError
        A path does not exist, or the table cannot be understood.
    """
    finder = _Finder(read_meta(Path(meta)) if meta is not None else MetaTable(), checksums or file_sha256)
    for path in paths:
        # Not resolved: the name of a link counts, not that of its target.
        finder.search(Path(os.path.abspath(path)))  # noqa: PTH100
    return finder.result()


class _Finder:
    def __init__(self, meta: MetaTable, checksums: Callable[[Path], str]) -> None:
        self._meta = meta
        self._checksums = checksums
        self._found: dict[str, list[_Candidate]] = {}
        self._failures: dict[str, Failure] = {}
        self._folders: set[tuple[int, int]] = set()
        self._files: set[Path] = set()

    def search(self, path: Path) -> None:
        """Add the video or videos at a path."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            raise InputError("there is no such file or folder", path=path) from error
        except OSError as error:
            raise InputError(f"the path cannot be read ({error.strerror})", path=path) from error
        for file in self._walk(path) if stat.S_ISDIR(mode) else [path]:
            if file not in self._files:
                self._files.add(file)
                self._add(file)

    def _walk(self, folder: Path) -> Iterator[Path]:
        """Yield the videos of a folder in a fixed order; each folder is entered once, however often it is linked."""
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in self._folders:
                return
            self._folders.add((facts.st_dev, facts.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._fail(folder, None, f"the folder cannot be read ({error.strerror})")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            if _is_folder(entry):
                yield from self._walk(path)
            elif path.suffix.lower() in SUFFIXES:
                yield path

    def _add(self, path: Path) -> None:
        """Add a video with its id, its checksum and what was published with it."""
        text, written_key, notices = read_metadata(path)
        key = _best(post_key(path.name), written_key)
        try:
            size = _regular_size(path)
            digest = self._checksums(path)
        except InputError as error:
            self._fail(path, key, error.what)
            return
        except OSError as error:
            self._fail(path, key, f"the file cannot be read ({error.strerror})")
            return
        name = post_id(key, path.stem, digest)
        texts = [*self._meta.find(key, path.name, path.stem, name), text]
        notices += self._meta.notices_of(key, path.name, path.stem, name)
        if key is not None and key.user is not None:
            texts.append(PostText(author=key.user))
        self._found.setdefault(name, []).append(_Candidate(path, digest, size, merge(texts), notices))

    def _fail(self, path: Path, key: PostKey | None, what: str) -> None:
        name = stand_in_id(path, key)
        if name in self._failures:
            name = stand_in_id(path, None)
        self._failures[name] = Failure(post=name, stage=STAGE, what=f"{what} [{printable(str(path))}]")

    def result(self) -> Discovery:
        """Return the posts found; an id with two different files is a failure."""
        posts = []
        for name in sorted(self._found):
            candidates = self._found.pop(name)  # popped to free memory as the posts are built
            first = candidates[0]
            different = {c.digest: c.path for c in reversed(candidates)}
            if len(different) > 1:
                named = " and ".join(sorted(f"[{printable(str(path))}]" for path in different.values()))
                what = f"{len(different)} different files name this post: {named}"
                self._failures[name] = Failure(post=name, stage=STAGE, what=what, hint="Keep one of them")
                continue
            video = SourceFile(path=str(first.path), sha256=first.digest, size=first.size)
            text = merge([c.text for c in candidates])
            notices = tuple(dict.fromkeys(notice for c in candidates for notice in c.notices))
            posts.append(Post(id=name, video=video, text=text, notices=notices))
        failures = [failure for _, failure in sorted(self._failures.items())]
        return Discovery(posts, failures, list(self._meta.unmatched()), list(self._meta.notices))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circular link: not a folder, and reported by name when it is opened as a file
        return False


def _regular_size(path: Path) -> int:
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise InputError("this is not a regular file", path=path)
    return facts.st_size


def _best(from_name: PostKey | None, from_text: PostKey | None) -> PostKey | None:
    """Return the key from the file's name, or the one from the text next to it if the name lacks the user."""
    return from_name if from_name is not None and (from_name.user is not None or from_text is None) else from_text
