"""The store: a folder of models, each in a folder named after it.

    <store>/<model id>/files...      model.toml next to them is the manifest, with their checksums
    <store>/.sums.json               checksums of files already read, by size and modification time
    <store>/.partial/                files of models that are not completely downloaded yet
    <store>/.cache/                  what engines computed with models and cached; may be deleted

A model is assembled in a folder with a temporary name and renamed when it is complete, so incomplete models are never
visible.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from valex_local.errors import ConfigError, InputError, ModelError
from valex_local.files.checksums import Checksums
from valex_local.files.removing import remove
from valex_local.files.validation import nearest
from valex_local.store.describe import describe
from valex_local.store.manifests import (
    RECORD,
    File,
    Manifest,
    Profile,
    built_in_folder,
    profile_names,
    read_manifest,
    read_manifests,
    read_profile,
)
from valex_local.store.model import StoredModel, digest

LOCAL = "local-dir:"
"""Prefix of the id of a model that is used from a folder outside the store."""

_STAGING = ".new-"

PARTIAL = ".partial"
"""Folder of the store in which downloaded files lie until their model is complete."""


@dataclass(frozen=True)
class Entry:
    """An entry in the list of models. `problem` is None for an installed model, as far as file sizes show.

    A model on a server has no size, and whether the server runs is not checked.
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
        Its folder; by default the one that ``VALEX_MODELS`` names, or else a folder in the user's data directory.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root) if root is not None else default_root()
        self.built_in = read_manifests(built_in_folder())
        self._checksums = Checksums(self.root / ".sums.json")

    # --- finding models ---------------------------------------------------------------------------------------------

    def manifests(self) -> dict[str, Manifest]:
        """Return the built-in manifests and those of the user's own models, by id."""
        own = (path.parent.name for path in self.root.glob(f"[!.]*/{RECORD}"))
        return {name: self.manifest(name) for name in sorted({*self.built_in, *own})}

    def manifest(self, model_id: str) -> Manifest:
        """Return the manifest of a model, completed by the checksums recorded in the store.

        Raises
        ------
        ModelError
            There is no such model.
        """
        shipped = self.built_in.get(model_id)
        path = self.root / model_id / RECORD
        if "/" not in model_id and path.is_file():
            recorded = read_manifest(path)
            return recorded if shipped is None else shipped.recorded(recorded.files, recorded.source)
        if shipped is None:
            near = nearest(model_id, self.built_in)
            hint = f"Did you mean {near}?" if near else "List them with: valex models list"
            raise ModelError(f"there is no model {model_id}", path=self.root, hint=hint)
        return shipped

    def profile(self, name: str) -> Profile:
        """Return a profile, by its name or the path of a TOML file."""
        return read_profile(name)

    def find(self, model_id: str) -> StoredModel:
        """Return a model of the store, with the checksums of its files verified.

        A file is read again only if its size or modification time has changed.

        Raises
        ------
        ModelError
            The model is unknown, not installed, incomplete or altered.
        """
        return self._find(model_id, ())

    def local(self, path: Path, role: str) -> StoredModel:
        """Return a model from a folder or file outside the store, as in ``local-dir:PATH``."""
        folder = path if path.is_dir() else path.parent
        record = folder / RECORD
        manifest = read_manifest(record) if path.is_dir() and record.is_file() else describe(path, role=role)
        remedy = "Check the folder, or choose another"
        _check_sizes(manifest, manifest.files, folder, remedy)
        files = self._verify_checksums(manifest, manifest.files, folder, remedy)
        return self._model(manifest, folder, files, chain=())

    def resolve(
        self,
        profile: str,
        overrides: Mapping[str, str],
        *,
        needed: Iterable[str],
        optional: Iterable[str] = (),
        installed: bool = True,
    ) -> dict[str, StoredModel]:
        """Return the verified model of each role.

        Parameters
        ----------
        profile : str
            Name of the profile.
        overrides : dict of str to str
            Role to the id of a model that replaces the profile's; ``local-dir:PATH`` is a folder outside the store.
        needed : iterable of str
            Roles that must have a model.
        optional : iterable of str
            Roles that are left out if no model is named for them. A model that is named must be installed.
        installed : bool
            Whether models must be installed. If not, one that is absent is returned as its manifest states it: enough
            to tell what a study was made with, not to load it.

        Returns
        -------
        dict of str to StoredModel
            Role to model.

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
        roles = [role for role in sorted({*needed, *optional}) if role in named]
        return {role: self._of_role(named[role], role, installed=installed) for role in roles}

    def _of_role(self, model_id: str, role: str, *, installed: bool) -> StoredModel:
        if model_id.startswith(LOCAL):
            model = self.local(Path(model_id.removeprefix(LOCAL)).expanduser(), role)
        else:
            model = self._find(model_id, (), installed=installed)
        if model.role != role:
            raise ModelError(f"the model {model_id} is for the role {model.role}, not {role}")
        return model

    def _find(self, model_id: str, chain: tuple[str, ...], *, installed: bool = True) -> StoredModel:
        if model_id in chain:
            raise ModelError(f"models require each other in a circle: {' -> '.join([*chain, model_id])}")
        manifest = self.manifest(model_id)
        folder = self.folder(manifest)
        stated = not installed and not folder.is_dir() and all(file.sha256 is not None for file in manifest.files)
        files = manifest.files if stated else self.check(manifest)
        return self._model(manifest, folder, files, chain, installed=installed)

    def _model(
        self, manifest: Manifest, folder: Path, files: tuple[File, ...], chain: tuple[str, ...], installed: bool = True
    ) -> StoredModel:
        requires = {name: self._find(name, (*chain, manifest.id), installed=installed) for name in manifest.requires}
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
        return (built_in_folder() if manifest.shipped else self.root) / manifest.id

    # --- checking files ---------------------------------------------------------------------------------------------

    def check(self, manifest: Manifest, *, fresh: bool = False) -> tuple[File, ...]:
        """Return the files of a model with their checksums, verified; `fresh` reads every file again.

        Raises
        ------
        ModelError
            A file is missing, altered or unreadable, or its checksum was never recorded.
        """
        folder, remedy = self.folder(manifest), self._remedy(manifest)
        files = self._files(manifest)
        _check_sizes(manifest, files, folder, remedy)
        unknown = [file.name for file in files if file.sha256 is None]
        if unknown and not manifest.shipped:
            raise ModelError(
                f"the checksums of the model {manifest.id} were never recorded",
                path=folder / unknown[0],
                hint=f"Add it with: valex models add FOLDER --id {manifest.id}",
            )
        return self._verify_checksums(manifest, files, folder, remedy, fresh=fresh)

    def _verify_checksums(
        self, manifest: Manifest, files: tuple[File, ...], folder: Path, remedy: str, *, fresh: bool = False
    ) -> tuple[File, ...]:
        found = []
        for expected in files:
            path = folder / expected.name
            try:
                file = File(name=expected.name, size=path.stat().st_size, sha256=self._checksums(path, fresh=fresh))
            except (OSError, InputError) as error:
                what = error.what if isinstance(error, InputError) else error.strerror
                raise ModelError(
                    f"a file of the model {manifest.id} cannot be read ({what})", path=path, hint=remedy
                ) from error
            if expected.sha256 not in (None, file.sha256):
                raise ModelError(
                    f"a file of the model {manifest.id} was altered: SHA-256 {file.sha256} instead of "
                    f"{expected.sha256}",
                    path=path,
                    hint=remedy,
                )
            found.append(file)
        self._checksums.save()
        return tuple(found)

    def _files(self, manifest: Manifest) -> tuple[File, ...]:
        """Return the files of a model; for a bundled model that names none, all files in its folder."""
        if manifest.files or not manifest.shipped:
            return manifest.files
        folder = self.folder(manifest)
        paths = (p for p in sorted(folder.rglob("*")) if p.is_file() and "__pycache__" not in p.parts)
        return tuple(File(name=path.relative_to(folder).as_posix()) for path in paths)

    def _remedy(self, manifest: Manifest) -> str:
        if manifest.shipped:
            return "It is bundled with this program: install valex_local again"
        if manifest.source:
            return f"Install it with: valex models install {manifest.id}"
        if manifest.packages:
            names = ("cpu", "demo", *profile_names(), manifest.id)
            return f"Install it with: valex models install {next(n for n in names if manifest.id in self.members(n))}"
        origin = f" ({manifest.comes_from})" if manifest.comes_from else ""
        return f"Add its files{origin} with: valex models add FOLDER --id {manifest.id}"

    def members(self, name: str) -> list[str]:
        """Return the ids of a profile's models, or of one model, and of the models they require.

        Raises
        ------
        ConfigError
            There is no such profile or model.
        """
        ids: list[str] = []
        waiting = [i for i in self._named(name) if not i.startswith(LOCAL)]
        while waiting:
            model_id = waiting.pop(0)
            if model_id not in ids:
                ids.append(model_id)
                waiting.extend(self.manifest(model_id).requires)
        return ids

    def _named(self, name: str) -> list[str]:
        """Return the ids of the models of a profile, or the one of a model."""
        if name in profile_names() or name.endswith(".toml"):
            return list(self.profile(name).models.values())
        known = self.manifests()
        if name not in known:
            near = nearest(name, [*profile_names(), *known])
            hint = f"Did you mean {near}?" if near else "List them with: valex models list"
            raise ConfigError(f"there is no profile or model {name}", hint=hint)
        return [name]

    def entries(self) -> list[Entry]:
        """Return all known models and whether they are installed, checking only presence and size of the files."""
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
        """Return what is wrong with each installed model, by id; every file is read."""
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
        """Lock the store for writing and yield a temporary folder in it to assemble models in."""
        with _writable(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelError(
                    "another process is writing into this store", path=self.root, hint="Wait until it is done"
                ) from error
            for left in self.root.glob(f"{_STAGING}*"):  # left by a killed process; the lock is ours now
                remove(left, inside=self.root)
            with _writable(self.root), tempfile.TemporaryDirectory(prefix=_STAGING, dir=self.root) as folder:
                yield Path(folder)
        finally:
            os.close(descriptor)

    def take_out(self, folder: Path, staging: Path) -> None:
        """Move a folder of the store into the staging folder, with which it is removed."""
        folder.rename(staging / f"{folder.parent.name}.{folder.name}")

    def place(self, manifest: Manifest, folder: Path) -> None:
        """Move a model from the staging folder to its final folder, replacing an earlier one."""
        (folder / RECORD).write_text(manifest.to_toml(), "utf-8")
        target = self.root / manifest.id
        if target.exists():
            target.rename(folder.with_name(f"{manifest.id}.before"))
        folder.rename(target)


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
    """Return the store's folder: the one that ``VALEX_MODELS`` names, or else one in the user's data directory."""
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
            hint="Free some disk space or check its permissions; VALEX_MODELS can name another folder",
        ) from error
