"""Errors that a user can cause: `ValexError` and its subclasses.

Each message says what happened, to which file, and what to do. Any other exception that escapes is a bug.
"""

from __future__ import annotations

from pathlib import Path


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
        self.what = what
        self.path = None if path is None else str(path)
        self.hint = hint

    def __str__(self) -> str:
        where = "" if self.path is None else f" [{printable(self.path)}]"
        then = "" if self.hint is None else f". {self.hint}"
        return f"{self.what}{where}{then}"


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


def printable(text: str) -> str:
    """Return `text` on one line, with control characters and lone surrogates escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
