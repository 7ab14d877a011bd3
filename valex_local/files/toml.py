"""Read TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from valex_local.errors import ConfigError, InputError
from valex_local.files.text import read_raw


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    ConfigError
        The file cannot be read or is not valid TOML.
    """
    try:
        return parse_toml(read_raw(path))
    except InputError as error:
        raise ConfigError(error.what, path=path, hint=error.hint) from error
    except ValueError as error:
        raise ConfigError(f"this is not valid TOML ({error})", path=path) from error


def parse_toml(text: str | bytes) -> dict[str, Any]:
    """Return the data in a TOML text.

    Raises
    ------
    ValueError
        It is not valid TOML in UTF-8, or nested too deeply.
    """
    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
