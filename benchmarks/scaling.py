"""How the cost grows with the number of posts, and with their length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clip_variants import vary
from benchmarks.clips import make_clips
from benchmarks.environment import Environment
from benchmarks.measure import Cost, timed
from benchmarks.results import Check, Result
from benchmarks.runs import peak_rss, size, valex_run, work_cpu_seconds

NUMBERS, QUICK_NUMBERS = (5, 10, 20, 40), (2, 4)
COMPARED, QUICK_COMPARED = (10, 40), (2, 4)
LENGTHS, QUICK_LENGTHS = (15.0, 60.0, 180.0), (6.0, 12.0)
POSTS_OF_A_LENGTH, QUICK_POSTS_OF_A_LENGTH = 3, 2

APART, QUICK_APART = 0.10, 0.30
"""How much the cost per post may differ from that in a smaller study; with few posts it is known less well."""
MORE_MEMORY = 1.05


@dataclass(frozen=True)
class LinearFit:
    """A straight line through measured points: ``intercept + slope * x``.

    Attributes
    ----------
    slope, intercept : float
        The coefficients, by least squares.
    error : float
        The largest distance of a point from the line.
    """

    slope: float
    intercept: float
    error: float


@dataclass(frozen=True)
class Point:
    """One run: `work` is the CPU time of its steps without loading, seconds; `rss` is the peak memory, bytes."""

    cost: Cost
    work: float
    loads: int
    rss: int


def fit_line(xs: Sequence[float], ys: Sequence[float]) -> LinearFit:
    """Return a line fitted by least squares to at least two points with different x."""
    slope, intercept = np.polyfit(xs, ys, 1)
    error = np.abs(np.polyval((slope, intercept), xs) - np.asarray(ys)).max()
    return LinearFit(float(slope), float(intercept), float(error))


def posts(env: Environment) -> Result:
    """Return the measurements of studies of 5, 10, 20 and 40 posts of 15 s: separate runs with equal work per post.

    The bars are on the cost per post without loading models, for 40 posts compared with 10, on the number of loads, and
    on memory. Clips are made here even if the user gave videos, since those differ in length.
    """
    numbers = QUICK_NUMBERS if env.quick else NUMBERS
    clips = _make_posts(env, *size(env), max(numbers))
    points = {number: _point(env, clips[:number]) for number in numbers}
    return Result("posts", _costs(points, "posts"), _checks(points, env), _facts(points, "post"))


def lengths(env: Environment) -> Result:
    """Return the measurements of three posts each of 15 s, 60 s and 180 s, made here. There is no bar."""
    found = QUICK_LENGTHS if env.quick else LENGTHS
    count = QUICK_POSTS_OF_A_LENGTH if env.quick else POSTS_OF_A_LENGTH
    points = {}
    for seconds in found:
        points[seconds] = _point(env, _make_posts(env, 1, seconds, count))
    of_video = {seconds * count: point for seconds, point in points.items()}
    return Result("lengths", _costs(points, "s"), (), _facts(of_video, "second of video"))


def _make_posts(env: Environment, made: int, seconds: float, count: int) -> list[Path]:
    """Return `count` clips: some are made here, the others are variants of them that are as much work."""
    base = make_clips(env.scratch, made, seconds, threads=env.device.threads)
    clips = [clip.path for clip in base]
    for number in range(made, count):
        target = env.scratch / f"{clips[0].stem}-copy-{number}.mp4"
        vary(clips[number % made], target, number)
        clips.append(target)
    return clips


def _point(env: Environment, clips: Sequence[Path]) -> Point:
    study = env.scratch / f"study-{clips[0].stem}-{len(clips)}"
    cost, steps = timed(lambda: valex_run(env, clips, study))
    loads = len(steps)  # each step loads its model once at most; some share that of the step before
    return Point(cost, work_cpu_seconds(steps), loads, peak_rss(steps))


def _checks(points: Mapping[int, Point], env: Environment) -> tuple[Check, ...]:
    few, many = QUICK_COMPARED if env.quick else COMPARED
    small, large = points[few], points[many]
    apart = abs((large.work / many) / (small.work / few) - 1)
    bar = QUICK_APART if env.quick else APART
    return (
        Check(f"CPU seconds per post, {many} against {few}: apart by", apart, bar, "at most"),
        Check(f"models loaded, {many} against {few}: more by", large.loads - small.loads, 0, "at most"),
        Check(f"peak memory, {many} / {few}", large.rss / small.rss, MORE_MEMORY, "at most"),
    )


def _costs(points: Mapping[Any, Point], unit: str) -> dict[str, Cost]:
    return {f"{x:g} {unit}": point.cost for x, point in points.items()}


def _facts(points: Mapping[Any, Point], unit: str) -> dict[str, Any]:
    """Return the points and the lines through them, whose slopes are seconds per `unit`."""
    xs = list(points)
    lines = {
        "cpu": fit_line(xs, [point.cost.cpu for point in points.values()]),
        "wall": fit_line(xs, [point.cost.wall for point in points.values()]),
        "cpu_without_loading": fit_line(xs, [point.work for point in points.values()]),
        "peak_rss": fit_line(xs, [point.rss for point in points.values()]),
    }
    return {
        "per": unit,
        "points": [{"x": x, **asdict(point)} for x, point in points.items()],
        "lines": {name: asdict(line) for name, line in lines.items()},
    }
