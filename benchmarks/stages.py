"""One run, step by step: where time and memory are spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import mean
from typing import Any

from benchmarks.environment import Environment
from benchmarks.measure import timed
from benchmarks.results import Result
from benchmarks.runs import StepLog, inputs, valex_run, video_seconds

PEAKS, SHARES = ("peak_rss", "peak_vram"), ("batch_fill",)


def stages(env: Environment) -> Result:
    """Return the measurements of one run of the whole pipeline over five videos, in a separate process.

    Its facts contain, by step: posts and records written, seconds of loading, wall and CPU seconds (including loading),
    and peak memory in bytes; and what else the log has on batches and copied results. There is no bar: these are the
    absolute figures.
    """
    videos, study = inputs(env), env.scratch / "study"
    cost, steps = timed(lambda: valex_run(env, videos, study))
    seconds = video_seconds(study)
    rates = {"video_seconds": seconds, "video_seconds_per_wall_second": seconds / cost.wall}
    minute = {"cpu_seconds_per_minute_of_video": 60 * cost.cpu / seconds}
    return Result("stages", {"one run": cost}, facts={"posts": len(videos), **rates, **minute, "steps": by_step(steps)})


def by_step(steps: Iterable[StepLog]) -> dict[str, dict[str, Any]]:
    """Return the logs combined by step: peaks by their maximum, fractions by their mean, everything else by its sum."""
    of_step: dict[str, list[StepLog]] = defaultdict(list)
    for step in steps:
        of_step[step["step"]].append(step)
    return {step: _together(found) for step, found in of_step.items()}


def _together(steps: list[StepLog]) -> dict[str, Any]:
    keys = dict.fromkeys(key for step in steps for key in step if key != "step")
    return {key: _added(key, [step[key] for step in steps if step.get(key) is not None]) for key in keys}


def _added(key: str, values: list[Any]) -> Any:
    if not values:
        return None
    if key in PEAKS:
        return max(values)
    return mean(values) if key in SHARES else sum(values)
