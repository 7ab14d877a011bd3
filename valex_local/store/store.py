"""The store: a folder of models, each in a folder of its name.

    <store>/<model id>/files...      model.toml beside them says what they are and what their sums are
    <store>/.sums.json               sums of files already read, by size and time of change
    <store>/.cache/                  what engines computed with models and keep; may be deleted

A model is made in a folder of a temporary name and renamed when it is complete, so half a model is never seen.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valex_local.errors import ModelError
from valex_local.files.checksums import Checksums
from valex_local.files.validation import nearest
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
from valex_local.store.model import StoredModel, digest

LOCAL = "local-dir:"
"""Begins the id of a model that is used where it lies."""

_STAGING = ".new-"


@dataclass(frozen=True)
class Entry:
    """A line of the store's list. `problem` is None for a model that is there, as far as sizes tell.

    A model on a server has no size here, and whether the server runs is not looked at.
    """

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
        self._sums = Checksums(self.root / ".sums.json")

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
            near = nearest(model_id, self.shipped)
            hint = f"Did you mean {near}?" if near else "List them with: valex models list"
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
        return self._find(model_id, ())

    def local(self, path: Path, role: str) -> StoredModel:
        """Return a model of a folder or file outside the store, as ``local-dir:PATH`` names it."""
        folder = path if path.is_dir() else path.parent
        record = folder / RECORD
        manifest = read_manifest(record) if path.is_dir() and record.is_file() else describe(path, role=role)
        remedy = "Check the folder, or name another"
        _check_sizes(manifest, manifest.files, folder, remedy)
        files = self._check_sums(manifest, manifest.files, folder, remedy)
        return self._model(manifest, folder, files, chain=())

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
            cache=self.root / ".cache",
        )

    def folder(self, manifest: Manifest) -> Path:
        """Return where the files of a model are, or would be."""
        return (built_in() if manifest.shipped else self.root) / manifest.id

    # --- checking ---------------------------------------------------------------------------------------------------

    def check(self, manifest: Manifest, *, fresh: bool = False) -> tuple[File, ...]:
        """Return the files of a model with their sums, all present and right; `fresh` reads every one again.

        Raises
        ------
        ModelError
            A file is missing, altered, unreadable, or its sum was never recorded.
        """
        folder, remedy = self.folder(manifest), self._remedy(manifest)
        files = self._files(manifest)
        _check_sizes(manifest, files, folder, remedy)
        unknown = [file.name for file in files if file.sha256 is None]
        if unknown and not manifest.shipped:
            raise ModelError(
                f"the sums of the model {manifest.id} were never recorded",
                path=folder / unknown[0],
                hint=f"Bring it with: valex models add FOLDER --id {manifest.id}",
            )
        return self._check_sums(manifest, files, folder, remedy, fresh=fresh)

    def _check_sums(
        self, manifest: Manifest, files: tuple[File, ...], folder: Path, remedy: str, *, fresh: bool = False
    ) -> tuple[File, ...]:
        found = []
        for expected in files:
            path = folder / expected.name
            try:
                file = File(name=expected.name, size=path.stat().st_size, sha256=self._sums(path, fresh=fresh))
            except OSError as error:
                raise ModelError(
                    f"a file of the model {manifest.id} cannot be read ({error.strerror})", path=path, hint=remedy
                ) from error
            if expected.sha256 not in (None, file.sha256):
                raise ModelError(
                    f"a file of the model {manifest.id} was altered: SHA-256 {file.sha256} instead of "
                    f"{expected.sha256}",
                    path=path,
                    hint=remedy,
                )
            found.append(file)
        self._sums.save()
        return tuple(found)

    def _files(self, manifest: Manifest) -> tuple[File, ...]:
        """Return the files of a model; of a shipped one that names none, all that lie in its folder."""
        if manifest.files or not manifest.shipped:
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
        if manifest.on_server:
            return Entry(manifest, folder, None, None)
        try:
            _check_sizes(manifest, self._files(manifest), folder, "")
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
        return result

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


def _check_sizes(manifest: Manifest, files: tuple[File, ...], folder: Path, remedy: str) -> None:
    if manifest.on_server:
        return
    missing = [file for file in files if not (folder / file.name).is_file()]
    if len(missing) == len(files):
        raise ModelError(f"the model {manifest.id} is not installed", path=folder, hint=remedy)
    if missing:
        path = folder / missing[0].name
        raise ModelError(f"a file of the model {manifest.id} is missing", path=path, hint=remedy)
    for file in files:
        size = (folder / file.name).stat().st_size
        if file.size not in (None, size):
            raise ModelError(
                f"a file of the model {manifest.id} has {size:,} bytes instead of {file.size:,}",
                path=folder / file.name,
                hint=remedy,
            )


def default_root() -> Path:
    """Return the store's folder: what ``VALEX_MODELS`` names, else a folder of the user's data."""
    named = os.environ.get("VALEX_MODELS")
    if named:
        return Path(named).expanduser()
    from platformdirs import user_data_path

    return user_data_path("valex_local") / "models"


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
