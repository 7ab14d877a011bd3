"""valex_local: which human values do short videos carry, found without any cloud.

Examples
--------
>>> from valex_local import Study, extract, run
>>> extraction = extract("clip.mp4")
>>> summary = run(["videos/"], "study")
>>> Study("study").post_ids()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valex_local.pipeline.extract import extract
    from valex_local.pipeline.run import run
    from valex_local.pipeline.selection import Selection
    from valex_local.store import Store
    from valex_local.study import Study

__version__ = "0.1.0"
__all__ = ["Selection", "Store", "Study", "extract", "run"]

_HOMES = {
    "Selection": "pipeline.selection",
    "Store": "store",
    "Study": "study",
    "extract": "pipeline.extract",
    "run": "pipeline.run",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package stays cheap."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
