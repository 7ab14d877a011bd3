"""Finds the engine that a model's manifest names, without importing any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from valex_local.errors import ModelError
from valex_local.system.imports import load_object

if TYPE_CHECKING:
    from valex_local.store import StoredModel


def find_engine(model: StoredModel, engines: Mapping[str, str]) -> Any:
    """Return the class of the engine that a model's manifest names.

    Parameters
    ----------
    model : StoredModel
        The model.
    engines : mapping of str to str
        Name of each engine to its class, as ``module:name``.

    Raises
    ------
    ModelError
        There is no such engine for the model's role.
    """
    if model.engine not in engines:
        raise ModelError(
            f"the model {model.id} needs the engine {model.engine!r}, which does not exist for the role {model.role}",
            path=model.folder,
            hint=f"Set engine in its manifest to one of: {', '.join(engines)}",
        )
    return load_object(engines[model.engine])
