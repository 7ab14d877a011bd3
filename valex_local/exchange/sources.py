"""Read files of scripts (text files, answers of Gemini, tables), whose format is recognised from their content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from valex_local.corpus.columns import Ids, column_named, plain_columns
from valex_local.corpus.texts import TEXT_COLUMNS
from valex_local.errors import InputError
from valex_local.exchange.gemini import GeminiResponse, ResponseStatus
from valex_local.exchange.responses import answers, not_a_script, sse_items
from valex_local.exchange.script_json import is_script
from valex_local.files.folders import visible_files
from valex_local.files.tables import Table, read_table
from valex_local.files.text import open_regular, read_text

LONGEST = 200_000
"""Maximum length of a script, in characters; a longer text is something else."""

_TABLES = (".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_JSON_LINES = (".jsonl", ".ndjson")
_JSON = (".json", *_JSON_LINES)
_ABOUT = ("readme", "license", "licence")
"""Names of files about other files."""

_HEAD = 4096
_BYTE_ORDER = (b"\xff\xfe", b"\xfe\xff")
_ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}")


@dataclass(frozen=True)
class ForeignScript:
    """A script to import.

    Attributes
    ----------
    where : str
        The file, relative to the folder given, and the line or row in it.
    shape : str
        Its format: ``text``, ``response``, ``batch``, ``ai-studio`` or ``table``.
    names : tuple of str
        Possible names of its post, the most reliable first.
    answer : GeminiResponse
        The text, or why there is none.
    """

    where: str
    shape: str
    names: tuple[str, ...]
    answer: GeminiResponse


@dataclass(frozen=True)
class Unreadable:
    """A file, line or row that cannot be read, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class Sources:
    """The scripts found; `passed_over` are files about other files, such as a README, and guesses about tables."""

    scripts: tuple[ForeignScript, ...]
    unreadable: tuple[Unreadable, ...] = ()
    passed_over: tuple[str, ...] = ()


