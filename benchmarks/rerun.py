"""The same run a second time: what it costs to find that nothing is due."""

from __future__ import annotations

from benchmarks.environment import Environment
from benchmarks.measure import interleaved, timed
from benchmarks.results import Check, Result
from benchmarks.runs import inputs, valex_run

SHARE, SECONDS = 0.02, 1.0
FIRST, SECOND = "first run", "second run"


def rerun(place: Environment) -> Result:
    """Measure a run over five videos and then the same again: at most 2 % of the first or 1 s, and no model loaded."""
    videos, study = inputs(place), place.scratch / "study"
    first, _ = timed(lambda: valex_run(place, videos, study))
    second = interleaved({SECOND: lambda: valex_run(place, videos, study)}, rounds=place.rounds)[SECOND]
    checks = (
        Check("CPU seconds of the second run", second.cost.cpu, max(SECONDS, SHARE * first.cpu), "at most"),
        Check("wall seconds of the second run", second.cost.wall, max(SECONDS, SHARE * first.wall), "at most"),
        Check("steps of the second run", len(second.output), 0, "at most"),
    )
    return Result("rerun", {SECOND: second.cost, FIRST: first}, checks, {"posts": len(videos)})
