"""Checksums of model files: taken while copying, and remembered by size and time of change."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from valex_local.errors import ModelError
from valex_local.store.manifests import File

_CHUNK = 1 << 20
_log = logging.getLogger(__name__)


class Sums:
    """SHA-256 of files, remembered in a JSON file by size and time of change.

    Parameters
    ----------
    path : Path
        The JSON file. Where it cannot be written nothing is remembered: files are then read each time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[int | str]] | None = None
        self._changed = False

    def __call__(self, path: Path, *, fresh: bool = False) -> str:
        """Return the SHA-256 of a file, reading it only when it changed, or always where `fresh`."""
        facts = path.stat()
        key = str(path.absolute())
        known = self._memory().get(key)
        if not fresh and known is not None and known[:2] == [facts.st_size, facts.st_mtime_ns]:
            return str(known[2])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._memory()[key] = [facts.st_size, facts.st_mtime_ns, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Write what was learnt; files that are gone are forgotten."""
        if not self._changed or not self._path.parent.is_dir():
            return
        known = {key: value for key, value in self._memory().items() if Path(key).exists()}
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            temporary.write_text(json.dumps(known, indent=0), "utf-8")
            temporary.replace(self._path)
        except OSError as error:
            _log.info("sums of model files cannot be remembered in %s (%s)", self._path, error.strerror)
        self._changed = False

    def _memory(self) -> dict[str, list[int | str]]:
        if self._known is None:
            try:
                data = json.loads(self._path.read_text("utf-8"))
            except (OSError, ValueError):
                data = {}  # not there yet, or half written by another program: the files are read again
            self._known = data if isinstance(data, dict) else {}
        return self._known


def receive(parts: Iterable[IO[bytes]], target: Path, expected: File, *, model: str) -> File:
    """Write a model file from its parts and return what is now known of it.

    Raises
    ------
    ModelError
        Size or sum are not those expected, or the disk is full; the file is then removed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    try:
        with target.open("wb") as out:
            for part in parts:
                while chunk := part.read(_CHUNK):
                    size += len(chunk)
                    if expected.size is not None and size > expected.size:
                        raise _mismatch(expected, model, f"more than {expected.size:,} bytes")
                    digest.update(chunk)
                    out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        found = File(name=expected.name, size=size, sha256=digest.hexdigest())
        check(found, expected, model=model)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise ModelError(f"cannot write a file of {model} ({error.strerror})", path=target, hint="Make room") from error
    except ModelError:
        target.unlink(missing_ok=True)
        raise
    return found


def check(found: File, expected: File, *, model: str) -> None:
    """Compare what was found with what the manifest says, as far as it says.

    Raises
    ------
    ModelError
        Size or sum differ.
    """
    if expected.size is not None and found.size != expected.size:
        raise _mismatch(expected, model, f"{found.size:,} bytes instead of {expected.size:,}")
    if expected.sha256 is not None and found.sha256 != expected.sha256:
        raise _mismatch(expected, model, f"SHA-256 {found.sha256} instead of {expected.sha256}")


def _mismatch(expected: File, model: str, what: str) -> ModelError:
    return ModelError(
        f"a file of the model {model} is not what its manifest says: {what}",
        path=expected.name,
        hint="It is incomplete, altered or another version: fetch it again from the origin that the manifest names",
    )
