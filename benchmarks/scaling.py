"""How cost grows: with the number of posts, and with how long they are."""

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
"""How far the cost of a post may be from that in a smaller study; of so few posts it is known less well when quick."""
MORE_MEMORY = 1.05


@dataclass(frozen=True)
class LinearFit:
    """A straight line through measured points: ``intercept + slope * x``.

    Attributes
    ----------
    slope, intercept : float
        By least squares.
    error : float
        The largest distance of a point from it.
    """

    slope: float
    intercept: float
    error: float


@dataclass(frozen=True)
class Point:
    """One run: `work` is the CPU time of its steps without loading, seconds; `rss` the peak of memory, bytes."""

    cost: Cost
    work: float
    loads: int
    rss: int


def fit_line(xs: Sequence[float], ys: Sequence[float]) -> LinearFit:
    """Fit a line by least squares to two points or more with different x."""
    slope, intercept = np.polyfit(xs, ys, 1)
    error = np.abs(np.polyval((slope, intercept), xs) - np.asarray(ys)).max()
    return LinearFit(float(slope), float(intercept), float(error))


def posts(place: Environment) -> Result:
    """Measure studies of 5, 10, 20 and 40 posts of 15 s: each a run of its own, with equal work for every post.

    Held are the cost of a post without loading models, of 40 against 10, the number of loads, and memory. Clips are
    made here even where the user gave videos: those are not equally long.
    """
    numbers = QUICK_NUMBERS if place.quick else NUMBERS
    clips = _as_many(place, *size(place), max(numbers))
    points = {number: _point(place, clips[:number]) for number in numbers}
    return Result("posts", _costs(points, "posts"), _checks(points, place), _facts(points, "post"))


def lengths(place: Environment) -> Result:
    """Measure three posts of 15 s, of 60 s and of 180 s each, made here. There is no bar."""
    found = QUICK_LENGTHS if place.quick else LENGTHS
    count = QUICK_POSTS_OF_A_LENGTH if place.quick else POSTS_OF_A_LENGTH
    points = {}
    for seconds in found:
        points[seconds] = _point(place, _as_many(place, 1, seconds, count))
    of_video = {seconds * count: point for seconds, point in points.items()}
    return Result("lengths", _costs(points, "s"), (), _facts(of_video, "second of video"))


def _as_many(place: Environment, made: int, seconds: float, count: int) -> list[Path]:
    """Return so many clips: some made here, then copies of each in turn that are as much work."""
    base = make_clips(place.scratch, made, seconds, threads=place.device.threads)
    clips = [clip.path for clip in base]
    for number in range(made, count):
        target = place.scratch / f"{clips[0].stem}-copy-{number}.mp4"
        vary(clips[number % made], target, number)
        clips.append(target)
    return clips


def _point(place: Environment, clips: Sequence[Path]) -> Point:
    study = place.scratch / f"study-{clips[0].stem}-{len(clips)}"
    cost, steps = timed(lambda: valex_run(place, clips, study))
    loads = len(steps)  # each of them loads its stage once
    return Point(cost, work_cpu_seconds(steps), loads, peak_rss(steps))


def _checks(points: Mapping[int, Point], place: Environment) -> tuple[Check, ...]:
    few, many = QUICK_COMPARED if place.quick else COMPARED
    small, large = points[few], points[many]
    apart = abs((large.work / many) / (small.work / few) - 1)
    bar = QUICK_APART if place.quick else APART
    return (
        Check(f"CPU seconds per post, {many} against {few}: apart by", apart, bar, "at most"),
        Check(f"models loaded, {many} against {few}: more by", large.loads - small.loads, 0, "at most"),
        Check(f"peak memory, {many} / {few}", large.rss / small.rss, MORE_MEMORY, "at most"),
    )


def _costs(points: Mapping[Any, Point], unit: str) -> dict[str, Cost]:
    return {f"{x:g} {unit}": point.cost for x, point in points.items()}


def _facts(points: Mapping[Any, Point], unit: str) -> dict[str, Any]:
    """Return the points and the lines through them: seconds by `unit` are their slopes."""
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
