"""Imports on demand: objects by name, and extras that may be missing."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from valex_local.errors import MissingExtra


def load_object(reference: str) -> Any:
    """Return the object that ``module:name`` refers to; the module is imported."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


def require_extra(extra: str, *modules: str) -> None:
    """Check that the modules of an extra are installed, without importing them.

    Raises
    ------
    MissingExtra
        One of them is not.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise MissingExtra(module, extra)
