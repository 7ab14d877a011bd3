"""What comes of running benchmarks on one machine."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.environment import Benchmark, Environment
from benchmarks.registry import BENCHMARKS
from benchmarks.results import Result
from valex_local import __version__, doctor
from valex_local.errors import ConfigError, MissingExtra, ModelError, ValexError
from valex_local.system.imports import load_object

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Outcome:
    """What came of one benchmark.

    Attributes
    ----------
    name : str
        The benchmark's.
    seconds : float
        What it took in all, wall time.
    result : Result or None
        What was measured.
    why_not : str or None
        Why nothing was.
    excused : bool
        What it lacked are weights or packages that the profile does not ask for, and nobody asked for it by name.
    """

    name: str
    seconds: float
    result: Result | None = None
    why_not: str | None = None
    excused: bool = False

    @property
    def held(self) -> bool:
        """Whether every bar is kept, or nobody expected it to be measured."""
        return self.excused if self.result is None else self.result.held

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as plain data."""
        measured = {"costs": {}, "checks": [], "facts": {}} if self.result is None else self.result.as_json()
        own = {"name": self.name, "seconds": round(self.seconds, 3), "held": self.held}
        return {**measured, **own, "why_not": self.why_not, "excused": self.excused}


@dataclass
class BenchmarkReport:
    """One run of benchmarks on one machine.

    Attributes
    ----------
    wanted : tuple of str
        Names of the benchmarks that were to be run.
    by_name : bool
        Whether the user named them: then none is excused for want of weights.
    facts : dict
        The machine, its load when it began, versions, options.
    outcomes : list of Outcome
        What came of those that were run.
    """

    wanted: tuple[str, ...]
    by_name: bool
    facts: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every benchmark has had its turn."""
        return len(self.outcomes) == len(self.wanted)

    @property
    def held(self) -> bool:
        """Whether all had their turn and kept their bars."""
        return self.complete and all(outcome.held for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data that JSON can hold: a figure that is no finite number is None."""
        head = {"schema_version": SCHEMA_VERSION, **self.facts, "complete": self.complete, "held": self.held}
        data: dict[str, Any] = _plain({**head, "benchmarks": [outcome.as_json() for outcome in self.outcomes]})
        return data

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def choose(names: Sequence[str]) -> tuple[str, ...]:
    """Return the benchmarks of those names in the order they are run, all where none is named.

    Raises
    ------
    ConfigError
        There is no benchmark of a name.
    """
    for name in names:
        if name not in BENCHMARKS:
            raise ConfigError(f"there is no benchmark {name!r}", hint=f"They are: {', '.join(BENCHMARKS)}")
    return tuple(name for name in BENCHMARKS if not names or name in names)


def begin(names: Sequence[str], place: Environment) -> BenchmarkReport:
    """Return a report with nothing in it yet but the facts of the machine.

    Raises
    ------
    ConfigError
        There is no benchmark of a name, or no such profile.
    ModelError
        Weights of the profile are missing or altered.
    """
    wanted = choose(names)
    machine = doctor.examine(place.profile, store=place.store)
    for model in machine.models:
        if model.needed and model.problem is not None:
            raise ModelError(model.problem)
    facts = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "profile": place.profile,
        "models": {model.role: model.id for model in machine.models},
        "quick": place.quick,
        "videos": len(place.videos),
        "device": asdict(place.device),
        "load": round(os.getloadavg()[0], 2),
        "machine": asdict(machine.machine),
        "libraries": {library.name: library.version for library in machine.libraries},
    }
    return BenchmarkReport(wanted, bool(names), facts)


def measure(report: BenchmarkReport, place: Environment, *, on_progress: Callable[[str], None]) -> Iterator[Outcome]:
    """Run the benchmarks that a report wants, one after the other, and yield what came of each; the report holds it.

    Parameters
    ----------
    report : BenchmarkReport
        From `begin`.
    place : Environment
        Where; each benchmark is given a folder of its own in the scratch folder of this one.
    on_progress : callable
        Hears the name of each before its turn.
    """
    for name in report.wanted:
        on_progress(name)
        with TemporaryDirectory(dir=place.scratch, prefix=f"{name}-") as folder:
            outcome = _outcome(name, replace(place, scratch=Path(folder)), by_name=report.by_name)
        report.outcomes.append(outcome)
        yield outcome


def _outcome(name: str, place: Environment, *, by_name: bool) -> Outcome:
    started = time.perf_counter()
    try:
        benchmark: Benchmark = load_object(BENCHMARKS[name])
        result, why_not, excused = benchmark(place), None, False
    except ValexError as error:
        result, why_not = None, str(error)
        excused = isinstance(error, ModelError | MissingExtra) and not by_name
    return Outcome(name, time.perf_counter() - started, result, why_not, excused)


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if isinstance(data, np.generic):
        data = data.item()
    return None if isinstance(data, float) and not math.isfinite(data) else data
