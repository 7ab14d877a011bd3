"""Render scripts as text in a format given by name: the paper's plain text, Fountain, JSON."""

from __future__ import annotations

from typing import Protocol

from valex_local.errors import ConfigError
from valex_local.records import Script
from valex_local.rendering.fountain import Fountain
from valex_local.rendering.paper import PaperText


class Renderer(Protocol):
    """Render a script as the text of a file, ending in a newline; `suffix` is the extension of the file."""

    suffix: str

    def __call__(self, script: Script) -> str:
        """Return the text."""


def get_renderer(format: str, *, times: bool = False) -> Renderer:
    """Return the renderer of a format: ``text``, ``fountain`` or ``json``.

    Parameters
    ----------
    format : str
        Name of the format.
    times : bool
        Whether to show when each element starts. JSON always contains times.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if format == "json":
        return Json()
    if format not in _WITH_TIMES:
        raise ConfigError(
            f"there is no script format {format!r}", hint=f"The formats are: {', '.join([*_WITH_TIMES, 'json'])}"
        )
    return _WITH_TIMES[format](times=times)


def render(script: Script, format: str, *, times: bool = False) -> str:
    """Return a script as text.

    Parameters
    ----------
    script : Script
        The script.
    format : str
        Name of the format; see `get_renderer`.
    times : bool
        Whether to show when each element starts. JSON always contains times.

    Returns
    -------
    str
        The text, ending in a newline.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    return get_renderer(format, times=times)(script)


class Json:
    """Renderer of the record itself."""

    suffix = ".json"

    def __call__(self, script: Script) -> str:
        """Return the record as indented JSON."""
        return script.to_json()


_WITH_TIMES: dict[str, type[PaperText] | type[Fountain]] = {"text": PaperText, "fountain": Fountain}
