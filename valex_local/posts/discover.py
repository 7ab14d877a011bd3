"""Finding posts: the files in folders that make one, with their ids, checksums and texts."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePath

from valex_local.errors import InputError, printable
from valex_local.files.checksums import sha256_of
from valex_local.files.text import counted
from valex_local.posts.groups import VIDEOS, FolderGroups, Group, Kind, group_files, kind_of_file
from valex_local.posts.ids import PostKey, post_id, stand_in_id
from valex_local.posts.known import KnownPosts
from valex_local.posts.limits import bounded
from valex_local.posts.meta import MetaTable, read_meta
from valex_local.posts.sidecars import Sidecars, read_sidecars
from valex_local.posts.text import merge
from valex_local.records import Failure, Notice, Post, PostText, SourceFile

STAGE = "intake"
"""The stage under which failures to add a post are recorded."""

SUFFIXES = VIDEOS
"""Suffixes of the files in a folder that count as videos; a file given by its own path may have any other."""

_SHOWN = 10
"""Files that a notice names."""


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
        Rows of the table of post texts that match no post.
    notices : list of Notice
        What was left out or guessed and belongs to no post: files passed over, cells of the table not understood.
    """

    posts: list[Post] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(slots=True)
class _Candidate:
    """Files of a post; a post may have several such sets, in several folders.

    `may_be_thumbnail` is whether nothing but its number says that the one picture is a post.
    """

    stem: str
    key: PostKey | None
    text: PostText
    notices: tuple[Notice, ...]
    video: SourceFile | None = None
    pictures: tuple[SourceFile, ...] = ()
    sound: SourceFile | None = None
    may_be_thumbnail: bool = False

    @property
    def files(self) -> tuple[SourceFile, ...]:
        return tuple(file for file in (self.video, *self.pictures, self.sound) if file is not None)

    @property
    def digest(self) -> str:
        """The checksum of the video or the sound, or one over those of all files."""
        sums = [file.sha256 for file in ((self.video,) if self.video is not None else self.files) if file is not None]
        return sums[0] if len(sums) == 1 else sha256("".join(sums).encode()).hexdigest()


def discover(
    paths: Iterable[Path | str],
    meta: Path | str | None = None,
    checksums: Callable[[Path], str] | None = None,
    known: KnownPosts | None = None,
) -> Discovery:
    """Find the posts in files and folders.

    Parameters
    ----------
    paths : iterable of Path or str
        Videos, pictures, sound files, and folders of them (searched recursively, without hidden entries).
    meta : Path or str, optional
        A table of post texts: CSV, TSV, a workbook, NDJSON or JSON with ids or URLs. It takes precedence over the files
        next to the videos.
    checksums : callable, optional
        Returns the SHA-256 of a file, which it may remember.
    known : KnownPosts, optional
        The posts of the study, which keep their ids.

    Returns
    -------
    Discovery
        The posts, the files that cannot be used, the rows of the table that match no post, and what was left out.

    Raises
    ------
    InputError
        A path does not exist, or the table cannot be understood.
    """
    table = read_meta(Path(meta)) if meta is not None else MetaTable()
    finder = _Finder(table, checksums or sha256_of, known or KnownPosts())
    tree = _Tree(finder.fail)
    for path in paths:
        # Not resolved: the name of a link counts, not that of its target.
        tree.search(Path(os.path.abspath(path)))  # noqa: PTH100
    for folder, names, named in tree.folders():
        finder.add_folder(folder, names, named)
    return finder.result()


