"""Scripts as text of a named format: the paper's loose text, Fountain, JSON."""

from __future__ import annotations

from typing import Protocol

from valex_local.errors import ConfigError
from valex_local.records import Script
from valex_local.rendering.fountain import Fountain
from valex_local.rendering.paper import PaperText


class Renderer(Protocol):
    """Turns a script into the text of a file that ends in a newline; `suffix` is the file's."""

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
        Show when each element begins, where the format leaves a choice; JSON always holds them.

    Raises
    ------
    ConfigError
        There is no such format.
    """
    if format == "json":
        return Json()
    if format not in _LOOSE:
        raise ConfigError(f"there is no script format {format!r}; there are: {', '.join([*_LOOSE, 'json'])}")
    return _LOOSE[format](times=times)


def render(script: Script, format: str, *, times: bool = False) -> str:
    """Return a script in a format; see `get_renderer`."""
    return get_renderer(format, times=times)(script)


class Json:
    """The record itself."""

    suffix = ".json"

    def __call__(self, script: Script) -> str:
        """Return the record as indented JSON."""
        return script.to_json()


_LOOSE: dict[str, type[PaperText] | type[Fountain]] = {"text": PaperText, "fountain": Fountain}
