"""How options given as KEY=VALUE are read."""

from __future__ import annotations

import tomllib
from typing import Any

from valex_local.errors import ConfigError


def read_setting(text: str) -> dict[str, Any]:
    """Read one ``key=value``; the value is TOML, or a plain string where it is none."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {text}: expected KEY=VALUE", hint="For example --set ocr.fps=2")
    try:
        plain = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        plain = value
    return nested(tuple(key.split(".")), plain)


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a value as it lies in tables: ``{"a": {"b": value}}``."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)
