"""Time and memory of work: CPU seconds and wall seconds, children included, and the peak of memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

T = TypeVar("T")

ROUNDS = 3
"""Rounds in which every way has its turn; medians are taken."""


@dataclass(frozen=True)
class Cost:
    """What work took, in seconds. CPU time is that of all threads and of the children that ended meanwhile."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Measurement(Generic[T]):
    """The median cost of one way of doing a thing, and what it gave the first time."""

    cost: Cost
    output: T


def timed(work: Callable[[], T]) -> tuple[Cost, T]:
    """Do the work once and return its cost and what it gave."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    output = work()
    return Cost(_cpu_seconds() - cpu, time.perf_counter() - wall), output


def interleaved(ways: Mapping[str, Callable[[], T]], *, rounds: int = ROUNDS) -> dict[str, Measurement[T]]:
    """Measure several ways of doing the same thing, in turn, so that all meet the same machine.

    Parameters
    ----------
    ways : mapping of str to callable
        Each does the whole work; whoever calls warms them up.
    rounds : int
        How often each has its turn.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    outputs: dict[str, T] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            cost, output = timed(way)
            costs[name].append(cost)
            outputs.setdefault(name, output)
    return {
        name: Measurement(Cost(median(c.cpu for c in found), median(c.wall for c in found)), outputs[name])
        for name, found in costs.items()
    }


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system