def read_scripts(path: Path, *, id_column: str | None = None, text_column: str | None = None) -> Sources:
    """Return the scripts in a file or folder, which may mix all formats.

    Parameters
    ----------
    path : Path
        A file, or a folder that is searched with its subfolders, except hidden entries.
    id_column, text_column : str, optional
        Columns of tables; recognised by their names when left out.

    Returns
    -------
    Sources
        The scripts, and what could not be read.

    Raises
    ------
    InputError
        There is no such file or folder, it is a study, or nothing in it can be read.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", path=path)
    if (path / "study.toml").is_file():
        raise InputError("this is a study, not a folder of scripts", path=path, hint="Give the scripts to import")
    reader = _Reader(id_column, text_column)
    for file in visible_files(path) if path.is_dir() else [path]:
        reader.take(file, str(file.relative_to(path)) if path.is_dir() else file.name)
    if not reader.scripts:
        first = f" ({reader.unreadable[0].where}: {reader.unreadable[0].reason})" if reader.unreadable else ""
        raise InputError(f"no script could be read{first}", path=path)
    return Sources(tuple(reader.scripts), tuple(reader.unreadable), tuple(reader.passed_over))


class _Reader:
    def __init__(self, id_column: str | None, text_column: str | None) -> None:
        self._id_column = id_column
        self._text_column = text_column
        self.scripts: list[ForeignScript] = []
        self.unreadable: list[Unreadable] = []
        self.passed_over: list[str] = []

    def take(self, file: Path, where: str) -> None:
        """Read a file; collect what cannot be read."""
        if _stem(file).casefold() in _ABOUT:
            self.passed_over.append(where)
            return
        try:
            self._read(file, where)
        except InputError as error:
            self.unreadable.append(Unreadable(where, error.what))

    def _read(self, file: Path, where: str) -> None:
        if file.suffix.lower() in _TABLES:
            self._table(read_table(file), file, where)
            return
        _refuse_binary(file)
        text = read_text(file)
        stem = _stem(file)
        items = sse_items(text) or _json_items(text, file.suffix.lower())
        if items is None:
            self._add(where, "text", (stem,), _plain_answer(text))
            return
        if not items:
            raise InputError("this is JSON without content")
        if is_script([item for _, item in items]):
            self._add(where, "text", (stem,), _plain_answer(text))
            return
        for found in answers(items):
            own, names = () if found.place else (stem,), found.answer.names
            spot = f"{where}, {found.place}" if found.place else where
            self._add(spot, found.shape, (*names, *own) if found.shape == "batch" else (*own, *names), found.answer)

    def _table(self, table: Table, path: Path, where: str) -> None:
        ids = Ids(table, None if self._id_column is None else column_named(self._id_column, table, path))
        if not ids.columns:
            raise InputError(f"no column of ids was recognised (columns: {table.listed})")
        column = self._column_of_texts(table, path)
        self.unreadable += [Unreadable(where, reason) for reason in table.left_out]
        for row in table.rows:
            spot = f"{where}, row {row.number}"
            if not any(cell.strip() for cell in row.cells.values()):
                continue
            try:
                name = ids.of(row)
            except ValueError as error:
                self.unreadable.append(Unreadable(spot, str(error)))
                continue
            self._add(spot, "table", (name,) if name else (), _plain_answer(row.cells[column]))
        self.passed_over += [f"{where}: {notice}" for notice in (*table.notices, *ids.notices())]

    def _column_of_texts(self, table: Table, path: Path) -> str:
        if self._text_column is not None:
            return column_named(self._text_column, table, path)
        plain = plain_columns(table)
        known = [plain[name] for name in TEXT_COLUMNS if name in plain]
        if len(known) != 1:
            what = "several columns may contain the texts" if known else "no column of texts was recognised"
            raise InputError(f"{what} (columns: {table.listed}); choose one with --text-column")
        return known[0]

    def _add(self, where: str, shape: str, names: tuple[str, ...], answer: GeminiResponse) -> None:
        answer = not_a_script(answer.text) or answer
        if answer.status is ResponseStatus.UNREADABLE:
            self.unreadable.append(Unreadable(where, answer.reason))
        elif len(answer.text) > LONGEST:
            what = f"{len(answer.text):,} characters are too many for a script (at most {LONGEST:,})"
            self.unreadable.append(Unreadable(where, what))
        else:
            self.scripts.append(ForeignScript(where, shape, names, answer))


def _plain_answer(text: str) -> GeminiResponse:
    return GeminiResponse(text) if text.strip() else GeminiResponse("", ResponseStatus.EMPTY, "it contains no text")


def _stem(file: Path) -> str:
    """Return the name of a file without extension; files of AI Studio have no extension, but may contain dots."""
    return file.stem if _ENDING.fullmatch(file.suffix) else file.name


def _refuse_binary(file: Path) -> None:
    """Raise InputError for videos and other files that are not text, judging by their first bytes."""
    with open_regular(file) as opened:
        head = opened.read(_HEAD)
    if b"\0" in head and not head.startswith(_BYTE_ORDER):
        raise InputError("this is not text", path=file)


def _json_items(text: str, ending: str) -> list[tuple[str, Any]] | None:
    """Return the objects in JSON, in a JSON list or in JSON Lines, each with its place; None for a script.

    A file is JSON if it has such an extension, or if it starts like JSON and can be parsed. Invalid JSON is returned as
    the error, so that it does not become a script.
    """
    if ending not in _JSON and not re.match(r'\s*(?:\[\s*\{|\{\s*["}])', text):
        return None
    whole = _parsed(text)
    if isinstance(whole, list):
        return [(f"item {at}", item) for at, item in enumerate(whole, 1)]
    if not isinstance(whole, ValueError):
        return [("", whole)]
    if ending not in _JSON and not re.match(r'\s*(?:\[\s*\{\s*"|\{\s*["}])', text):
        return None  # a script that starts with screen text
    lines = [(f"line {at}", _parsed(line)) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
    if ending in _JSON_LINES or any(isinstance(item, Mapping) for _, item in lines):
        return lines
    return [("", whole)]


def _parsed(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError as error:
        return error