class _Tree:
    """The files at paths, by folder."""

    def __init__(self, fail: Callable[[Path, str], None]) -> None:
        self._fail = fail
        self._entered: set[tuple[int, int]] = set()
        self._names: dict[Path, set[str]] = {}
        self._named: dict[Path, set[str]] = {}

    def folders(self) -> Iterator[tuple[Path, set[str], set[str]]]:
        """Yield each folder with the names of its files, and of those that were given by their own path."""
        for folder, names in self._names.items():
            yield folder, names, self._named.get(folder, set())

    def search(self, path: Path) -> None:
        """Add the file or the files at a path."""
        try:
            mode = path.stat().st_mode
        except FileNotFoundError as error:
            raise InputError("there is no such file or folder", path=path) from error
        except OSError as error:
            raise InputError(f"the path cannot be read ({error.strerror})", path=path) from error
        if stat.S_ISDIR(mode):
            self._walk(path)
        else:
            self._names.setdefault(path.parent, set()).add(path.name)
            self._named.setdefault(path.parent, set()).add(path.name)

    def _walk(self, folder: Path) -> None:
        """Add the files of a folder in a fixed order; each folder is entered once, however often it is linked."""
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in self._entered:
                return
            self._entered.add((facts.st_dev, facts.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._fail(folder, f"the folder cannot be read ({error.strerror})")
            return
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                self._walk(folder / entry.name)
            else:
                self._names.setdefault(folder, set()).add(entry.name)


class _Finder:
    def __init__(self, meta: MetaTable, checksums: Callable[[Path], str], known: KnownPosts) -> None:
        self._meta = meta
        self._checksums = checksums
        self._known = known
        self._found: dict[str, list[_Candidate]] = {}
        self._posts: dict[str, Post] = {}
        self._failures: dict[str, Failure] = {}
        self._left_out: dict[str, list[Path]] = {}
        self._not_used: dict[Kind, list[Path]] = {}

    # --- files ------------------------------------------------------------------------------------------------------

    def add_folder(self, folder: Path, names: set[str], named: set[str]) -> None:
        """Add what the files of a folder make."""
        # Of a file that was given by its own path, the texts next to it count without being given.
        found = group_files(folder, names | _texts_in(folder) if named else names, named=named, in_table=self._in_table)
        for group in found.groups:
            self._add(folder, group)
        for group in found.orphans:
            if names.intersection(group.sidecars):
                self._add_orphan(folder, group, found)
        self._leave_out("partial downloads, or no sign of which post they are", (folder / n for n in found.left_out))
        for kind, others in found.passed_over.items():
            self._not_used.setdefault(kind, []).extend(folder / name for name in others)

    def _in_table(self, name: str) -> bool:
        return self._meta.names_post(None, name, PurePath(name).stem)

    def _leave_out(self, why: str, paths: Iterable[Path]) -> None:
        for path in paths:
            self._left_out.setdefault(why, []).append(path)

    def _add_orphan(self, folder: Path, group: Group, found: FolderGroups) -> None:
        """Note the texts of a post whose files are missing, and those that are about no single post."""
        is_text = any(
            not name.lower().endswith(".json") or name.lower().endswith(".info.json") for name in group.sidecars
        )
        said = (
            read_sidecars(folder / name for name in group.sidecars) if is_text or group.key is not None else Sidecars()
        )
        if said.names_post:
            self._leave_out("texts of posts whose files are missing", [folder / group.sidecars[0]])
        else:
            found.pass_over(group.sidecars)

    def _add(self, folder: Path, group: Group) -> None:
        """Add files of a post with their checksums and what was published with it."""
        said = read_sidecars(folder / name for name in group.sidecars)
        names = tuple(dict.fromkeys((group.stem, *group.files, *(PurePath(name).stem for name in group.files))))
        key, notices = self._key(group, said, names)
        lone = group.video is None and group.sound is None and not group.in_series and not said.has_pictures
        if lone and key is None:
            self._leave_out("one picture, which may be a thumbnail", [folder / name for name in group.files])
            return
        try:
            files = {name: self._source(folder / name) for name in group.files}
        except InputError as error:
            self.fail(Path(error.path or folder), error.what, key)
            return
        candidate = _Candidate(group.stem, key, PostText(), notices, may_be_thumbnail=lone)
        candidate.video = files[group.video] if group.video is not None else None
        candidate.pictures = tuple(files[name] for name in group.pictures)
        candidate.sound = files[group.sound] if group.sound is not None else None
        own = post_id(key, group.stem, candidate.digest)
        texts = [*self._meta.find(key, *names, own), said.text]
        author = PostText(author=key.user) if key is not None and key.user is not None else PostText()
        candidate.text, cut = bounded(merge([*texts, author]))
        guessed = _guessed(group, said)
        candidate.notices = (*notices, *said.notices, *self._meta.notices_of(key, *names, own), *cut, *guessed)
        self._found.setdefault(own if key is None else key.number, []).append(candidate)

    def _key(self, group: Group, said: Sidecars, names: Sequence[str]) -> tuple[PostKey | None, tuple[Notice, ...]]:
        """Return the TikTok post that files are: by their texts, else by the number in their names, else by a row.

        The user is that of the table, else that of the texts, else that of the name.
        """
        by_name = group.key if said.of_tiktok else None
        key = said.key or by_name
        rows = self._meta.keys_of(key, *names)
        key = key or next(iter(rows), None)
        if key is None:
            return None, ()
        notices = []
        if by_name is not None and by_name.number != key.number:
            what = f"the name says post {by_name.number}, the text next to it {key.number}, which counts"
            notices.append(Notice(code="names-differ", text=what))
        sources = (*rows, said.key, by_name)
        users = [each.user for each in sources if each is not None and each.number == key.number and each.user]
        if len(set(users)) > 1:
            others = " and ".join(dict.fromkeys(user for user in users if user != users[0]))
            what = f"the user is called {users[0]} in one place and {others} in another; the first counts"
            notices.append(Notice(code="user-differs", text=what))
        return PostKey(next(iter(users), None), key.number), tuple(notices)

    def _source(self, path: Path) -> SourceFile:
        try:
            size = _regular_size(path)
            return SourceFile(path=str(path), sha256=self._checksums(path), size=size)
        except InputError as error:
            raise InputError(error.what, path=path) from error
        except OSError as error:
            raise InputError(f"the file cannot be read ({error.strerror})", path=path) from error

    def fail(self, path: Path, what: str, key: PostKey | None = None) -> None:
        """Record a file that cannot be used."""
        name = stand_in_id(path, key)
        if name in self._failures:
            name = stand_in_id(path, None)
        self._failures[name] = Failure(post=name, stage=STAGE, what=f"{what} [{printable(str(path))}]")

    # --- posts ------------------------------------------------------------------------------------------------------

    def result(self) -> Discovery:
        """Return the posts found; one with two different videos, or sets of pictures, is a failure."""
        for name in sorted(self._found):
            self._make(self._found.pop(name))  # popped to free memory as the posts are built
        failures = [failure for _, failure in sorted(self._failures.items())]
        posts = [post for _, post in sorted(self._posts.items())]
        notices = [*self._meta.notices, *self._about_files()]
        return Discovery(posts, failures, list(self._meta.unmatched()), notices)

    def _make(self, candidates: list[_Candidate]) -> None:
        """Make a post of all sets of files that are about it."""
        videos = [each for each in candidates if each.video is not None]
        pictures = [each for each in candidates if each.pictures and not each.may_be_thumbnail]
        sounds = [each for each in candidates if each.sound is not None]
        thumbnails = [each for each in candidates if each.may_be_thumbnail]
        if not videos and not pictures and not sounds:
            self._leave_out("one picture, which may be a thumbnail", _paths(thumbnails))
            return
        chosen = videos or pictures or (sounds and thumbnails) or sounds
        users = (each.key.user for each in candidates if each.key is not None and each.key.user is not None)
        key = candidates[0].key and PostKey(next(users, None), candidates[0].key.number)
        first = chosen[0]
        sound = first.sound or (sounds[0].sound if sounds and not videos else None)
        used = _Candidate(first.stem, key, first.text, (), first.video, first.pictures, sound)
        notices = [notice for each in candidates for notice in each.notices]
        if not videos and not pictures and thumbnails:
            notices.append(_MAYBE_THUMBNAIL)
        post = Post(
            id=post_id(key, (sounds if chosen is thumbnails else chosen)[0].stem, used.digest),
            video=used.video,
            pictures=used.pictures,
            sound=used.sound,
            text=merge([each.text for each in candidates]),
            notices=tuple(dict.fromkeys(notices)),
        )
        name = self._known.id_of(post, key)
        post = post.model_copy(update={"id": post.id if name in self._posts else name})
        if videos or pictures:
            different = {tuple(f.sha256 for f in _main(each)): each for each in reversed(chosen)}
            if len(different) > 1:
                self._fail_different(post.id, list(different.values()))
                return
        others = [each for each in candidates if each not in chosen]
        self._pass_over(each for each in others if each.sound is None or each.sound != sound)
        self._posts[post.id] = post

    def _fail_different(self, name: str, candidates: Sequence[_Candidate]) -> None:
        named = " and ".join(sorted(f"[{printable(_main(each)[0].path)}]" for each in candidates))
        what = f"{len(candidates)} different files name this post: {named}"
        self._failures[name] = Failure(post=name, stage=STAGE, what=what, hint="Keep one of them")

    def _pass_over(self, candidates: Iterable[_Candidate]) -> None:
        for each in candidates:
            kind = Kind.PICTURE if each.pictures else Kind.SOUND
            self._not_used.setdefault(kind, []).extend(_paths([each]))

    def _about_files(self) -> Iterator[Notice]:
        for why, paths in self._left_out.items():
            shown = ", ".join(_shown(path) for path in paths[:_SHOWN])
            more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
            yield Notice(code="left-out", text=f"{counted(len(paths), 'file')} left out ({why}): {shown}{more}")
        if self._not_used:
            kinds = (counted(len(paths), kind.value) for kind, paths in self._not_used.items())
            first = _shown(next(iter(self._not_used.values()))[0])
            yield Notice(code="not-used", text=f"files that are no part of a post: {', '.join(kinds)} (first: {first})")


_MAYBE_THUMBNAIL = Notice(
    code="pictures-or-thumbnail",
    text="the one picture next to the sound is taken for a picture of the post and may be its thumbnail",
)


def _guessed(group: Group, said: Sidecars) -> Iterator[Notice]:
    """Yield what is not certain about the files of a post."""
    if group.half:
        what = "sound" if group.video is not None else "pictures"
        yield Notice(code="half-download", text=f"an unmerged download whose half with the {what} is missing")
    if group.unused:
        names = ", ".join(printable(name) for name in group.unused[:_SHOWN])
        yield Notice(code="sound-choice", text=f"other files of the same post are not used: {names}")
    if group.sound is not None and len(group.pictures) == 1 and not group.in_series and not said.has_pictures:
        yield _MAYBE_THUMBNAIL


def _main(candidate: _Candidate) -> tuple[SourceFile, ...]:
    return (candidate.video,) if candidate.video is not None else candidate.pictures


def _paths(candidates: Iterable[_Candidate]) -> list[Path]:
    return [Path(file.path) for each in candidates for file in each.files]


def _shown(path: Path) -> str:
    return printable(f"{path.parent.name}/{path.name}")


def _texts_in(folder: Path) -> set[str]:
    """Return the names of the files in a folder that may say what was published with a post."""
    try:
        return {entry.name for entry in os.scandir(folder) if kind_of_file(entry.name) is Kind.TEXT}
    except OSError:  # a folder that may be entered and not listed
        return set()


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
