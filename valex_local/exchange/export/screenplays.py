"""Scripts as text: a file for each post."""

from __future__ import annotations

from pathlib import Path

from valex_local.exchange.export.material import Material
from valex_local.script.render import get_renderer
from valex_local.study import write_whole


class Screenplays:
    """Writes the scripts in a format that has a renderer.

    Parameters
    ----------
    name : str
        The renderer's.
    """

    def __init__(self, name: str) -> None:
        self._render = get_renderer(name)

    def __call__(self, material: Material, target: Path) -> None:
        """Write ``<post>.<suffix>`` for each script."""
        for post, script in material.scripts():
            write_whole(target / f"{post.id}{self._render.suffix}", self._render(script).encode())
