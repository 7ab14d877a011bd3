"""The log of custody: what came into a study, left it and was erased, by whom and when, in a chain that shows changes.

Every line holds the SHA-256 of the line before it, so that no line can be changed, removed or inserted in the middle
unseen. Lines cut off at the end, or a log that is gone, cannot be seen from the file alone: who writes down the seal,
the checksum of the last line, can tell later. The log names no post and holds no content, and survives when posts are
forgotten.
"""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.checksums import canonical
from valex_local.files.text import load_json
from valex_local.study.disk import read_bytes
from valex_local.study.lock import settings_lock

if TYPE_CHECKING:
    from valex_local.study.study import Study

FILE = "custody.jsonl"

FIRST = "0" * 64
"""What stands for the line before the first."""


@dataclass(frozen=True)
class Entry:
    """A line of the log.

    Attributes
    ----------
    number : int
        Its number, from 1.
    at : str
        When, ISO 8601 in UTC.
    by : str
        The user of this machine, or the name given.
    event : str
        What happened: ``import``, ``export``, ``erasure``.
    details : dict
        Counts and formats.
    seal : str
        SHA-256 of the line before and this one.
    """

    number: int
    at: str
    by: str
    event: str
    details: Mapping[str, Any]
    seal: str


def add(study: Study, event: str, by: str | None = None, **details: int | str) -> Entry:
    """Add a line to the log of a study.

    Parameters
    ----------
    study : Study
        The study.
    event : str
        What happened.
    by : str, optional
        Who did it; the user of this machine when left out.
    **details
        Counts and formats; never ids or texts of posts.

    Returns
    -------
    Entry
        The line.

    Raises
    ------
    StudyError
        The log cannot be read or written, or was changed.
    """
    with settings_lock(study.root), writing(study.root):
        before = entries(study)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        data: dict[str, Any] = {
            "number": len(before) + 1,
            "at": at,
            "by": by or account(),
            "event": event,
            "details": dict(details),
        }
        seal = _seal(before[-1].seal if before else FIRST, data)
        # Written as a whole, so that an interrupted write leaves no half of a line.
        before_it = read_bytes(study.root / FILE) or b""
        write_whole(study.root / FILE, before_it + canonical({**data, "seal": seal}) + b"\n")
    return Entry(**data, seal=seal)


@contextmanager
def logged(study: Study, event: str, by: str | None = None) -> Iterator[dict[str, int | str]]:
    """Do something that belongs into the log: do not begin where the log does not hold, and write down what was done.

    Parameters
    ----------
    study : Study
        The study.
    event : str
        What happens.
    by : str, optional
        Who does it; the user of this machine when left out.

    Yields
    ------
    dict
        The details, to be filled in; what is in it when the block ends, even by an error, is written down.

    Raises
    ------
    StudyError
        The log was changed, or cannot be read or written.
    """
    with settings_lock(study.root):
        entries(study)
    details: dict[str, int | str] = {}
    try:
        yield details
    finally:
        if details:
            add(study, event, by, **details)


def account() -> str:
    """Return the name of the user of this machine, by its number where it has no name."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def entries(study: Study, seal: str | None = None) -> list[Entry]:
    """Return the log of a study, checked.

    Parameters
    ----------
    study : Study
        The study.
    seal : str, optional
        A seal that was written down before, or its beginning of 12 digits or more: a line must have it.

    Returns
    -------
    list of Entry
        The lines, in order.

    Raises
    ------
    StudyError
        A line was changed, removed, inserted or moved, or no line has the seal.
    """
    path = study.root / FILE
    found, before = list[Entry](), FIRST
    raw = read_bytes(path) or b""
    if raw and not raw.endswith(b"\n"):
        raise _changed(path, raw.count(b"\n") + 1)
    for number, line in enumerate(raw.splitlines(), 1):
        entry = _parsed(line, number, path)
        data = {"number": number, "at": entry.at, "by": entry.by, "event": entry.event, "details": entry.details}
        if entry.number != number or entry.seal != _seal(before, data):
            raise _changed(path, number)
        before = entry.seal
        found.append(entry)
    if seal is not None and not (len(seal) >= 12 and any(entry.seal.startswith(seal) for entry in found)):
        raise StudyError(
            f"no line of the log of custody has the seal {seal[:12]}: lines were cut off, or the log is another one",
            path=path,
            hint="Compare it with a copy",
        )
    return found


def _seal(before: str, data: Mapping[str, Any]) -> str:
    return hashlib.sha256(before.encode() + canonical(data)).hexdigest()


def _parsed(line: bytes, number: int, path: Path) -> Entry:
    try:
        data = load_json(line)
        entry = Entry(**data)
    except (ValueError, TypeError) as error:
        raise _changed(path, number) from error
    if not isinstance(entry.details, dict) or not isinstance(entry.seal, str):
        raise _changed(path, number)
    return entry


def _changed(path: Path, number: int) -> StudyError:
    return StudyError(
        f"the log of custody was changed in line {number} or before it",
        path=path,
        hint="Restore it from a copy; nothing is added to a log that does not hold",
    )
