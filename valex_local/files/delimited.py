"""Read delimited text: CSV and TSV in the dialects and encodings that spreadsheets and collection tools write."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from valex_local.errors import InputError

CELL = 1 << 24
"""Maximum length of a cell, in characters."""

_SEPARATORS = ",;\t|"
_TABBED = (".tsv", ".tab")
_SAYS_SEPARATOR = re.compile(r'\s*"?sep=(?P<separator>[^\w\s"\\]|\t|\\t)?"?[\s,;|]*', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*"')
_LATIN_WORD = re.compile(rb"[A-Za-z\xc0-\xff]{2,}")


@dataclass(frozen=True)
class Record:
    """A row as it stands in the text; `cells` is None if its quotes cannot be understood."""

    line: int
    cells: list[str] | None


@dataclass(frozen=True)
class Records:
    """The rows of a text, and notices about what was guessed."""

    rows: list[Record]
    notices: tuple[str, ...] = ()


# --- encoding -------------------------------------------------------------------------------------------------------


def decode(raw: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a table, and notices about what was guessed.

    UTF-8, or UTF-16 if a byte order mark or the position of zeros says so. If only some bytes of UTF-8 are damaged,
    they become U+FFFD; a file without any letter of UTF-8 is read as Windows-1252, which Excel writes.

    Raises
    ------
    InputError
        The text is in another encoding.
    """
    if encoding := _utf16(raw):
        return raw.decode(encoding, "replace"), ()
    try:
        return raw.decode("utf-8-sig"), ()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    patched = raw.decode("utf-8-sig", "replace")
    if any(char > "\x7f" and char != "\ufffd" for char in patched):
        damaged = patched.count("\ufffd")
        return patched, (f"{damaged} characters are not UTF-8 and became \ufffd (first: line {line})",)
    words = _LATIN_WORD.findall(raw)
    accented = [word for word in words if not word.isascii()]
    letters = b"".join(accented)
    # In Western languages most letters of a word are plain; in other scripts of one byte a letter, none is.
    if sum(byte > 0x7F for byte in letters) > 0.6 * len(letters):
        raise InputError(f"line {line} is not utf-8", path=path, hint="Save the file as UTF-8")
    word = f" such as {accented[0].decode('cp1252', 'replace')!r}" if accented else ""
    notice = f"the file is not UTF-8 and was read as Windows-1252: check accented letters{word} (first: line {line})"
    return raw.decode("cp1252", "replace"), (notice,)


def _utf16(raw: bytes) -> str | None:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = raw[:256]
    for encoding, zeros, others in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if zeros.count(0) > len(zeros) // 2 and not others.count(0):
            return encoding
    return None


# --- rows -----------------------------------------------------------------------------------------------------------


def read_records(text: str, suffix: str = "") -> Records:
    """Return the rows of a text, those without any content too, in which a row has one number and any number of lines.

    The separator is the one that a first line such as ``sep=;`` states; else the tab if the file's suffix says so;
    else whichever of comma, semicolon, tab and ``|`` is most frequent in the header, outside quotes. Quotes follow CSV
    (RFC 4180). If the separator is the tab and lines have as many cells as the header only where quotes are part of
    the text, they are, as in the files of the ValueEval shared tasks. A line whose quotes follow no rule is read as it
    stands if it then has as many cells as the header.

    Parameters
    ----------
    text : str
        The text.
    suffix : str
        That of its file, in lower case.

    Returns
    -------
    Records
        The rows.
    """
    lines = list(io.StringIO(text, newline=""))
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    said = _SAYS_SEPARATOR.fullmatch(lines[first]) if lines else None
    if said is not None:
        first += 1
    head = next((line for line in lines[first:] if line.strip(" \r\n,;|\t")), "")
    wished = (said["separator"] or "\n").replace("\\t", "\t") if said is not None else "\n"
    separator = wished if wished in head and wished != "\n" else None
    separator = separator or _separator(head, suffix)
    before = csv.field_size_limit(CELL)
    try:
        return _read(lines[first:], first, separator)
    finally:
        csv.field_size_limit(before)


def _separator(head: str, suffix: str) -> str:
    bare = _QUOTED.sub("", head)
    if suffix in _TABBED and ("\t" in bare or not any(char in bare for char in _SEPARATORS)):
        return "\t"
    return max(_SEPARATORS, key=bare.count)


def _read(lines: Sequence[str], before: int, separator: str) -> Records:
    width = 0
    rows: list[Record] = []
    as_they_stand: list[int] = []
    odd = False
    for at, cells in _quoted(lines, separator):
        row = Record(before + at + 1, cells)
        if row.cells is None:
            odd = True
            row = Record(row.line, _as_it_stands(lines[at], separator, width))
            as_they_stand += [] if row.cells is None else [row.line]
        elif not width:
            width = len(_trimmed(row.cells))
        rows.append(row)
    if separator == "\t":
        plain = [Record(before + at, _as_it_stands(line, separator)) for at, line in enumerate(lines, 1)]
        if _is_plain(plain, rows, odd):
            return Records(plain)
    if not as_they_stand:
        return Records(rows)
    notice = f"lines read as they stand because their quotes are not those of CSV: {len(as_they_stand)}"
    return Records(rows, (f"{notice} (first: line {as_they_stand[0]})",))


def _quoted(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str] | None]]:
    """Yield each row with the index of its first line; None for a line after which reading starts again.

    A quote that is never closed would swallow the rest of the file, and one that is closed by the first quote of
    another row the rows between: there, text follows the quote.
    """
    start = 0
    while start < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(start, len(lines))), delimiter=separator, strict=True)
        done = 0
        try:
            for cells in reader:
                yield start + done, cells
                done = reader.line_num
            return
        except csv.Error:
            yield start + done, None
            start += done + 1


def _as_it_stands(line: str, separator: str, width: int | None = None) -> list[str] | None:
    """Return the cells of one line whose quotes follow no rule; None if they are not as many as the header's."""
    if width is None:
        return line.rstrip("\r\n").split(separator) if line.strip("\r\n") else []
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return None
    return cells if len(cells) >= width >= len(_trimmed(cells)) else None


def _is_plain(plain: Sequence[Record], quoted: Sequence[Record], odd: bool) -> bool:
    """Whether quotes in a tab-separated text are part of the text."""
    width = len(next((row.cells for row in plain if row.cells), []))
    uneven = sum(bool(row.cells) and len(row.cells or ()) != width for row in plain)
    if not uneven:
        # If all lines have the same number of cells, quotes that span several lines are not CSV quotes.
        return odd or len(plain) != len(quoted)
    return odd and uneven < sum(row.cells is None or len(row.cells) not in (0, width) for row in quoted)


def _trimmed(cells: list[str]) -> list[str]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]
