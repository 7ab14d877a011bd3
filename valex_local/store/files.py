"""Files of models: written while computing their checksums, and compared with the manifest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from valex_local.errors import ModelError
from valex_local.files.removing import remove
from valex_local.store.manifests import File

_CHUNK = 1 << 20


def receive(parts: Iterable[IO[bytes]], target: Path, expected: File, *, model: str) -> File:
    """Write a model file from its parts.

    Parameters
    ----------
    parts : iterable of binary file
        The parts, which are joined.
    target : Path
        The file to write.
    expected : File
        The file according to the manifest.
    model : str
        Id of the model, for messages.

    Returns
    -------
    File
        The file, with size and checksum.

    Raises
    ------
    ModelError
        Size or checksum are not those expected, or the disk is full; the file is then removed.
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
        remove(target, inside=target.parent)
        raise ModelError(
            f"cannot write a file of {model} ({error.strerror})", path=target, hint="Free some disk space"
        ) from error
    except ModelError:
        remove(target, inside=target.parent)
        raise
    return found


def check(found: File, expected: File, *, model: str) -> None:
    """Check the size and checksum of a file, as far as the manifest states them.

    Parameters
    ----------
    found : File
        The file as it was found.
    expected : File
        The file according to the manifest.
    model : str
        Id of the model, for messages.

    Raises
    ------
    ModelError
        Size or checksum differ.
    """
    if expected.size is not None and found.size != expected.size:
        raise _mismatch(expected, model, f"{found.size:,} bytes instead of {expected.size:,}")
    if expected.sha256 is not None and found.sha256 != expected.sha256:
        raise _mismatch(expected, model, f"SHA-256 {found.sha256} instead of {expected.sha256}")


def _mismatch(expected: File, model: str, what: str) -> ModelError:
    return ModelError(
        f"a file of the model {model} is not what its manifest says: {what}",
        path=expected.name,
        hint="It is incomplete, altered or another version: download it again from the origin named in the manifest",
    )
