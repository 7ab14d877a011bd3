"""Modules that are imported when they are needed: by name, and extras that may be missing."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from valex_local.errors import MissingExtra


def load_object(place: str) -> Any:
    """Import and return what stands at ``module:name``."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def require_extra(extra: str, *modules: str) -> None:
    """Hold that the modules of an extra are installed, without importing them.

    Raises
    ------
    MissingExtra
        One is not.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(module, extra)
