"""What a benchmark found: the cost of each way, figures held against bars, and facts about the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.measure import Cost

Sense = Literal["at least", "at most"]


@dataclass(frozen=True)
class Check:
    """A figure held against its bar.

    Attributes
    ----------
    what : str
        The figure, in words: ``"CPU time, openai-whisper / ours"``.
    value, bar : float
        What was measured, and what it has to keep.
    sense : {"at least", "at most"}
        How it has to keep it.
    """

    what: str
    value: float
    bar: float
    sense: Sense = "at least"

    @property
    def held(self) -> bool:
        """Whether the bar is kept; a figure that is no number keeps none."""
        return self.value >= self.bar if self.sense == "at least" else self.value <= self.bar


@dataclass(frozen=True)
class Result:
    """One benchmark.

    Attributes
    ----------
    name : str
        The benchmark's.
    costs : mapping of str to Cost
        Median cost of each way, ours first.
    checks : tuple of Check
        Ratios and gates of quality, each with its bar.
    facts : mapping
        Plain data: inputs, numbers of items, models.
    """

    name: str
    costs: Mapping[str, Cost] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether every bar is kept."""
        return all(check.held for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        checks = [{**asdict(check), "held": check.held} for check in self.checks]
        costs = {way: asdict(cost) for way, cost in self.costs.items()}
        return {"name": self.name, "costs": costs, "checks": checks, "facts": dict(self.facts)}
