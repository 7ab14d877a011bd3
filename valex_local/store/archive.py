"""Archives that carry models, and optionally the Python wheels, to a machine without network.

    valex-models.json          format, and the manifests with all checksums; always first
    models/<id>/<file>
    wheels/<wheel>

The format is uncompressed tar, since weights do not compress. The wheels are to be unpacked with ``tar -xf``, because
this program must be installed before it can unpack the models.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from valex_local.errors import ModelError
from valex_local.files.atomic import replacing
from valex_local.files.text import load_json, open_regular
from valex_local.store.files import check, receive
from valex_local.store.intake import Say
from valex_local.store.manifests import File, Manifest, parse
from valex_local.store.store import Store
from valex_local.store.wheels import collect

_INDEX = "valex-models.json"
_FORMAT = 1
_MAX_INDEX = 64 << 20


def pack(store: Store, out: Path, ids: Iterable[str], *, wheels: bool = False, say: Say = lambda _: None) -> None:
    """Write models of the store into an archive.

    Parameters
    ----------
    store : Store
        The store.
    out : Path
        The archive to write.
    ids : iterable of str
        Models to pack. Models they require are included, bundled models are left out.
    wheels : bool
        Whether to include the Python wheels of this environment; pip may use the network for that.
    say : callable
        Called with messages about the progress.

    Raises
    ------
    ModelError
        A model is missing, altered or on a server, or the archive cannot be written.
    """
    manifests = [m for m in _closure(store, ids) if not m.shipped]
    for manifest in manifests:
        if manifest.on_server:
            raise ModelError(
                f"the model {manifest.id} is on a server of this machine and has no files to carry",
                path=manifest.options["url"],
                hint="Name the other models one by one; on the other machine, add this one with its server's address",
            )
    manifests = [m.recorded(store.check(m)) for m in manifests]
    try:
        with replacing(out) as part, tempfile.TemporaryDirectory(prefix=".wheels-", dir=out.parent) as folder:
            found = collect(Path(folder), say) if wheels else []
            with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as tar:
                _add_index(tar, manifests, found)
                for manifest in manifests:
                    say(f"packing {manifest.id}")
                    for file in manifest.files:
                        _add(tar, store.folder(manifest) / file.name, f"models/{manifest.id}/{file.name}")
                for wheel in found:
                    _add(tar, wheel, f"wheels/{wheel.name}")
    except OSError as error:
        raise ModelError(
            f"cannot write the archive ({error.strerror})", path=out, hint="Free some disk space"
        ) from error


def unpack(store: Store, archive: Path, *, say: Say = lambda _: None) -> list[str]:
    """Add the models of an archive to the store.

    The checksum of every file is checked, with that of this program's own manifest if it has one. Nothing is added to
    the store unless the whole archive is right.

    Parameters
    ----------
    store : Store
        The store.
    archive : Path
        The archive.
    say : callable
        Called with messages about the progress.

    Returns
    -------
    list of str
        Ids of the models.

    Raises
    ------
    ModelError
        The archive is damaged or contains something unexpected, or a file is not the right one.
    """
    try:
        with _opened(archive) as tar, store.staging() as staging:
            manifests = _read_index(tar, archive, store)
            found = _extract(tar, staging, manifests, archive, say)
            for manifest in manifests.values():
                _complete(manifest, found[manifest.id], archive)
            for manifest in manifests.values():
                store.place(manifest, staging / manifest.id)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ModelError(
            f"this archive cannot be read ({error})", path=archive, hint="Carry it over again, or pack it again"
        ) from error
    return list(manifests)


def wheels_in(archive: Path) -> int:
    """Return the number of Python wheels in an archive."""
    with _opened(archive) as tar:
        return sum(1 for member in tar if member.name.startswith("wheels/"))


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    with open_regular(archive) as file, tarfile.open(fileobj=file, mode="r:") as tar:
        yield tar


def _closure(store: Store, ids: Iterable[str]) -> list[Manifest]:
    waiting, found = list(ids), dict[str, Manifest]()
    while waiting:
        model_id = waiting.pop(0)
        if model_id not in found:
            found[model_id] = store.manifest(model_id)
            waiting.extend(found[model_id].requires)
    return list(found.values())


def _add_index(tar: tarfile.TarFile, manifests: list[Manifest], wheels: list[Path]) -> None:
    data = {
        "format": _FORMAT,
        "models": [m.model_dump(mode="json", exclude_none=True, exclude_defaults=True) for m in manifests],
        "wheels": [wheel.name for wheel in wheels],
    }
    raw = json.dumps(data, indent=1).encode()
    info = tarfile.TarInfo(_INDEX)
    info.size = len(raw)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(raw))


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    info.mode = 0o644
    with open_regular(path) as file:
        tar.addfile(info, file)


def _read_index(tar: tarfile.TarFile, archive: Path, store: Store) -> dict[str, Manifest]:
    first = tar.next()
    stream = tar.extractfile(first) if first is not None and first.isreg() and first.size <= _MAX_INDEX else None
    if first is None or first.name != _INDEX or stream is None:
        raise ModelError(
            "this is not an archive of valex models", path=archive, hint="Make one with: valex models pack"
        )
    try:
        data = load_json(stream.read())
        written, models = data["format"], list(data["models"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError("the archive's index is damaged", path=archive, hint="Pack it again") from error
    if written != _FORMAT:
        raise ModelError(
            f"the archive has format {written}; this program reads {_FORMAT}", path=archive, hint="Update valex_local"
        )
    manifests = [parse(Manifest, model, archive) for model in models]
    return {m.id: _trusted(m, store) for m in manifests}


def _trusted(manifest: Manifest, store: Store) -> Manifest:
    """Return the archive's manifest, or this program's own with that id completed by the archive's checksums."""
    own = store.built_in.get(manifest.id)
    if own is not None and own.shipped:
        raise ModelError(f"the archive contains {manifest.id}, which is bundled with this program")
    return manifest if own is None else own.recorded(manifest.files, manifest.source)


def _extract(
    tar: tarfile.TarFile, staging: Path, manifests: dict[str, Manifest], archive: Path, say: Say
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {model_id: set() for model_id in manifests}
    while (member := tar.next()) is not None:
        parts = PurePosixPath(member.name).parts
        if member.isreg() and len(parts) == 2 and parts[0] == "wheels":
            continue
        model_id, name = (parts[1], "/".join(parts[2:])) if len(parts) > 2 and parts[0] == "models" else ("", "")
        expected = _file(manifests.get(model_id), name)
        stream = tar.extractfile(member) if member.isreg() else None
        if expected is None or stream is None or name in found[model_id]:
            raise ModelError(f"the archive contains something unexpected: {member.name!r}", path=archive)
        if not found[model_id]:
            say(f"unpacking {model_id}")
        with stream:
            receive([stream], staging / model_id / name, expected, model=model_id)
        found[model_id].add(name)
    return found


def _file(manifest: Manifest | None, name: str) -> File | None:
    return next((f for f in manifest.files if f.name == name), None) if manifest is not None else None


def _complete(manifest: Manifest, found: set[str], archive: Path) -> None:
    missing = {file.name for file in manifest.files} - found
    if missing:
        raise ModelError(f"the archive lacks {', '.join(sorted(missing))} of {manifest.id}", path=archive)
    for file in manifest.files:
        check(file, File(name=file.name), model=manifest.id)
        if file.sha256 is None:
            raise ModelError(f"the archive has no checksum of {file.name} of {manifest.id}", path=archive)
