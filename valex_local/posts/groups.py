"""Which files of a folder make one post: a video, the halves of an unmerged download, or pictures and a sound file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePath

from valex_local.posts.ids import PostKey, file_key, series_key

VIDEOS = frozenset((
    ".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".3gp", ".3g2",
    ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv",
))  # fmt: skip
"""Suffixes of the files in a folder that count as videos; a file given by its own path may have any other."""

PICTURES = frozenset((
    ".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff",
))  # fmt: skip
"""Suffixes of pictures."""

SOUNDS = frozenset((".mp3", ".m4a", ".wav", ".aac", ".ogg", ".oga", ".opus", ".flac", ".wma"))
"""Suffixes of files that hold sound alone."""

TEXTS = (".info.json", ".description", ".json")
"""Endings of the files next to a post that are read, most trusted first."""

_NOT_MEDIA = frozenset((
    ".txt", ".vtt", ".srt", ".ass", ".ssa", ".lrc", ".ttml", ".srv1", ".srv2", ".srv3", ".json3", ".csv", ".tsv",
    ".tab", ".xlsx", ".xls", ".ods", ".ndjson", ".jsonl", ".html", ".htm", ".mhtml", ".pdf", ".md", ".xml", ".log",
    ".toml", ".yaml", ".yml", ".ini", ".url", ".webloc", ".desktop", ".nfo", ".zip", ".xz", ".gz", ".7z", ".sha256",
    ".ytdl", ".py", ".sh", ".r", ".ipynb", ".docx", ".doc",
))  # fmt: skip
_PARTIAL = re.compile(r"\.(?:part(?:-Frag\d+)?(?:\.part)?|crdownload|download|aria2|tmp|temp)$", re.IGNORECASE)
_HALF = re.compile(
    r"\.(?:f(?P<format>(?:dash|hls|http|https|bytevc|h26|[\w-]*\d)[\w.-]*)|(?P<role>video|audio))$", re.IGNORECASE
)
_SOUND_FORMATS = frozenset((
    "139", "140", "141", "171", "172", "249", "250", "251", "256", "258", "325", "327", "328", "338", "599", "600",
    "774",
))  # fmt: skip
_SOUND_FORMAT = re.compile(r"audio|\d(?:a|ad)$", re.IGNORECASE)
_INDEX = re.compile(r"[\s_.-]*(?:(?:slide|photo|image|img|picture|pic|page|p)[\s_.-]*)?\(?\d{1,4}\)?$", re.IGNORECASE)


class Kind(StrEnum):
    """What a file is, by its name."""

    VIDEO = "video"
    PICTURE = "picture"
    SOUND = "sound file"
    TEXT = "text"
    PARTIAL = "partial download"
    OTHER = "other file"


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one folder that make one post, by name.

    Attributes
    ----------
    stem : str
        The name that they have in common, or the first of their names, without suffix.
    key : PostKey or None
        The TikTok post that the names say they are.
    video, sound : str or None
        The video and the sound file.
    pictures : tuple of str
        The pictures in order.
    sidecars : tuple of str
        The files next to them that say what was published, most trusted first.
    in_series : bool
        Whether the name of a picture says that it is one of several, or a slide.
    unused : tuple of str
        Other files of the post, which are not used.
    half : bool
        Whether the other half of an unmerged download is missing.
    """

    stem: str
    key: PostKey | None = None
    video: str | None = None
    pictures: tuple[str, ...] = ()
    sound: str | None = None
    sidecars: tuple[str, ...] = ()
    in_series: bool = False
    unused: tuple[str, ...] = ()
    half: bool = False

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the post is made from."""
        return tuple(name for name in (self.video, *self.pictures, self.sound) if name is not None)


@dataclass(slots=True)
class FolderGroups:
    """What a folder holds.

    Attributes
    ----------
    groups : list of Group
        Files that make a post, or may make one.
    orphans : list of Group
        Sidecars without a post; only `Group.stem`, `Group.key` and `Group.sidecars` are filled.
    left_out : list of str
        Files that should be posts, or parts of one, and are not: partial downloads, sound without a sign of its post.
    passed_over : dict of Kind to list of str
        Files that are no part of a post.
    """

    groups: list[Group] = field(default_factory=list)
    orphans: list[Group] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    passed_over: dict[Kind, list[str]] = field(default_factory=dict)

    def pass_over(self, names: Iterable[str]) -> None:
        """Note files that are no part of a post."""
        for name in names:
            self.passed_over.setdefault(kind_of_file(name), []).append(name)


def kind_of_file(name: str, *, named: bool = False) -> Kind:
    """Return what a file is by its name; one that is given by its own path and has no known suffix is a video."""
    suffix = PurePath(name).suffix.lower()
    if _PARTIAL.search(name):
        return Kind.PARTIAL
    for kind, suffixes in ((Kind.VIDEO, VIDEOS), (Kind.PICTURE, PICTURES), (Kind.SOUND, SOUNDS)):
        if suffix in suffixes:
            return kind
    if suffix in (".json", ".description"):
        return Kind.TEXT
    return Kind.VIDEO if named and suffix not in _NOT_MEDIA else Kind.OTHER


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a key that sorts names as people do: ``x_2`` before ``x_10``, and ``x.jpg`` before ``x_2.jpg``."""
    parts = re.findall(r"[0-9]+|[^0-9]+", PurePath(name).stem.casefold())
    return (*((int(p), "") if p[0] in "0123456789" else (-1, p) for p in parts), (-2, name))


