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

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic_core import from_json

from valex_local.errors import ConfigError, StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.checksums import Checksums
from valex_local.records import Failure, Labels, Media, Post, Record, Script
from valex_local.study.disk import DERIVED, failed_post, no_such_post, read_bytes, visible, visible_names
from valex_local.study.forget import forget
from valex_local.study.lock import run_lock, settings_lock
from valex_local.study.variants import LabelKey, script_rank

R = TypeVar("R", bound=Record)

_HEAD = "# The settings given for this study; every other one is its profile's or the default.\n"


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
            if any(visible(self.root)) and not (self.root / "study.toml").exists():
                raise StudyError(
                    "this folder is not empty and holds no study", path=self.root, hint="Name a new folder with -s"
                )
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # First, and by one of several shards that begin together: it is what makes the folder a study.
            with settings_lock(self.root):
                if not (self.root / "study.toml").exists():
                    self._write_options({})
            for folder in (self._posts, self._failures, self.root / "logs"):
                folder.mkdir(mode=0o700, exist_ok=True)

    # --- settings ---------------------------------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """Return the settings given for this study, as plain data."""
        path = self.root / "study.toml"
        try:
            return tomllib.loads((read_bytes(path) or b"").decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StudyError(f"study.toml is not valid TOML ({error})", path=path, hint="Fix the file") from error

    def save_options(self, options: Mapping[str, Any]) -> None:
        """Remember the settings given for this study; shards that begin together write one after the other."""
        with settings_lock(self.root):
            self._write_options(options)

    def _write_options(self, options: Mapping[str, Any]) -> None:
        text = _HEAD + tomli_w.dumps(_without_none(options))
        write_whole(self.root / "study.toml", text.encode())

    # --- posts and records ------------------------------------------------------------------------------------------

    def post_ids(self) -> list[str]:
        """Return the ids of all posts, sorted."""
        # Not Path.is_file: a command asks this of ten thousand posts more than once.
        there = (name for name in visible_names(self._posts) if os.path.isfile(f"{self._posts}/{name}/post.json"))  # noqa: PTH113
        return sorted(there)

    def known_ids(self) -> set[str]:
        """Return the ids of all posts, those included of which a failure or part of a folder is all there is."""
        failed = (failed_post(path) for path in visible(self._failures))
        folders = (path.name for path in visible(self._posts) if path.is_dir())
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
            raise no_such_post(self.root, post_id)
        return found

    def read(self, post_id: str, stem: str, kind: type[R]) -> R | None:
        """Return a record, or None where there is none."""
        path = self.folder(post_id) / f"{stem}.json"
        raw = read_bytes(path)
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
        return sorted(self._variants(post_id, "script"), key=script_rank)

    def label_keys(self, post_id: str) -> list[LabelKey]:
        """Return which labels a post has, sorted by script and route."""
        return sorted(LabelKey.of(name) for name in self._variants(post_id, "labels") if "." in name)

    def _variants(self, post_id: str, kind: str) -> Iterator[str]:
        """Yield ``<variant>`` of each ``<kind>.<variant>.json`` of a post."""
        for name in visible_names(self.folder(post_id)):
            if name.startswith(f"{kind}.") and name.endswith(".json"):
                yield name.removeprefix(f"{kind}.").removesuffix(".json")

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
        keys = (key for key in self.label_keys(post_id) if key.script == variant)
        return {key.route: self.require(post_id, key.stem, Labels) for key in keys}

    def all_labels(self, post_id: str) -> dict[LabelKey, Labels]:
        """Return all labels of a post."""
        return {key: self.require(post_id, key.stem, Labels) for key in self.label_keys(post_id)}

    def read_raw(self, post_id: str, stem: str, kind: type[Record]) -> dict[str, Any] | None:
        """Return a record as plain data, unvalidated but for its version: examining a large study needs no more.

        A file that is no JSON object counts as no record; it will be made anew.

        Raises
        ------
        StudyError
            A newer version of this program wrote the record.
        """
        path = f"{self._posts}/{post_id}/{stem}.json"
        raw = read_bytes(path)
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
                write_whole(folder / name, content)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(folder / f"{stem}.json", record.to_json().encode())
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
            for path in visible(folder):
                if f"keyframes/{path.name}" not in keep:
                    path.unlink()
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    # --- failures ---------------------------------------------------------------------------------------------------

    def failure(self, post_id: str, step: str) -> Failure | None:
        """Return why a step could not be done for a post, or None."""
        path = self._failures / f"{post_id}.{step}.json"
        raw = read_bytes(path)
        return None if raw is None else Failure.parse(raw, path=path)

    def failed(self) -> frozenset[str]:
        """Return the names of all failures, ``<post_id>.<step>``: one look at the folder for any number of posts."""
        return frozenset(name.removesuffix(".json") for name in visible_names(self._failures) if name.endswith(".json"))

    def failures(self) -> list[Failure]:
        """Return all failures, sorted by post and step."""
        paths = sorted(p for p in visible(self._failures) if p.suffix == ".json")
        found = ((path, read_bytes(path)) for path in paths)  # a run beside us may just have cleared one
        return [Failure.parse(raw, path=path) for path, raw in found if raw is not None]

    def write_failure(self, failure: Failure) -> None:
        """Record that a step could not be done for a post."""
        with writing(self._failures):
            self._failures.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._failures / f"{failure.post}.{failure.stage}.json", failure.to_json().encode())

    def clear_failure(self, post_id: str, step: str) -> None:
        """Forget an earlier failure."""
        with writing(self._failures):
            (self._failures / f"{post_id}.{step}.json").unlink(missing_ok=True)

    # --- erasing ----------------------------------------------------------------------------------------------------

    def forget(self, post_id: str) -> list[str]:
        """Remove every trace of a post and return what was removed; see `valex_local.study.forget`."""
        return forget(self, post_id)

    def drop_made_from(self, post_id: str, script: str) -> list[str]:
        """Remove what was made from a script that another takes the place of: its labels and its grounding."""
        folder = self.folder(post_id)
        stems = [f"grounding.{script}", *(key.stem for key in self.label_keys(post_id) if key.script == script)]
        made = [path for stem in stems if (path := folder / f"{stem}.json").is_file()]
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
        known = (root / name for name in DERIVED)
        if target.is_relative_to(root) and not any(target.is_relative_to(folder) for folder in known):
            raise ConfigError(
                "what is written here would outlast a post that the study forgets",
                path=out,
                hint=f"Name {self.root / DERIVED[-1] / out.name}, or a place outside the study",
            )

    def sums(self, shard: tuple[int, int] | None = None) -> Checksums:
        """Return the remembered checksums of videos; each shard keeps its own file, so that none is written by two."""
        name = "sums.json" if shard is None else f"sums.{shard[0]}-of-{shard[1]}.json"
        return Checksums(self.root / name)

    def lock(self, shard: tuple[int, int] | None = None) -> AbstractContextManager[None]:
        """Lock the study, or one shard ``(i, N)`` of it, against other runs; see `run_lock`."""
        return run_lock(self.root, shard)


def side_files(media: Media, kind: str | None = None) -> tuple[str, ...]:
    """Return the names of the side files of a media record, all or of one kind (``audio``, ``keyframes``)."""
    audio = (media.audio.file,) if media.audio and kind in (None, "audio") else ()
    keyframes = tuple(k.file for k in media.keyframes) if kind in (None, "keyframes") else ()
    return audio + keyframes


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in data.items() if v is not None}
    return {k: str(v) if isinstance(v, Path) else v for k, v in plain.items()}
