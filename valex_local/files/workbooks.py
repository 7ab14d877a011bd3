"""Read the sheets of workbooks: .xlsx, .xlsm, .xlsb, .xls and .ods."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valex_local.errors import InputError
from valex_local.files import calamine_child

_BEGINS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
"""First bytes of a zip archive and of the older format of Excel, which encrypted workbooks have too."""


@dataclass
class WorkbookSheet:
    """A sheet: its name, and its rows with their numbers, without empty ones."""

    name: str
    hidden: bool = False
    rows: list[tuple[int, list[str]]] = field(default_factory=list)


def is_workbook(raw: bytes) -> bool:
    """Whether the content of a file is that of a workbook, whatever its name."""
    return raw.startswith(_BEGINS)


def read_sheets(raw: bytes, path: Path) -> list[WorkbookSheet]:
    """Return the sheets of a workbook that have cells.

    A process with limits on memory and time reads them. Numbers with more than 15 digits, which workbooks round, are
    in scientific notation; dates are in ISO 8601.

    Parameters
    ----------
    raw : bytes
        The content of the file.
    path : Path
        The file, for messages.

    Raises
    ------
    InputError
        This is not a workbook, it is encrypted, or it is too large.
    """
    command = [sys.executable, "-I", calamine_child.__file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            written, error = process.communicate(raw, timeout=2 * calamine_child.SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            written, error = b"", b""
    if process.returncode < 0 or b"MemoryError" in error or b"capacity overflow" in error:
        raise InputError(
            "the sheets of this workbook are too large to be read", path=path, hint="Save the one you need as CSV"
        )
    if process.returncode:
        reason = error.decode("utf-8", "replace").strip().rpartition("\n")[2].rpartition(": ")[2]
        raise InputError(
            f"this workbook cannot be read ({reason})",
            path=path,
            hint="Open it and save the sheet as CSV in UTF-8, or without a password",
        )
    sheets: list[WorkbookSheet] = []
    for line in written.splitlines():
        match json.loads(line):
            case {"sheet": str(name), "hidden": bool(hidden)}:
                sheets.append(WorkbookSheet(name, hidden))
            case [int(number), list(cells)]:
                sheets[-1].rows.append((number, cells))
    return [sheet for sheet in sheets if sheet.rows]


def choose_sheet(
    sheets: Sequence[WorkbookSheet], wanted: Callable[[Sequence[str]], bool] | None
) -> tuple[WorkbookSheet, tuple[str, ...]]:
    """Return the sheet to read, and a notice if there are others.

    Parameters
    ----------
    sheets : sequence of WorkbookSheet
        All sheets that have cells, at least one.
    wanted : callable, optional
        Whether a header is that of the table looked for. The first such sheet counts, else the first that is shown.
    """
    shown = [sheet for sheet in sheets if not sheet.hidden] or sheets
    fitting = [sheet for sheet in (*shown, *sheets) if wanted is not None and wanted(sheet.rows[0][1])]
    chosen = next(iter(fitting), shown[0])
    others = [repr(sheet.name) for sheet in sheets if sheet is not chosen]
    if not others:
        return chosen, ()
    return chosen, (f"the sheet {chosen.name!r} of the workbook was read, not {', '.join(others)}",)
