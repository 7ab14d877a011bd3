"""Export scripts as text, one file for each post."""

from __future__ import annotations

from pathlib import Path

from valex_local.exchange.export.selection import Material
from valex_local.files.atomic import write_whole
from valex_local.rendering.render import get_renderer


class Screenplays:
    """Write scripts with a renderer.

    Parameters
    ----------
    name : str
        Name of the renderer.
    """

    def __init__(self, name: str) -> None:
        self._render = get_renderer(name)

    def __call__(self, material: Material, target: Path) -> None:
        """Write ``<post>.<suffix>`` for each script."""
        for post, script in material.scripts():
            write_whole(target / f"{post.id}{self._render.suffix}", self._render(script).encode())


def fountain() -> Screenplays:
    """Return the writer of Fountain files."""
    return Screenplays("fountain")


def text() -> Screenplays:
    """Return the writer of plain text."""
    return Screenplays("text")
