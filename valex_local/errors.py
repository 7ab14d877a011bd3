"""The one family of errors a user can cause.

Each message says what happened, to which file, and what to do now. Anything else that escapes is a defect of ours.
"""

from __future__ import annotations

from pathlib import Path


class ValexError(Exception):
    """Something a user can cause and mend.

    Parameters
    ----------
    what : str
        What happened, one clause without a final stop.
    path : Path or str, optional
        The file or folder it happened to.
    hint : str, optional
        What to do now.
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
    """A video, its post text or another file of the lab cannot be used."""


class ConfigError(ValexError):
    """A setting, option or configuration file is wrong."""


class StudyError(ValexError):
    """The study folder cannot be used as asked: locked, written by a newer version, full disk."""


class ModelError(ValexError):
    """Weights are missing, altered or not of the kind that was asked for."""


class OfflineError(ValexError):
    """Something tried to leave the machine."""


class MissingExtra(ValexError):
    """An optional dependency is not installed.

    Parameters
    ----------
    module : str
        The module that could not be imported.
    extra : str
        The extra of this package that brings it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed", hint=f'Install it with: pip install "valex_local[{extra}]"')


def printable(text: str) -> str:
    """Return `text` on one line: control characters and lone surrogates as escapes, all else as it is."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)
