"""Settings that name a file; what enters fingerprints is the file's content, not its path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valex_local.errors import ConfigError, InputError
from valex_local.files.checksums import sha256_of
from valex_local.settings import Settings
from valex_local.store.store import LOCAL

FILES: dict[tuple[str, ...], str] = {
    ("vision", "vocabulary"): "vision/vocabulary.toml",
    ("vision", "captions", "llm", "prompt"): "vision/prompts/caption.jinja",
    ("script", "llm", "prompt"): "script/prompts/scene.jinja",
    ("grounding", "lines"): "grounding/lines.toml",
    ("labels", "fewshot", "prompt"): "labels/prompts/labels.jinja",
    ("labels", "fewshot", "values"): "labels/values.toml",
    ("labels", "direct", "prompt"): "labels/prompts/labels.jinja",
    ("labels", "direct", "values"): "labels/values.toml",
}
"""Each setting that names a file, and the bundled default file, relative to this package."""


YES_NO = "labels/prompts/yes_no.jinja"
"""The bundled prompt of a route that is asked with yes or no."""


def setting_file(settings: Settings, *keys: str) -> Path:
    """Return the file that a setting of `FILES` names, or the bundled default."""
    section: Any = None
    value: Any = settings
    for key in keys:
        section, value = value, getattr(value, key)
    if value is not None:
        return Path(value)
    asked_so = keys[-1] == "prompt" and getattr(section, "ask", None) == "yes-no"
    return Path(__file__).parent / (YES_NO if asked_so else FILES[keys])


def absolute_paths(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with absolute paths, so that a study can be continued from any folder."""
    out = dict(options)
    for keys in FILES:
        out = _absolute(out, *keys)
    for keys in (("models",), ("labels", "beside")):
        for name in _table(out, keys):
            out = _absolute(out, *keys, name, prefix=LOCAL)
    return out


def _table(options: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    found: Any = options
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _absolute(table: Mapping[str, Any], key: str, *rest: str, prefix: str = "") -> dict[str, Any]:
    value = table.get(key)
    if rest and isinstance(value, Mapping):
        return {**table, key: _absolute(value, *rest, prefix=prefix)}
    if rest or not isinstance(value, str | Path) or not str(value).startswith(prefix):
        return dict(table)
    path = Path(str(value).removeprefix(prefix)).expanduser()
    return {**table, key: f"{prefix}{path.absolute()}"}


def with_checksums(settings: Settings, section: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return a section of the settings with the files it names replaced by their SHA-256.

    Parameters
    ----------
    settings : Settings
        All settings.
    section : str
        The section: ``"vision"``.
    data : dict
        The section as JSON data, or part of it; modified in place.

    Returns
    -------
    dict
        `data`.

    Raises
    ------
    ConfigError
        A file cannot be read.
    """
    for first, *keys in FILES:
        table = data
        for key in keys[:-1]:
            table = table.get(key, {})
        if first == section and keys[-1] in table:
            table[keys[-1]] = _checksum(setting_file(settings, section, *keys))
    return data


def _checksum(path: Path) -> str:
    try:
        return sha256_of(path)
    except InputError as error:
        raise ConfigError(f"a file that the settings name cannot be used: {error.what}", path=path) from error
