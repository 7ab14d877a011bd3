"""Write the sheets of a workbook to standard output, as a process of its own with limits on memory and time.

A workbook is compressed and may say that it has 17 billion cells, so that opening one takes unbounded memory. The
process reads the workbook from standard input and writes one JSON line for each sheet, ``{"sheet": name, "hidden":
false}``, and after it one for each row, ``[number, [cell, ...]]``. It imports nothing of this package.
"""

from __future__ import annotations

import datetime
import json
import resource
import sys
from io import BytesIO

MEMORY = 3 << 30
"""Address space, in bytes."""

SECONDS = 60
"""Processor time."""

OUTPUT = 256 << 20
"""Characters of all cells."""

WHOLE = 10**15
"""Workbooks store numbers with 15 digits: a longer one has been rounded, and is written so that this can be seen."""


def as_text(cell: object) -> str:
    """Return a cell as a person would type it; dates in ISO 8601."""
    match cell:
        case bool():
            return str(cell).lower()
        case float():
            whole = cell.is_integer() and abs(cell) < WHOLE
            return str(int(cell)) if whole else f"{cell:.15G}"
        case int():
            return str(cell) if abs(cell) < WHOLE else f"{cell:.15G}"
        case datetime.datetime():
            return cell.isoformat(" ", "seconds")
        case datetime.date() | datetime.time():
            return cell.isoformat()
    return str(cell)


def main() -> None:
    """Read standard input and write the rows that are not empty."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook

    written = 0
    workbook = load_workbook(BytesIO(sys.stdin.buffer.read()))
    for about in workbook.sheets_metadata:
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue
        hidden = about.visible is not SheetVisibleEnum.Visible
        sys.stdout.write(json.dumps({"sheet": about.name, "hidden": hidden}) + "\n")
        sheet = workbook.get_sheet_by_name(about.name)
        start = sheet.start or (0, 0)
        for number, row in enumerate(sheet.to_python(), start[0] + 1):
            cells = [as_text(cell) for cell in row]
            if any(cells):
                line = json.dumps([number, cells]) + "\n"
                written += len(line)
                if written > OUTPUT:
                    raise MemoryError
                sys.stdout.write(line)


if __name__ == "__main__":
    main()
