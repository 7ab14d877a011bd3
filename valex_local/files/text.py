"""Open and decode text files that a user gives, and normalise text."""

from __future__ import annotations

import json
import os
import stat
import unicodedata
from io import BufferedReader
from pathlib import Path
from typing import Any

from valex_local.errors import InputError


def clean_text(text: str) -> str:
    """Return `text` as NFC; what UTF-8 cannot encode (lone surrogates) becomes U+FFFD."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))


def one_line(text: str) -> str:
    """Return `text` on one line, without control characters."""
    joined = " ".join(text.split())
    return " ".join("".join(c for c in joined if c >= " " and not "\x7f" <= c <= "\x9f").split())


def open_regular(path: Path) -> BufferedReader:
    """Return a regular file opened for reading; never blocks, as a pipe could.

    Raises
    ------
    InputError
        There is no such file, it is not a regular file, or it cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError as error:
        raise InputError("there is no such file", path=path) from error
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", path=path) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError("this is not a regular file", path=path, hint="Name a file, not a folder or a pipe")
    return os.fdopen(handle, "rb")


LARGEST = 1 << 30
"""Maximum size of a text file, in bytes."""


def read_raw(path: Path) -> bytes:
    """Return the content of a file that holds text or a table.

    Raises
    ------
    InputError
        The file cannot be read or is too large.
    """
    with open_regular(path) as file:
        # Not `read(LARGEST + 1)`, which allocates that much first.
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise InputError("the file is too large", path=path)
        try:
            raw = file.read()
        except OSError as error:
            raise InputError(f"the file cannot be read ({error.strerror})", path=path) from error
    return raw


def load_json(raw: str | bytes) -> Any:
    """Return the data in a JSON text; as `json.loads`, but too deep a nesting is a ValueError like any other fault.

    Unlike pydantic's `from_json` it keeps lone surrogates, which stand for foreign bytes in names of files.

    Raises
    ------
    ValueError
        It is not JSON in UTF-8.
    """
    try:
        return json.loads(raw)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_text(path: Path) -> str:
    """Return the content of a text file in UTF-8 or, if it has the byte order mark, UTF-16.

    Raises
    ------
    InputError
        The file cannot be read or is in another encoding.
    """
    raw = read_raw(path)
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line} is not {encoding}", path=path, hint="Save the file as UTF-8") from error


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 text``, ``1,576 texts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
