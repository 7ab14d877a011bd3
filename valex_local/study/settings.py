"""Resolve the settings of a study: those of the profile, overridden by study.toml, a settings file, and options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valex_local.files.toml import read_toml
from valex_local.settings import Settings, make_settings, merge
from valex_local.store import Store
from valex_local.study.study import Study


def given_settings(
    study: Study | None = None, options: Mapping[str, Any] | None = None, config: Path | str | None = None
) -> dict[str, Any]:
    """Return the settings given explicitly, without those of the profile.

    Parameters
    ----------
    study : Study, optional
        The study; the settings in its study.toml have the lowest priority.
    options : mapping, optional
        Settings as nested plain data, as in study.toml; they have the highest priority.
    config : Path, optional
        A TOML file with settings.

    Returns
    -------
    dict
        The settings as nested plain data, as in study.toml.

    Raises
    ------
    ConfigError
        A setting in the file or in the study is unknown or out of range.
    """
    remembered: Mapping[str, Any] = {}
    if study is not None:
        remembered = study.options()
        make_settings(remembered, source=study.root / "study.toml")
    from_file = {} if config is None else read_toml(Path(config))
    make_settings(from_file, source=config or "the options")
    return merge(remembered, merge(from_file, options or {}))


def resolve_settings(
    store: Store,
    study: Study | None = None,
    options: Mapping[str, Any] | None = None,
    config: Path | str | None = None,
) -> Settings:
    """Return the settings in force: those of the profile, overridden by those given explicitly.

    Parameters
    ----------
    store : Store
        The model store, which contains the profiles.
    study, options, config
        As for `given_settings`.

    Returns
    -------
    Settings
        All settings.

    Raises
    ------
    ConfigError
        There is no such profile, or a setting is unknown or out of range.
    """
    given = given_settings(study, options, config)
    profile = store.profile(str(given.get("profile", Settings().profile)))
    return make_settings(merge(profile.settings, given))
