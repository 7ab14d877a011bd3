"""The result of a benchmark: the cost of each way, figures compared with bars, and facts about the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.measure import Cost

Sense = Literal["at least", "at most"]


@dataclass(frozen=True)
class Check:
    """A figure and its bar.

    Attributes
    ----------
    what : str
        The figure, in words: ``"CPU time, openai-whisper / ours"``.
    value, bar : float
        The measured value, and the bar that it must meet.
    sense : {"at least", "at most"}
        Whether the bar is a lower or an upper bound.
    """

    what: str
    value: float
    bar: float
    sense: Sense = "at least"

    @property
    def held(self) -> bool:
        """Whether the bar is met; NaN meets no bar."""
        return self.value >= self.bar if self.sense == "at least" else self.value <= self.bar


@dataclass(frozen=True)
class Result:
    """The result of one benchmark.

    Attributes
    ----------
    name : str
        Name of the benchmark.
    costs : mapping of str to Cost
        Median cost of each way, ours first.
    checks : tuple of Check
        Ratios and quality figures, each with its bar.
    facts : mapping
        Plain data: inputs, numbers of items, models.
    """

    name: str
    costs: Mapping[str, Cost] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether every bar is met."""
        return all(check.held for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        checks = [{**asdict(check), "held": check.held} for check in self.checks]
        costs = {way: asdict(cost) for way, cost in self.costs.items()}
        return {"name": self.name, "costs": costs, "checks": checks, "facts": dict(self.facts)}
