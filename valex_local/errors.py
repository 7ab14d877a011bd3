"""Errors that a user can cause: `ValexError` and its subclasses.

Each message says what happened, to which file, and what to do. Any other exception that escapes is a bug.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

_LONGEST = 1000
"""Maximum length of what a message quotes from a file, in characters."""


class ValexError(Exception):
    """An error that a user can cause and fix.

    Parameters
    ----------
    what : str
        What happened, as one clause without a full stop.
    path : Path or str, optional
        The file or folder concerned.
    hint : str, optional
        What to do about it.
    """

    def __init__(self, what: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}…"
        self.path = None if path is None else str(path)
        self.hint = hint

    def __str__(self) -> str:
        where = "" if self.path is None else f" [{self.path}]"
        then = "" if self.hint is None else f". {self.hint}"
        return printable(f"{self.what}{where}{then}")


class InputError(ValexError):
    """A video, its post text or another file of the user cannot be used."""


class ConfigError(ValexError):
    """A setting, option or configuration file is wrong."""


class StudyError(ValexError):
    """The study folder cannot be used: it is locked, was written by a newer version, or the disk is full."""


class ModelError(ValexError):
    """Weights are missing, altered or of the wrong kind."""


class OfflineError(ValexError):
    """A connection that would leave the machine was attempted, or is needed and refused."""


class MissingExtra(ValexError):
    """An optional dependency is not installed.

    Parameters
    ----------
    module : str
        The module that could not be imported.
    extra : str
        The extra of this package that installs it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed", hint=f'Install it with: pip install "valex_local[{extra}]"')


_JOINERS = "\u200c\u200d"
"""Join and part letters of Persian and Indic scripts, and the pieces of emoji."""


def printable(text: str, *, keep: str = "") -> str:
    """Return a text in which what a terminal would obey is escaped.

    That is: control characters, marks of writing direction, invisible characters and line breaks; lone surrogates too.
    Joiners, which change how letters look but neither where nor whether they are shown, and blanks stay.

    Parameters
    ----------
    text : str
        The text.
    keep : str
        Characters to leave as they are, such as line breaks.

    Returns
    -------
    str
        The text; on one line, if `keep` contains no line break.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep or _is_harmless(c) else _escaped(c) for c in text)


def _is_harmless(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