def group_files(
    folder: Path,
    names: Collection[str],
    *,
    named: Collection[str] = (),
    in_table: Callable[[str], bool] = lambda name: False,
) -> FolderGroups:
    """Return which files of a folder make one post.

    Pictures and sound belong together by the TikTok number in their names or in that of their folder, or by a stem that
    they share with a file next to them that says what was published.

    Parameters
    ----------
    folder : Path
        The folder.
    names : collection of str
        Names of its files.
    named : collection of str
        Those that the user gave by their own path.
    in_table : callable
        Whether a name stands in the table of post texts.

    Returns
    -------
    FolderGroups
        The posts and what was left out.
    """
    return _Folder(folder, names, named, in_table).result()


class _Folder:
    def __init__(
        self, folder: Path, names: Collection[str], named: Collection[str], in_table: Callable[[str], bool]
    ) -> None:
        self._folder = folder
        self._named = set(named)
        self._in_table = in_table
        self._names = sorted(names, key=natural)
        self._kinds: dict[Kind, list[str]] = {kind: [] for kind in Kind}
        for name in self._names:
            self._kinds[kind_of_file(name, named=name in self._named)].append(name)
        self._videos_here = set(self._kinds[Kind.VIDEO])
        self._halves: set[str] = set()
        self._texts = _Texts(self._kinds[Kind.TEXT])
        self._folder_key = file_key(folder.name)
        self._out = FolderGroups()

    def result(self) -> FolderGroups:
        videos = list(self._videos())
        self._out.groups += videos
        self._add_pictures_and_sounds(videos)
        stems = {PurePath(name).stem for name in self._names if kind_of_file(name) is not Kind.PARTIAL}
        for name in self._kinds[Kind.PARTIAL]:
            # What was downloaded in the end needs no mention.
            whole = _PARTIAL.sub("", name)
            if whole not in self._names and PurePath(whole).stem not in stems:
                self._out.left_out.append(name)
        for name in self._kinds[Kind.OTHER]:
            if PurePath(name).suffix.lower() not in _NOT_MEDIA and self._has_sign(name):
                self._out.left_out.append(name)
            else:
                self._out.pass_over([name])
        self._out.orphans += self._texts.unused()
        return self._out

    def _has_sign(self, name: str) -> bool:
        """Whether the number of a post, a sidecar or a row of the table says that a file is a post."""
        return file_key(name) is not None or bool(self._texts.of(_bases(name), None)) or self._in_table(name)

    # --- videos -----------------------------------------------------------------------------------------------------

    def _videos(self) -> Iterator[Group]:
        single: list[str] = []
        halves: dict[str, list[str]] = {}
        for name in (*self._kinds[Kind.VIDEO], *self._kinds[Kind.SOUND]):
            stem = PurePath(name).stem
            if found := _HALF.search(stem):
                halves.setdefault(stem[: found.start()], []).append(name)
            elif name in self._videos_here:
                single.append(name)
        for base in [base for base, names in halves.items() if len(names) == 1 and not _is_half(names[0])]:
            single += [name for name in halves.pop(base) if name in self._videos_here]
        whole = {PurePath(name).stem for name in single}
        self._halves = {name for names in halves.values() for name in names}
        alone = len(single) + len(halves) == 1
        for name in single:
            yield self._group(PurePath(name).stem, name, alone)
        for base, names in halves.items():
            if base in whole:
                self._out.pass_over(names)
            else:
                yield self._unmerged(base, names, alone)

    def _group(self, stem: str, video: str, alone: bool) -> Group:
        key = file_key(stem) or (self._folder_key if alone and not series_key(stem) else None)
        sidecars = self._texts.take(_bases(video), key, in_folder=alone and self._folder_key is not None)
        return Group(stem, key, video=video, sidecars=sidecars)

    def _unmerged(self, base: str, names: list[str], alone: bool) -> Group:
        """Return the post of an unmerged download; of several files of one kind, the largest is used."""
        names = sorted(names, key=self._size, reverse=True)
        sounds = [name for name in names if _is_sound_half(name)]
        videos = [name for name in names if name not in sounds]
        if not sounds and len(videos) > 1:  # nothing in the names says so, but sound is smaller than pictures
            sounds = [videos.pop()]
        group = self._group(base, names[0], alone)
        return Group(
            base,
            group.key,
            video=next(iter(videos), None),
            sound=next(iter(sounds), None),
            sidecars=group.sidecars,
            unused=(*videos[1:], *sounds[1:]),
            half=not (videos and sounds),
        )

    def _size(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_size
        except OSError:  # reported when it is opened
            return 0

    # --- pictures and sound -----------------------------------------------------------------------------------------

    def _add_pictures_and_sounds(self, videos: Iterable[Group]) -> None:
        numbers = {group.key.number for group in videos if group.key is not None}
        bases = {base for group in videos for name in group.files for base in (PurePath(name).stem, group.stem)}
        found: dict[str, list[str]] = {}
        for name in (*self._kinds[Kind.PICTURE], *self._kinds[Kind.SOUND]):
            if name in self._halves:
                continue
            of = self._post_of(name)
            if of in numbers or bases.intersection(_bases(name)):
                self._out.pass_over([name])
            elif of is not None:
                found.setdefault(of, []).append(name)
            elif kind_of_file(name) is Kind.SOUND or name in self._named:
                self._out.left_out.append(name)
            else:
                self._out.pass_over([name])
        for names in found.values():
            self._out.groups.append(self._slides(names))

    def _post_of(self, name: str) -> str | None:
        """Return what the pictures and the sound of one post have in common: a number or a stem; None if no post."""
        key = series_key(name)
        if key is not None:
            return key.number
        described = next((base for base in _bases(name) if self._texts.has(base)), None)
        if described is not None:
            return f"/{described}"
        if self._folder_key is not None:
            return self._folder_key.number
        if self._in_table(name) or (name in self._named and kind_of_file(name) is Kind.SOUND):
            return f"/{PurePath(name).stem}"
        return None

    def _slides(self, names: list[str]) -> Group:
        pictures = sorted((n for n in names if kind_of_file(n) is Kind.PICTURE), key=natural)
        sounds = [n for n in names if kind_of_file(n) is Kind.SOUND]
        keys = [key for n in names if (key := series_key(n)) is not None]
        key = next((k for k in keys if k.user is not None), keys[0] if keys else self._folder_key)
        bases = tuple(dict.fromkeys(base for n in names for base in _bases(n)))
        sidecars = self._texts.take(bases, key, in_folder=not keys and self._folder_key is not None)
        first = PurePath((sounds or pictures)[0]).stem
        stem = next((base for base in bases if self._texts.has(base)), first)
        in_series = len(pictures) > 1 or any(_says_series(name, key) for name in pictures)
        return Group(stem, key, None, tuple(pictures), next(iter(sounds), None), sidecars, in_series, tuple(sounds[1:]))


def _says_series(name: str, key: PostKey | None) -> bool:
    stem = PurePath(name).stem
    rest = stem.rpartition(key.number)[2] if key is not None and key.number in stem else stem
    return re.search(r"slide|photo", stem, re.IGNORECASE) is not None or re.match(r"_\d{1,4}(?: |$)", rest) is not None


def _is_half(name: str) -> bool:
    """Whether a file is certainly half of a download, even if the other half is missing."""
    found = _HALF.search(PurePath(name).stem)
    return found is not None and re.fullmatch(r"\d{3}(?:-\w+)?|(?:dash|hls)-.*", found["format"] or "") is not None


def _is_sound_half(name: str) -> bool:
    found = _HALF.search(PurePath(name).stem)
    if kind_of_file(name) is Kind.SOUND or found is None:
        return kind_of_file(name) is Kind.SOUND
    form = found["format"] or ""
    role = (found["role"] or "").lower()
    return role == "audio" or form in _SOUND_FORMATS or _SOUND_FORMAT.search(form) is not None


def _bases(name: str) -> tuple[str, ...]:
    """Return the names under which a sidecar of a file may stand: its whole name, its stem, the stem of its series."""
    stem = PurePath(name).stem
    half = _HALF.sub("", stem)
    series = _INDEX.sub("", stem) if kind_of_file(name) is Kind.PICTURE else stem
    return tuple(dict.fromkeys(base for base in (name, stem, half, series) if base))


class _Texts:
    """The sidecars of a folder: by the name of what they stand next to, and by the number of their post."""

    def __init__(self, names: Iterable[str]) -> None:
        self._by_base: dict[str, list[str]] = {}
        self._by_number: dict[str, list[str]] = {}
        self._used: set[str] = set()
        self._all = sorted(names, key=_trust)
        for name in self._all:
            base = _text_base(name)
            self._by_base.setdefault(base, []).append(name)
            if (key := series_key(base)) is not None:
                self._by_number.setdefault(key.number, []).append(name)

    def has(self, base: str) -> bool:
        """Whether there is a sidecar of this name."""
        return base in self._by_base

    def of(self, bases: Iterable[str], key: PostKey | None) -> tuple[str, ...]:
        """Return the sidecars of a post, given its names and its number, most trusted first."""
        by_base = [name for base in bases for name in self._by_base.get(base, ())]
        by_number = self._by_number.get(key.number, ()) if key is not None else ()
        return tuple(dict.fromkeys((*sorted(by_base, key=_trust), *by_number)))

    def take(self, bases: Iterable[str], key: PostKey | None, *, in_folder: bool = False) -> tuple[str, ...]:
        """Return the same as `of`, and all others of the folder if it is that of one post; they count as used."""
        found = tuple(dict.fromkeys((*self.of(bases, key), *(self._all if in_folder else ()))))
        self._used.update(found)
        return found

    def unused(self) -> Iterator[Group]:
        """Yield the sidecars of no post, those of one name together."""
        for base, names in self._by_base.items():
            rest = tuple(name for name in names if name not in self._used)
            if rest:
                yield Group(base, series_key(base), sidecars=rest)


def _text_base(name: str) -> str:
    return next(name[: -len(ending)] for ending in TEXTS if name.lower().endswith(ending))


def _trust(name: str) -> tuple[int, str]:
    return next(at for at, ending in enumerate(TEXTS) if name.lower().endswith(ending)), name
