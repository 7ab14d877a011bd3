"""Read TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from valex_local.errors import ConfigError


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    ConfigError
        The file cannot be read or is not valid TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError("there is no such file", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the file ({error})", path=path) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"this is not valid TOML ({error})", path=path) from error
