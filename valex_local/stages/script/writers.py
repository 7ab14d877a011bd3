"""The interface of script writers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

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
    """Turns evidence into scenes; `sees` says whether it takes images."""

    sees: bool

    def write(self, evidence: Evidence) -> Draft:
        """Return the scenes of one post."""

    def close(self) -> None:
        """Free what the writer holds."""
