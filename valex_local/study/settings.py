"""The settings in force in a study: the profile's, under those the study remembers, a file's, and the options given."""

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
    """Return the settings that somebody gave, as plain data: what a study remembers, without its profile's.

    Parameters
    ----------
    study : Study, optional
        The study; what it remembers counts least.
    options : mapping, optional
        Settings as nested plain data, as in study.toml; they count most.
    config : Path, optional
        A TOML file of settings.

    Raises
    ------
    ConfigError
        A setting of the file or of the study is unknown or out of its bounds.
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
    """Return the settings in force: those given, over those of the profile they name.

    Parameters
    ----------
    store : Store
        The model store, which knows the profiles.
    study, options, config
        As in `given_settings`.

    Raises
    ------
    ConfigError
        There is no such profile, or a setting is unknown or out of its bounds.
    """
    given = given_settings(study, options, config)
    profile = store.profile(str(given.get("profile", Settings().profile)))
    return make_settings(merge(profile.settings, given))
