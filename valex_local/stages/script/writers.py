"""The interface of script writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from valex_local.errors import ValexError
from valex_local.records import Notice, Scene, ScriptFigures
from valex_local.stages.script.evidence import Evidence


@dataclass(frozen=True)
class Draft:
    """The scenes of a script, with figures and notices on how they were written, and a genre if one was found."""

    scenes: tuple[Scene, ...]
    figures: ScriptFigures = field(default_factory=ScriptFigures)
    notices: tuple[Notice, ...] = ()
    genre: str | None = None


class ScriptWriter(Protocol):
    """Turns evidence into scenes.

    Attributes
    ----------
    sees : bool
        Whether it takes images.
    batch_size : int
        How many posts to write together.
    """

    sees: bool
    batch_size: int

    def write_all(self, posts: Sequence[Evidence]) -> list[Draft | ValexError]:
        """Return the scenes of each post, or the error, which concerns only this post."""

    def close(self) -> None:
        """Free what the writer holds."""
