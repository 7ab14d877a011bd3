"""Checksums of files, stored with size and modification time, so that a second run need not read large files."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import orjson

from valex_local.errors import InputError, StudyError
from valex_local.files.atomic import write_whole
from valex_local.files.text import load_json, open_regular, read_raw

_log = logging.getLogger(__name__)

_SHA256 = re.compile("[0-9a-f]{64}")


class Checksums:
    """SHA-256 of files, stored in a JSON file with size and modification time.

    Parameters
    ----------
    path : Path
        The JSON file. If it cannot be written, nothing is stored and files are read every time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] | None = None
        self._changed = False

    def __call__(self, path: Path, *, fresh: bool = False) -> str:
        """Return the SHA-256 of a file, which is read only if it has changed or if `fresh` is set."""
        facts = path.stat()
        key = str(path.absolute())
        match self._memory().get(key):
            case [facts.st_size, facts.st_mtime_ns, str(known)] if not fresh and _SHA256.fullmatch(known):
                return known
        digest = sha256_of(path)
        self._memory()[key] = [facts.st_size, facts.st_mtime_ns, digest]
        self._changed = True
        return digest

    def save(self) -> None:
        """Write new checksums; entries of files that no longer exist are dropped."""
        if not self._changed or not self._path.parent.is_dir():
            return
        known = {key: value for key, value in self._memory().items() if Path(key).exists()}
        try:
            write_whole(self._path, json.dumps(known, indent=0).encode(), shared=True)
        except StudyError as error:
            _log.info("checksums cannot be stored in %s (%s)", self._path, error.what)
        self._changed = False

    def _memory(self) -> dict[str, Any]:
        if self._known is None:
            try:
                data = load_json(read_raw(self._path))
            except (InputError, ValueError):
                data = {}  # missing, or incompletely written by another program: the files are read again
            self._known = data if isinstance(data, dict) else {}
        return self._known


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    InputError
        There is no such file, it is not a regular file, or it cannot be read.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical(data: Any) -> bytes:
    """Return JSON data in canonical form: UTF-8, sorted keys, no whitespace."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, which no record contains
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(data: Any) -> str:
    """Return the SHA-256 of JSON data in canonical form."""
    return hashlib.sha256(canonical(data)).hexdigest()
