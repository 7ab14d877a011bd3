"""The study folder: records, side files, failures, lock, removal of posts.

    study/
      study.toml                          the settings given by the user; all others are the profile's
      posts/<post_id>/                    post.json, the records of each stage, audio.flac, keyframes/; edits.json, what
                                          people corrected
      failures/<post_id>.<step>.json
      left-out.json                       which posts are excluded or were forgotten
      intake.json                         what the last search for posts left out
      calibration.<script>.<route>.json   how the states of these labels are drawn
      gold/<annotator>.csv                gold labels; the first column is the id of the post
      report/ exports/ logs/
      sums.json                           checksums of videos, stored with their size and modification time

Plain files with one writer each: a file is written under a temporary name, flushed, and renamed. The temporary name is
always the same, so the next write cleans up after an interrupted one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic_core import from_json

from valex_local.errors import StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.checksums import Checksums
from valex_local.files.folders import is_plain_name
from valex_local.files.removing import remove
from valex_local.files.toml import parse_toml
from valex_local.records import (
    Calibration,
    Edits,
    Failure,
    Intake,
    Labels,
    LeftOut,
    Media,
    Post,
    Record,
    Script,
)
from valex_local.rendering.views import script_of
from valex_local.states import draw
from valex_local.study.disk import no_such_post, read_bytes, read_failure, visible, visible_names
from valex_local.study.forget import forget
from valex_local.study.layers import as_read, file_stem, is_changed, raw_as_read
from valex_local.study.left_out import read_left_out
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
        Whether to make the study if it does not exist.

    Raises
    ------
    StudyError
        There is no study, or the folder contains something else.
    """

    def __init__(self, root: Path | str, *, create: bool = False) -> None:
        self.root = Path(root)
        self._posts = self.root / "posts"
        self._failures = self.root / "failures"
        self._calibrations: dict[LabelKey, Calibration | None] = {}
        if create:
            self._create()
        elif not (self.root / "study.toml").is_file():
            raise StudyError("there is no study here", path=self.root, hint="Make one with: valex run VIDEOS -s STUDY")

    def _create(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise StudyError("this is a file, not a folder", path=self.root, hint="Choose a new folder with -s")
        with writing(self.root):
            # The order of the two checks matters: another shard that starts now makes study.toml before anything else.
            if any(visible(self.root)) and not (self.root / "study.toml").exists():
                raise StudyError(
                    "this folder is not empty and is not a study", path=self.root, hint="Choose a new folder with -s"
                )
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made first, by only one of several shards that start together: it marks the folder as a study.
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
            return parse_toml(read_bytes(path) or b"")
        except ValueError as error:
            raise StudyError(f"study.toml is not valid TOML ({error})", path=path, hint="Fix the file") from error

    def save_options(self, options: Mapping[str, Any]) -> None:
        """Store the settings given for this study; shards that start together write one after the other."""
        with settings_lock(self.root):
            self._write_options(options)

    def _write_options(self, options: Mapping[str, Any]) -> None:
        text = _HEAD + tomli_w.dumps(_without_none(options))
        write_whole(self.root / "study.toml", text.encode())

    # --- posts and records ------------------------------------------------------------------------------------------

    def left_out(self) -> LeftOut:
        """Return which posts are excluded or were forgotten."""
        return read_left_out(self.root)

    def post_ids(self, *, excluded: bool = False) -> list[str]:
        """Return the ids of the posts, sorted; of those that people excluded only with `excluded`."""
        left_out = {} if excluded else self.left_out().excluded
        # os.path.isfile is faster than Path.is_file, and a command may check ten thousand posts more than once.
        names = filter(is_plain_name, visible_names(self._posts))
        there = (name for name in names if os.path.isfile(f"{self._posts}/{name}/post.json"))  # noqa: PTH113
        return sorted(name for name in there if name not in left_out)

    def known_ids(self) -> set[str]:
        """Return the ids of all posts, including those with nothing but a failure or part of a folder."""
        folders = (path.name for path in visible(self._posts) if is_plain_name(path.name) and path.is_dir())
        return {*folders, *(failure.post for failure in self.failures())}

    def folder(self, post_id: str) -> Path:
        """Return the folder of a post.

        Raises
        ------
        StudyError
            The id cannot name a folder, so the study has no such post.
        """
        if not is_plain_name(post_id):
            raise no_such_post(self.root, post_id)
        return self._posts / post_id

    def post(self, post_id: str) -> Post:
        """Return a post.

        Raises
        ------
        StudyError
            The study has no such post.
        """
        found = self.read(post_id, "post", Post)
        if found is None:
            raise no_such_post(self.root, post_id)
        return found

    def read(self, post_id: str, stem: str, kind: type[R], *, as_found: bool = False) -> R | None:
        """Return a record, as people corrected it; see `valex_local.study.corrections`.

        Parameters
        ----------
        post_id : str
            The post.
        stem : str
            Name of the record without extension, such as ``script.template``.
        kind : type of Record
            The class of the record.
        as_found : bool
            Whether to leave out the corrections.

        Returns
        -------
        Record or None
            The record, or None if there is none.

        Raises
        ------
        StudyError
            The file cannot be read, is not a valid record, or was written by a newer version of this program.
        """
        path = self.folder(post_id) / f"{file_stem(stem)}.json"
        raw = read_bytes(path)
        if raw is None:
            return None
        record = kind.parse(raw, path=path)
        return record if as_found else as_read(self, post_id, stem, record)

    def edits(self, post_id: str) -> Edits | None:
        """Return what people corrected in a post, or None if they corrected nothing."""
        path = self.folder(post_id) / "edits.json"
        raw = read_bytes(path)
        return None if raw is None else Edits.parse(raw, path=path)

    def require(self, post_id: str, stem: str, kind: type[R]) -> R:
        """Return a record that must exist.

        Parameters
        ----------
        post_id, stem, kind
            As for `read`.

        Returns
        -------
        Record
            The record.

        Raises
        ------
        StudyError
            There is no such record, or it cannot be read.
        """
        record = self.read(post_id, stem, kind)
        if record is None:
            raise StudyError(f"{post_id} has no {stem}.json yet", path=self.root, hint="Run: valex run -s STUDY")
        return record

    def script_variants(self, post_id: str) -> list[str]:
        """Return the names of a post's scripts: those in `WRITTEN`, in that order, then imported ones."""
        return sorted(self._variants(post_id, "script"), key=script_rank)

    def label_keys(self, post_id: str) -> list[LabelKey]:
        """Return the names of a post's sets of labels, sorted by script, route and model."""
        keys = ((LabelKey.of(name), name) for name in self._variants(post_id, "labels") if "." in name)
        return sorted(key for key, name in keys if str(key) == name)

    def coders(self, post_id: str) -> list[str]:
        """Return who coded a post, sorted."""
        return sorted(self._variants(post_id, "coding"))

    def _variants(self, post_id: str, kind: str) -> Iterator[str]:
        """Yield ``<variant>`` of each ``<kind>.<variant>.json`` of a post."""
        for name in visible_names(self.folder(post_id)):
            if name.startswith(f"{kind}.") and name.endswith(".json"):
                yield name.removeprefix(f"{kind}.").removesuffix(".json")

    def script(self, post_id: str, variant: str | None = None, *, preferred: Sequence[str] = ()) -> tuple[str, Script]:
        """Return a script and the name of its variant.

        Imported scripts come last, so importing one does not change which script is shown.

        Parameters
        ----------
        post_id : str
            The post.
        variant : str, optional
            The variant; when left out, the first that exists.
        preferred : sequence of str
            Variants to try first if `variant` is left out: `script.variants` of the settings in force.

        Returns
        -------
        name : str
            Name of the variant.
        script : Script
            The script.

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
        """Return the labels of one script of a post, by route: ``encoder``, or ``encoder@<name>`` of another model."""
        keys = (key for key in self.label_keys(post_id) if key.script == variant)
        return {key.by: self.labels_of(post_id, key) for key in keys}

    def all_labels(self, post_id: str) -> dict[LabelKey, Labels]:
        """Return all labels of a post."""
        return {key: self.labels_of(post_id, key) for key in self.label_keys(post_id)}

    def labels_of(self, post_id: str, key: LabelKey) -> Labels:
        """Return a set of labels of a post, with states drawn by the study's calibration.

        Parameters
        ----------
        post_id : str
            The post.
        key : LabelKey
            The set of labels.

        Returns
        -------
        Labels
            The labels; `valex_local.states.draw` says how.

        Raises
        ------
        StudyError
            There are no such labels, or they or the calibration cannot be read.
        """
        if key not in self._calibrations:
            self._calibrations[key] = self.calibration(key)
        return draw(self.require(post_id, key.stem, Labels), self._calibrations[key])

    def rename_labels(self, post_id: str, old: LabelKey, new: LabelKey) -> None:
        """Give labels of a post another name, in place of what has that name.

        Parameters
        ----------
        post_id : str
            The post.
        old, new : LabelKey
            The name of the labels before and after.

        Raises
        ------
        StudyError
            The folder cannot be written to.
        """
        folder = self.folder(post_id)
        with writing(folder):
            (folder / f"{old.stem}.json").replace(folder / f"{new.stem}.json")

    def read_raw(self, post_id: str, stem: str, kind: type[Record], *, as_found: bool = False) -> dict[str, Any] | None:
        """Return a record as `read` does, as plain data that is not validated: fast enough for large studies.

        A file that is not a JSON object counts as missing, so that the record is made again.

        Parameters
        ----------
        post_id, stem, kind, as_found
            As for `read`.

        Returns
        -------
        dict or None
            The record, or None if there is none.

        Raises
        ------
        StudyError
            A newer version of this program wrote the record.
        """
        path = f"{self._posts}/{post_id}/{file_stem(stem)}.json"
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
            kind.parse(raw, path=Path(path))  # raises StudyError
        return data if as_found or not is_changed(self, post_id, stem) else raw_as_read(self, post_id, stem, data, kind)

    def write(self, post_id: str, stem: str, record: Record, files: Mapping[str, bytes] | None = None) -> None:
        """Write a record and its side files; the record last, so that its side files exist once it does.

        Parameters
        ----------
        post_id : str
            The post.
        stem : str
            Name of the record without extension.
        record : Record
            The record.
        files : mapping of str to bytes, optional
            Side files, by their path in the folder of the post.

        Raises
        ------
        StudyError
            The disk is full or the folder cannot be written to.
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
        """Copy a record and its side files from one post to another with the same inputs.

        Parameters
        ----------
        source, target : str
            The posts.
        stem : str
            Name of the record without extension.
        kind : type of Record
            The class of the record.

        Raises
        ------
        FileNotFoundError
            The record or a side file does not exist.
        StudyError
            The record cannot be read or written.
        """
        record = self.read(source, stem, kind, as_found=True)
        if record is None:
            raise FileNotFoundError(self.folder(source) / f"{stem}.json")
        names = side_files(record) if isinstance(record, Media) else ()
        files = {name: (self.folder(source) / name).read_bytes() for name in names}
        self.write(target, stem, record, files)

    def has_side_files(self, post_id: str, media: Media, kind: str) -> bool:
        """Whether all side files of a media record exist.

        Parameters
        ----------
        post_id : str
            The post.
        media : Media
            Its media record.
        kind : {"audio", "keyframes"}
            The kind of side files.

        Returns
        -------
        bool
            True if all of them exist.
        """
        return all((self.folder(post_id) / name).is_file() for name in side_files(media, kind))

    def drop_side_files(self, post_id: str, kind: str) -> None:
        """Delete the side files of one kind (``audio``, ``keyframes``) of a post; its records are kept."""
        if kind == "keyframes":
            self._drop_keyframes(post_id, keep=set())
        else:
            with writing(self.folder(post_id)):
                for path in self.folder(post_id).glob("audio.*"):
                    remove(path, inside=self._posts)

    def _drop_keyframes(self, post_id: str, keep: set[str]) -> None:
        folder = self.folder(post_id) / "keyframes"
        with writing(folder):
            for path in visible(folder):
                if f"keyframes/{path.name}" not in keep:
                    remove(path, inside=self._posts)
            if folder.is_dir() and not any(folder.iterdir()):
                remove(folder, inside=self._posts)

    # --- what is about no single post -------------------------------------------------------------------------------

    def intake(self) -> Intake:
        """Return what the last search for posts left out or guessed; empty if nothing was."""
        path = self.root / "intake.json"
        raw = read_bytes(path)
        return Intake() if raw is None else Intake.parse(raw, path=path)

    def write_intake(self, intake: Intake) -> None:
        """Store what a search for posts left out or guessed."""
        with writing(self.root):
            write_whole(self.root / "intake.json", intake.to_json().encode())

    def calibration(self, key: LabelKey) -> Calibration | None:
        """Return how the states of a set of labels are drawn, if that was decided for this study."""
        path = self.root / f"calibration.{key}.json"
        raw = read_bytes(path)
        return None if raw is None else Calibration.parse(raw, path=path)

    def write_calibration(self, key: LabelKey, calibration: Calibration) -> None:
        """Store how the states of a set of labels are drawn."""
        with writing(self.root):
            write_whole(self.root / f"calibration.{key}.json", calibration.to_json().encode())
        self._calibrations.pop(key, None)

    def rename_calibration(self, old: LabelKey, new: LabelKey) -> None:
        """Let labels that have another name now keep how their states are drawn."""
        path = self.root / f"calibration.{old}.json"
        if path.is_file():
            with writing(self.root):
                path.replace(self.root / f"calibration.{new}.json")
        self._calibrations.clear()

    # --- failures ---------------------------------------------------------------------------------------------------

    def failure(self, post_id: str, step: str) -> Failure | None:
        """Return the failure of a step for a post, or None."""
        return read_failure(self._failure_file(post_id, step), [post_id])

    def _failure_file(self, post_id: str, step: str) -> Path:
        return self._failures / f"{self.folder(post_id).name}.{step}.json"

    def failed(self) -> frozenset[str]:
        """Return the names of all failures, ``<post_id>.<step>``, by listing the folder once."""
        return frozenset(name.removesuffix(".json") for name in visible_names(self._failures) if name.endswith(".json"))

    def failures(self) -> list[Failure]:
        """Return all failures, sorted by post and step."""
        paths = sorted(p for p in visible(self._failures) if p.suffix == ".json")
        posts = set(visible_names(self._posts)) if paths else set()
        found = (read_failure(path, posts) for path in paths)
        return [failure for failure in found if failure is not None]

    def write_failure(self, failure: Failure) -> None:
        """Record that a step failed for a post."""
        with writing(self._failures):
            self._failures.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._failure_file(failure.post, failure.stage), failure.to_json().encode())

    def clear_failure(self, post_id: str, step: str) -> None:
        """Remove the record of an earlier failure."""
        with writing(self._failures):
            remove(self._failure_file(post_id, step), inside=self._failures)

    # --- removing ---------------------------------------------------------------------------------------------------

    def forget(self, post_id: str) -> list[str]:
        """Remove every trace of a post and return what was removed; see `valex_local.study.forget`."""
        return forget(self, post_id)

    def drop_made_from(self, post_id: str, script: str) -> list[str]:
        """Remove the labels and the grounding of a script that is about to be replaced; return their file names."""
        folder = self.folder(post_id)
        made_of_it = (key.stem for key in self.label_keys(post_id) if script_of(key.script) == script)
        stems = [f"grounding.{script}", *made_of_it]
        made = [path for stem in stems if (path := folder / f"{stem}.json").is_file()]
        with writing(folder):
            for path in made:
                remove(path, inside=self._posts)
        return [path.name for path in made]

    def checksums(self, shard: tuple[int, int] | None = None) -> Checksums:
        """Return the stored checksums of videos; each shard has its own file, so that every file has one writer."""
        name = "sums.json" if shard is None else f"sums.{shard[0]}-of-{shard[1]}.json"
        return Checksums(self.root / name)

    def lock(self, shard: tuple[int, int] | None = None) -> AbstractContextManager[None]:
        """Lock the study, or one shard ``(i, N)`` of it, against other runs; see `run_lock`."""
        return run_lock(self.root, shard)


def side_files(media: Media, kind: str | None = None) -> tuple[str, ...]:
    """Return the names of the side files of a media record, all of them or one kind (``audio``, ``keyframes``)."""
    audio = (media.audio.file,) if media.audio and kind in (None, "audio") else ()
    keyframes = tuple(k.file for k in media.keyframes) if kind in (None, "keyframes") else ()
    return audio + keyframes


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in data.items() if v is not None}
    return {k: str(v) if isinstance(v, Path) else v for k, v in plain.items()}
