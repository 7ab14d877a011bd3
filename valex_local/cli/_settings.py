"""How the words of options are read: KEY=VALUE, languages."""

from __future__ import annotations

import re
from typing import Any

from valex_local.errors import ConfigError
from valex_local.files.toml import parse_toml


def read_setting(text: str) -> dict[str, Any]:
    """Return the settings that the ``key=value`` of a ``--set`` stands for."""
    key, value = read_pair(text, "--set", "ocr.fps=2")
    return nested(tuple(key.split(".")), value)


def read_pair(text: str, option: str, example: str) -> tuple[str, Any]:
    """Return the two sides of a ``key=value``; the value is TOML, or plain text if it is not valid TOML.

    Parameters
    ----------
    text : str
        The word.
    option, example : str
        For the message: the option that it belongs to, and a good value of it.

    Raises
    ------
    ConfigError
        There is no key or no ``=``.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"{option} {text}: expected KEY=VALUE", hint=f"For example {option} {example}")
    try:
        return key, parse_toml(f"value = {value}")["value"]
    except ValueError:
        return key, value


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a value as it lies in tables: ``{"a": {"b": value}}``."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def read_language(code: str | None) -> str | None:
    """Return the code of a language without its region.

    Raises
    ------
    ConfigError
        It is not an ISO 639 code.
    """
    if code is None:
        return None
    found = re.fullmatch(r"([a-z]{2,3})(?:[-_][a-z]+)?", code.lower())
    if found is None:
        raise ConfigError(f"--language {code}: expected an ISO 639-1 code", hint="For example --language de")
    return found[1]
