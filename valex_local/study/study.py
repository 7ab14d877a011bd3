"""The study folder: records, side files, failures, lock, erasing.

    study/
      study.toml                          the settings given by the user; all others are the profile's
      posts/<post_id>/                    post.json, the records of each stage, audio.flac, keyframes/
      failures/<post_id>.<step>.json
      gold/<annotator>.csv                labels that people gave; the first column names the post
      report/ exports/ logs/
      sums.json                           checksums of videos, remembered by size and time of change

Plain files, one writer a file: written to a temporary name, flushed, renamed. The temporary name is always the same, so
an interrupted write leaves nothing that the next one does not take away.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic_core import from_json

from valex_local.errors import ConfigError, InputError, StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.checksums import Checksums
from valex_local.files.tables import read_table, table_text
from valex_local.posts.ids import names_same_post
from valex_local.records import Failure, Labels, Media, Post, Record, Script

R = TypeVar("R", bound=Record)

WRITTEN = ("local", "template")
"""Scripts that a run writes, in the order in which one is shown; those from elsewhere come after them."""

_HEAD = "# The settings given for this study; every other one is its profile's or the default.\n"
_LIST_POSTS = "List them with: valex status -s STUDY --posts"
_DERIVED = ("report", "exports")


class Study:
    """A study folder.

    Parameters
    ----------
    root : Path or str
        The folder.
    create : bool
        Make the folder when there is none.

    Raises
    ------
    StudyError
        There is no study there, or the folder holds something else.
    """

    def __init__(self, root: Path | str, *, create: bool = False) -> None:
        self.root = Path(root)
        self._posts = self.root / "posts"
        self._failures = self.root / "failures"
        if create:
            self._create()
        elif not (self.root / "study.toml").is_file():
            raise StudyError("there is no study here", path=self.root, hint="Make one with: valex run VIDEOS -s STUDY")

    def _create(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise StudyError("this is a file, not a folder", path=self.root, hint="Name a new folder with -s")
        with writing(self.root):
            # In this order: of what another shard makes meanwhile, study.toml is there first.
            if any(_visible(self.root)) and not (self.root / "study.toml").exists():
                raise StudyError(
                    "this folder is not empty and holds no study", path=self.root, hint="Name a new folder with -s"
                )
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First, and by one of several shards that begin together: it is what makes the folder a study.
            with _flock(self.root / ".lock.settings", fcntl.LOCK_EX):
                if not (self.root / "study.toml").exists():
                    self._write_options({})
            for folder in (self._posts, self._failures, self.root / "logs"):
                folder.mkdir(mode=0o700, exist_ok=True)

    # --- settings ---------------------------------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """Return the settings given for this study, as plain data."""
        path = self.root / "study.toml"
        try:
            return tomllib.loads((_bytes_of(path) or b"").decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"study.toml is not valid TOML ({error})", path=path, hint="Fix the file") from error

    def save_options(self, options: Mapping[str, Any]) -> None:
        """Remember the settings given for this study; shards that begin together write one after the other."""
        with _flock(self.root / ".lock.settings", fcntl.LOCK_EX):
            self._write_options(options)

    def _write_options(self, options: Mapping[str, Any]) -> None:
        text = _HEAD + tomli_w.dumps(_without_none(options))
        self.write_file(self.root / "study.toml", text.encode())

    # --- posts and records ------------------------------------------------------------------------------------------

    def post_ids(self) -> list[str]:
        """Return the ids of all posts, sorted."""
        # Not Path.is_file: a command asks this of ten thousand posts more than once.
        there = (name for name in _names(self._posts) if os.path.isfile(f"{self._posts}/{name}/post.json"))  # noqa: PTH113
        return sorted(there)

    def known_ids(self) -> set[str]:
        """Return the ids of all posts, those included of which a failure or part of a folder is all there is."""
        failed = (_failed_post(path) for path in _visible(self._failures))
        folders = (path.name for path in _visible(self._posts) if path.is_dir())
        return {*folders, *(post_id for post_id in failed if post_id is not None)}

    def folder(self, post_id: str) -> Path:
        """Return the folder of a post."""
        return self._posts / post_id

    def post(self, post_id: str) -> Post:
        """Return a post.

        Raises
        ------
        StudyError
            The study holds no such post.
        """
        found = self.read(post_id, "post", Post)
        if found is None:
            raise StudyError(f"this study holds no post {post_id}", path=self.root, hint=_LIST_POSTS)
        return found

    def read(self, post_id: str, stem: str, kind: type[R]) -> R | None:
        """Return a record, or None where there is none."""
        path = self.folder(post_id) / f"{stem}.json"
        raw = _bytes_of(path)
        return None if raw is None else kind.parse(raw, path=path)

    def require(self, post_id: str, stem: str, kind: type[R]) -> R:
        """Return a record.

        Raises
        ------
        StudyError
            There is none.
        """
        record = self.read(post_id, stem, kind)
        if record is None:
            raise StudyError(f"{post_id} has no {stem}.json yet", path=self.root, hint="Run: valex run -s STUDY")
        return record

    def script_variants(self, post_id: str) -> list[str]:
        """Return the names of a post's scripts: those a run writes, in the order of `WRITTEN`, then imported ones."""
        stems = (name.removesuffix(".json") for name in _names(self.folder(post_id)) if name.endswith(".json"))
        names = (stem.removeprefix("script.") for stem in stems if stem.startswith("script."))
        return sorted(names, key=lambda name: (name not in WRITTEN, name))

    def script(self, post_id: str, variant: str | None = None, *, preferred: Sequence[str] = ()) -> tuple[str, Script]:
        """Return a script and the name of its variant.

        Imported scripts come last: importing them does not change which one is shown.

        Parameters
        ----------
        post_id : str
            The post.
        variant : str, optional
            The variant wanted.
        preferred : sequence of str
            Variants to look for first when none is named: `script.variants` of the settings in force.

        Raises
        ------
        StudyError
            The post has no such script, or none at all.
        """
        there = self.script_variants(post_id)
        wanted = [variant] if variant is not None else [*(name for name in preferred if name in there), *there]
        name = wanted[0] if wanted else "<variant>"
        return name, self.require(post_id, f"script.{name}", Script)

    def labels(self, post_id: str, variant: str) -> dict[str, Labels]:
        """Return the labels of one script of a post, by route."""
        stems = sorted(p.stem for p in self.folder(post_id).glob(f"labels.{variant}.*.json"))
        return {stem.rpartition(".")[2]: self.require(post_id, stem, Labels) for stem in stems}

    def read_raw(self, post_id: str, stem: str, kind: type[Record]) -> dict[str, Any] | None:
        """Return a record as plain data, unvalidated but for its version: examining a large study needs no more.

        A file that is no JSON object counts as no record; it will be made anew.

        Raises
        ------
        StudyError
            A newer version of this program wrote the record.
        """
        path = f"{self._posts}/{post_id}/{stem}.json"
        raw = _bytes_of(path)
        if raw is None:
            return None
        try:
            data = from_json(raw)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        version = data.get("schema_version", 1)
        if isinstance(version, int) and version > kind.SCHEMA_VERSION:
            kind.parse(raw, path=Path(path))  # raises, and says it well
        return data

    def write(self, post_id: str, stem: str, record: Record, files: Mapping[str, bytes] | None = None) -> None:
        """Write a record and its side files; the record last, since it vouches for them.

        Raises
        ------
        StudyError
            The disk is full or the folder cannot be written.
        """
        folder = self.folder(post_id)
        with writing(folder):
            for name, content in (files or {}).items():
                (folder / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.write_file(folder / name, content)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.write_file(folder / f"{stem}.json", record.to_json().encode())
            if isinstance(record, Media):
                self._drop_keyframes(post_id, keep={k.file for k in record.keyframes})

    def copy(self, source: str, target: str, stem: str, kind: type[Record]) -> None:
        """Copy a record and its side files from one post to another whose inputs are the same."""
        record = self.read(source, stem, kind)
        if record is None:
            raise FileNotFoundError(self.folder(source) / f"{stem}.json")
        names = side_files(record) if isinstance(record, Media) else ()
        files = {name: (self.folder(source) / name).read_bytes() for name in names}
        self.write(target, stem, record, files)

    def has_side_files(self, post_id: str, media: Media, kind: str) -> bool:
        """Whether the side files of one kind (``audio``, ``keyframes``) are all there."""
        return all((self.folder(post_id) / name).is_file() for name in side_files(media, kind))

    def drop_side_files(self, post_id: str, kind: str) -> None:
        """Delete the side files of one kind (``audio``, ``keyframes``) of a post; its records stay."""
        if kind == "keyframes":
            self._drop_keyframes(post_id, keep=set())
        else:
            with writing(self.folder(post_id)):
                for path in self.folder(post_id).glob("audio.*"):
                    path.unlink()

    def _drop_keyframes(self, post_id: str, keep: set[str]) -> None:
        folder = self.folder(post_id) / "keyframes"
        with writing(folder):
            for path in _visible(folder):
                if f"keyframes/{path.name}" not in keep:
                    path.unlink()
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    # --- failures ---------------------------------------------------------------------------------------------------

    def failure(self, post_id: str, step: str) -> Failure | None:
        """Return why a step could not be done for a post, or None."""
        path = self._failures / f"{post_id}.{step}.json"
        raw = _bytes_of(path)
        return None if raw is None else Failure.parse(raw, path=path)

    def failed(self) -> frozenset[str]:
        """Return the names of all failures, ``<post_id>.<step>``: one look at the folder for any number of posts."""
        return frozenset(name.removesuffix(".json") for name in _names(self._failures) if name.endswith(".json"))

    def failures(self) -> list[Failure]:
        """Return all failures, sorted by post and step."""
        paths = sorted(p for p in _visible(self._failures) if p.suffix == ".json")
        found = ((path, _bytes_of(path)) for path in paths)  # a run beside us may just have cleared one
        return [Failure.parse(raw, path=path) for path, raw in found if raw is not None]

    def write_failure(self, failure: Failure) -> None:
        """Record that a step could not be done for a post."""
        with writing(self._failures):
            self._failures.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.write_file(self._failures / f"{failure.post}.{failure.stage}.json", failure.to_json().encode())

    def clear_failure(self, post_id: str, step: str) -> None:
        """Forget an earlier failure."""
        with writing(self._failures):
            (self._failures / f"{post_id}.{step}.json").unlink(missing_ok=True)

    # --- erasing ----------------------------------------------------------------------------------------------------

    def forget(self, post_id: str) -> list[str]:
        """Remove every trace of a post and return what was removed, relative to the study.

        Reports and exports mix all posts and may be compressed, so they go as a whole, and so do remembered sums: all
        can be made again. The video itself is the lab's and stays.
        """
        if post_id not in self.known_ids():
            raise StudyError(f"this study holds no post {post_id}", path=self.root, hint=_LIST_POSTS)
        video = self._video_path(post_id)
        # Read before anything goes: a table that cannot be read may hold rows about the post.
        gold = {path: self._without(path, post_id) for path in sorted((self.root / "gold").glob("*.csv"))}
        removed: list[str] = []
        with writing(self.root):
            # The post's own folder goes last: interrupted before, the post is still known and can be forgotten again.
            for path in (*self._halves(), *sorted(self.root.glob("sums*.json"))):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                removed.append(path.name)
            for path in sorted((self.root / "logs").glob("*.jsonl")):
                removed += self._forget_lines(path, post_id, video)
            for path, (text, rows) in gold.items():
                removed += self._replace_table(path, text, rows)
            for path in sorted(_visible(self._failures)):
                if _failed_post(path) == post_id or _mentions(path, video):
                    path.unlink()
                    removed.append(str(path.relative_to(self.root)))
            for folder in (*(self.root / name for name in _DERIVED), self.folder(post_id)):
                if folder.is_dir():
                    shutil.rmtree(folder)
                    removed.append(f"{folder.relative_to(self.root)}/")
        return removed

    def _halves(self) -> list[Path]:
        """Return what writes that were interrupted have left outside the posts' folders."""
        folders = (self.root, self._failures, self.root / "logs", self.root / "gold")
        return [path for folder in folders for path in sorted(folder.glob("*.part"))]

    def _video_path(self, post_id: str) -> str | None:
        try:
            post = self.read(post_id, "post", Post)
        except StudyError:  # whatever it is, it must go
            return None
        return post.video.path if post and post.video else None

    def _forget_lines(self, path: Path, post_id: str, video: str | None) -> list[str]:
        lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
        kept = [line for line in lines if not _line_mentions(line, post_id, video)]
        if len(kept) == len(lines):
            return []
        self.write_file(path, "".join(kept).encode())
        return [f"{path.relative_to(self.root)} ({len(lines) - len(kept)} lines)"]

    def _without(self, path: Path, post_id: str) -> tuple[bytes, int]:
        """Return a table of gold labels without the rows about a post, empty where none is left, and how many go."""
        try:
            table = read_table(path)
        except InputError as error:
            raise StudyError(
                f"nothing was removed: a table of labels cannot be read, and may tell of the post ({error.what})",
                path=path,
                hint="Fix it, or move it out of the study",
            ) from error
        first = table.columns[:1]
        kept = [row for row in table.rows if not any(names_same_post(row.cells[name], post_id) for name in first)]
        text = table_text([table.columns, *(row.cells.values() for row in kept)]) if kept else ""
        return text.encode(), len(table.rows) - len(kept)

    def _replace_table(self, path: Path, text: bytes, rows: int) -> list[str]:
        if rows == 0:
            return []
        if text:
            self.write_file(path, text)
        else:
            path.unlink()
        return [f"{path.relative_to(self.root)} ({rows} rows)"]

    def drop_made_from(self, post_id: str, script: str) -> list[str]:
        """Remove what was made from a script that another takes the place of: its labels and its grounding."""
        folder = self.folder(post_id)
        made = sorted((*folder.glob(f"labels.{script}.*.json"), *folder.glob(f"grounding.{script}.json")))
        with writing(folder):
            for path in made:
                path.unlink()
        return [path.name for path in made]

    def refuse_inside(self, out: Path) -> None:
        """Hold that a file or folder to be written does not lie in the study where forgetting would not find it.

        Raises
        ------
        ConfigError
            It does.
        """
        root, target = self.root.resolve(), out.resolve()
        known = (root / name for name in _DERIVED)
        if target.is_relative_to(root) and not any(target.is_relative_to(folder) for folder in known):
            raise ConfigError(
                "what is written here would outlast a post that the study forgets",
                path=out,
                hint=f"Name {self.root / _DERIVED[-1] / out.name}, or a place outside the study",
            )

    def sums(self, shard: tuple[int, int] | None = None) -> Checksums:
        """Return the remembered checksums of videos; each shard keeps its own file, so that none is written by two."""
        name = "sums.json" if shard is None else f"sums.{shard[0]}-of-{shard[1]}.json"
        return Checksums(self.root / name)

    # --- one run at a time ------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self, shard: tuple[int, int] | None = None) -> Iterator[None]:
        """Hold the study, or one shard ``(i, N)`` of it, against other runs.

        Raises
        ------
        StudyError
            Another run holds it.
        """
        if shard is None:
            with _flock(self.root / ".lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield
        else:
            own = self.root / f".lock.{shard[0]}-of-{shard[1]}"
            with (
                _flock(self.root / ".lock", fcntl.LOCK_SH | fcntl.LOCK_NB),
                _flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB),
            ):
                yield

    def write_file(self, path: Path, content: bytes) -> None:
        """Write a file of the study; see `write_whole`."""
        write_whole(path, content)


def side_files(media: Media, kind: str | None = None) -> tuple[str, ...]:
    """Return the names of the side files of a media record, all or of one kind (``audio``, ``keyframes``)."""
    audio = (media.audio.file,) if media.audio and kind in (None, "audio") else ()
    keyframes = tuple(k.file for k in media.keyframes) if kind in (None, "keyframes") else ()
    return audio + keyframes


@contextmanager
def _flock(path: Path, how: int) -> Iterator[None]:
    with writing(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with writing(path):
            _take_lock(descriptor, how, path.parent)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, how: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError as error:
        raise StudyError(
            "another run is at work in this study", path=folder, hint="Wait for it, or use --shard i/N in all runs"
        ) from error


def _visible(folder: Path) -> Iterator[Path]:
    yield from (folder / name for name in _names(folder))


def _names(folder: Path) -> list[str]:
    """Return the names of what is in a folder and not hidden; none where there is no such folder."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _bytes_of(path: Path | str) -> bytes | None:
    """Return what a file holds, None where there is none. Examining a study reads a dozen files a post in this way."""
    try:
        with io.FileIO(path) as file:
            return file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        hint = "Check the permissions of the study and run again"
        raise StudyError(f"cannot read ({error.strerror})", path=Path(path), hint=hint) from error


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in data.items() if v is not None}
    return {k: str(v) if isinstance(v, Path) else v for k, v in plain.items()}


def _failed_post(path: Path) -> str | None:
    try:
        data = from_json(_bytes_of(path) or b"")
    except ValueError:
        return None
    return data.get("post") if isinstance(data, dict) else None


def _mentions(path: Path, word: str | None) -> bool:
    text = path.read_text("utf-8", "replace")
    return word is not None and (word in text or json.dumps(word)[1:-1] in text)


def _line_mentions(line: str, post_id: str, video: str | None) -> bool:
    try:
        data = json.loads(line)
    except ValueError:
        return True  # half a line of a killed run: nobody misses it
    return (
        not isinstance(data, dict)
        or data.get("post") == post_id
        or (video is not None and video in json.dumps(data, ensure_ascii=False))
    )
