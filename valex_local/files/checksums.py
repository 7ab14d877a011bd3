"""Checksums of files, stored with size and modification time, so that a second run need not read large files."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import orjson

from valex_local.errors import StudyError
from valex_local.files.atomic import write_whole

_log = logging.getLogger(__name__)


class Checksums:
    """SHA-256 of files, stored in a JSON file with size and modification time.

    Parameters
    ----------
    path : Path
        The JSON file. If it cannot be written, nothing is stored and files are read every time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[int | str]] | None = None
        self._changed = False

    def __call__(self, path: Path, *, fresh: bool = False) -> str:
        """Return the SHA-256 of a file, which is read only if it has changed or if `fresh` is set."""
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
        """Write new checksums; entries of files that no longer exist are dropped."""
        if not self._changed or not self._path.parent.is_dir():
            return
        known = {key: value for key, value in self._memory().items() if Path(key).exists()}
        try:
            write_whole(self._path, json.dumps(known, indent=0).encode(), shared=True)
        except StudyError as error:
            _log.info("checksums cannot be stored in %s (%s)", self._path, error.what)
        self._changed = False

    def _memory(self) -> dict[str, list[int | str]]:
        if self._known is None:
            try:
                data = json.loads(self._path.read_text("utf-8"))
            except (OSError, ValueError):
                data = {}  # missing, or incompletely written by another program: the files are read again
            self._known = data if isinstance(data, dict) else {}
        return self._known


def canonical(data: Any) -> bytes:
    """Return JSON data in canonical form: UTF-8, sorted keys, no whitespace."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits, which no record contains
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(data: Any) -> str:
    """Return the SHA-256 of JSON data in canonical form."""
    return hashlib.sha256(canonical(data)).hexdigest()
