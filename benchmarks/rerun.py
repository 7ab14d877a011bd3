"""The same run a second time: the cost of finding that nothing is due."""

from __future__ import annotations

from benchmarks.environment import Environment
from benchmarks.measure import interleaved, timed
from benchmarks.results import Check, Result
from benchmarks.runs import inputs, valex_run

SHARE, SECONDS = 0.02, 1.0
FIRST, SECOND = "first run", "second run"


def rerun(env: Environment) -> Result:
    """Return the measurements of a run over five videos and of a second run.

    The second run may take at most 2 % of the first or 1 s, and must not load a model.
    """
    videos, study = inputs(env), env.scratch / "study"
    first, _ = timed(lambda: valex_run(env, videos, study))
    second = interleaved({SECOND: lambda: valex_run(env, videos, study)}, rounds=env.rounds)[SECOND]
    checks = (
        Check("CPU seconds of the second run", second.cost.cpu, max(SECONDS, SHARE * first.cpu), "at most"),
        Check("wall seconds of the second run", second.cost.wall, max(SECONDS, SHARE * first.wall), "at most"),
        Check("steps of the second run", len(second.output), 0, "at most"),
    )
    return Result("rerun", {SECOND: second.cost, FIRST: first}, checks, {"posts": len(videos)})
