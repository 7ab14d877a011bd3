"""Running benchmarks on one machine, and their report."""

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
    """The outcome of one benchmark.

    Attributes
    ----------
    name : str
        Name of the benchmark.
    seconds : float
        Total wall time.
    result : Result or None
        The measurements.
    why_not : str or None
        Why there are none.
    excused : bool
        Whether it could not run for lack of weights or packages, and the user did not ask for it by name.
    """

    name: str
    seconds: float
    result: Result | None = None
    why_not: str | None = None
    excused: bool = False

    @property
    def held(self) -> bool:
        """Whether every bar is met, or the benchmark is excused."""
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
        Names of the benchmarks to run.
    by_name : bool
        Whether the user named them; then none is excused for lack of weights.
    facts : dict
        The machine, its load at the start, versions, options.
    outcomes : list of Outcome
        The outcomes so far.
    """

    wanted: tuple[str, ...]
    by_name: bool
    facts: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every benchmark has been run."""
        return len(self.outcomes) == len(self.wanted)

    @property
    def held(self) -> bool:
        """Whether all benchmarks have been run and met their bars."""
        return self.complete and all(outcome.held for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data for JSON; figures that are not finite are None."""
        head = {"schema_version": SCHEMA_VERSION, **self.facts, "complete": self.complete, "held": self.held}
        data: dict[str, Any] = _plain({**head, "benchmarks": [outcome.as_json() for outcome in self.outcomes]})
        return data

    def to_json(self) -> str:
        """Return the report as JSON text."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def choose(names: Sequence[str]) -> tuple[str, ...]:
    """Return the named benchmarks in the order in which they are run; all if none is named.

    Raises
    ------
    ConfigError
        There is no benchmark with one of the names.
    """
    for name in names:
        if name not in BENCHMARKS:
            raise ConfigError(f"there is no benchmark {name!r}", hint=f"They are: {', '.join(BENCHMARKS)}")
    return tuple(name for name in BENCHMARKS if not names or name in names)


def begin(names: Sequence[str], env: Environment) -> BenchmarkReport:
    """Return a report that contains only the facts of the machine.

    Raises
    ------
    ConfigError
        There is no benchmark with one of the names, or no such profile.
    ModelError
        Weights of the profile are missing or altered.
    """
    wanted = choose(names)
    machine = doctor.examine(env.profile, store=env.store)
    for model in machine.models:
        if model.needed and model.problem is not None:
            raise ModelError(model.problem)
    facts = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "profile": env.profile,
        "models": {model.role: model.id for model in machine.models},
        "quick": env.quick,
        "videos": len(env.videos),
        "device": asdict(env.device),
        "load": round(os.getloadavg()[0], 2),
        "machine": asdict(machine.machine),
        "libraries": {library.name: library.version for library in machine.libraries},
    }
    return BenchmarkReport(wanted, bool(names), facts)


def measure(report: BenchmarkReport, env: Environment, *, on_progress: Callable[[str], None]) -> Iterator[Outcome]:
    """Run the benchmarks of a report one after the other; each outcome is added to the report.

    Parameters
    ----------
    report : BenchmarkReport
        A report from `begin`.
    env : Environment
        Where to run them; each benchmark gets its own folder in the scratch folder.
    on_progress : callable
        Called with the name of each benchmark before it is run.

    Yields
    ------
    Outcome
        The outcome of each benchmark.
    """
    for name in report.wanted:
        on_progress(name)
        with TemporaryDirectory(dir=env.scratch, prefix=f"{name}-") as folder:
            outcome = _outcome(name, replace(env, scratch=Path(folder)), by_name=report.by_name)
        report.outcomes.append(outcome)
        yield outcome


def _outcome(name: str, env: Environment, *, by_name: bool) -> Outcome:
    started = time.perf_counter()
    try:
        benchmark: Benchmark = load_object(BENCHMARKS[name])
        result, why_not, excused = benchmark(env), None, False
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
