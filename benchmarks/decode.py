"""Sparse decoding: the picture half of media, cuts and keyframes included, against decoding every frame to RGB.

sparse        pictures that no other picture needs are left out; the rest is scaled down as it is turned into RGB
every frame   every frame is decoded and turned into RGB at full size, and nothing is looked for in them

What is left out must not be missed: keyframes are chosen among all frames too, apart from what is timed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.clips import make_clips
from benchmarks.environment import Environment
from benchmarks.measure import Cost, interleaved
from benchmarks.results import Check, Result
from valex_local.errors import InputError
from valex_local.settings import MediaSettings
from valex_local.stages.media.decode import iter_frames, open_video, packets, video_stream
from valex_local.stages.media.stage import MAX_GAP, FrameCollector

OURS, EVERY = "sparse", "every frame"
BAR = 2.0
NEAR = 0.1
"""Seconds between keyframes that count as the same."""
CLIPS, QUICK_CLIPS = (5, 15.0), (2, 6.0)
"""How many clips, and how many seconds each."""

Times = tuple[tuple[float, ...], ...]
"""When the keyframes of each video are, seconds."""


def decode(place: Environment) -> Result:
    """Measure all ways.

    Raises
    ------
    InputError
        A video cannot be read, or has no pictures.
    """
    count, seconds = QUICK_CLIPS if place.quick else CLIPS
    videos = place.videos or [clip.path for clip in make_clips(place.scratch, count, seconds, voices=False)]
    ways = {OURS: sparse, EVERY: every_frame}
    for way in ways.values():
        way(videos[0])
    found = interleaved({name: partial(_of_all, way, videos) for name, way in ways.items()}, rounds=place.rounds)
    dense = _of_all(choose_among_all, videos)
    costs = {name: way.cost for name, way in found.items()}
    ours = found[OURS].output
    facts = {"videos": len(videos), "keyframes": sum(map(len, ours)), "keyframes_among_all": sum(map(len, dense))}
    return Result("decode", costs, checks(costs, share_near(ours, dense), place), facts)


def checks(costs: Mapping[str, Cost], near: float, place: Environment) -> tuple[Check, ...]:
    """Hold the ratios, and that the keyframes are at the same times."""
    cpu = Check("CPU time, every frame / sparse", costs[EVERY].cpu / costs[OURS].cpu, BAR)
    wall = Check("wall time, every frame / sparse", costs[EVERY].wall / costs[OURS].wall, BAR)
    same = Check(f"share of keyframes within {NEAR} s", near, 1.0)
    return (cpu, same) if place.quick else (cpu, wall, same)


def share_near(ours: Times, others: Times) -> float:
    """Return the share of keyframes, of both sides, that the other side has within `NEAR` seconds; of none it is 0."""
    pairs = [*zip(ours, others, strict=True), *zip(others, ours, strict=True)]
    near = [any(abs(time - o) <= NEAR for o in there) for here, there in pairs for time in here]
    return sum(near) / len(near) if near else 0.0


# --- ways -------------------------------------------------------------------------------------------------------------


def sparse(path: Path) -> tuple[float, ...]:
    """Choose keyframes as the media stage does, and return their times."""
    return _keyframes(path, MAX_GAP)


def choose_among_all(path: Path) -> tuple[float, ...]:
    """Choose keyframes in the same manner among all frames."""
    return _keyframes(path, None)


def _keyframes(path: Path, max_gap: float | None) -> tuple[float, ...]:
    with open_video(path) as container:
        stream = video_stream(container)
        seen = None
        if stream is not None:
            collector = FrameCollector(container, stream, MediaSettings(), max_gap)
            for packet in packets(container, stream):
                collector.decode(packet)
            seen = collector.finish()
    if seen is None:
        raise InputError("it has no pictures to measure with", path=path, hint="Leave it out")
    return tuple(candidate.time for candidate in seen.keyframes)


def every_frame(path: Path) -> tuple[float, ...]:
    """Turn every frame into RGB."""
    for _ in iter_frames(path, fps=None):
        pass
    return ()


def _of_all(way: Callable[[Path], tuple[float, ...]], videos: Sequence[Path]) -> Times:
    return tuple(way(path) for path in videos)
