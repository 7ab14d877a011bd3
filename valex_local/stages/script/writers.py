"""What a writer of scripts is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from valex_local.records import Notice, Scene, ScriptFigures
from valex_local.stages.script.evidence import Evidence


@dataclass(frozen=True)
class Draft:
    """The scenes of a script, how they came about, what a reader must know of that, and a genre where one was found."""

    scenes: tuple[Scene, ...]
    figures: ScriptFigures = field(default_factory=ScriptFigures)
    notices: tuple[Notice, ...] = ()
    genre: str | None = None


class ScriptWriter(Protocol):
    """Turns evidence into scenes; `sees` says whether it looks at pictures."""

    sees: bool

    def write(self, evidence: Evidence) -> Draft:
        """Write the scenes of one post."""

    def close(self) -> None:
        """Free what the writer holds."""
