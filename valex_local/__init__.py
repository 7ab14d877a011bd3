"""valex_local: which human values do short videos carry, found without any cloud.

Examples
--------
>>> from valex_local import Study, extract
>>> from valex_local.run import run
>>> extraction = extract("clip.mp4")
>>> summary = run(["videos/"], out="study")
>>> Study("study").post_ids()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valex_local.extraction import extract
    from valex_local.store import Store
    from valex_local.study import Study

__version__ = "0.1.0"
__all__ = ["Store", "Study", "extract"]

_HOMES = {"extract": "extraction", "Store": "store", "Study": "study"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
