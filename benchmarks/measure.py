"""Measuring CPU seconds and wall seconds of work, including child processes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

T = TypeVar("T")

ROUNDS = 3
"""Rounds in which every way is measured once; results are medians."""


@dataclass(frozen=True)
class Cost:
    """The time that work took, seconds. CPU time includes all threads and the child processes that ended meanwhile."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Measurement(Generic[T]):
    """The median cost of one way of doing a thing, and its output of the first round."""

    cost: Cost
    output: T


def timed(work: Callable[[], T]) -> tuple[Cost, T]:
    """Do the work once; return its cost and its output."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    output = work()
    return Cost(_cpu_seconds() - cpu, time.perf_counter() - wall), output


def interleaved(ways: Mapping[str, Callable[[], T]], *, rounds: int = ROUNDS) -> dict[str, Measurement[T]]:
    """Return the measurements of several ways of doing the same thing, which alternate so that conditions are equal.

    Parameters
    ----------
    ways : mapping of str to callable
        Each does the whole work; the caller warms them up.
    rounds : int
        How often each is measured.
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
