"""Sparse decoding: the video part of media, with cuts and keyframes, compared with decoding every frame to RGB.

sparse        frames that no other frame needs are skipped; the rest are scaled down and converted to RGB
every frame   every frame is decoded and converted to RGB at full size, and not analysed

Skipping frames must not change the result: outside the timing, keyframes are also chosen among all frames.
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
"""Number of clips, and seconds of each."""

Times = tuple[tuple[float, ...], ...]
"""Times of the keyframes of each video, seconds."""


def decode(env: Environment) -> Result:
    """Return the measurements of all ways.

    Raises
    ------
    InputError
        A video cannot be read, or has no video track.
    """
    count, seconds = QUICK_CLIPS if env.quick else CLIPS
    videos = env.videos or [clip.path for clip in make_clips(env.scratch, count, seconds, voices=False)]
    ways = {OURS: sparse, EVERY: every_frame}
    for way in ways.values():
        way(videos[0])
    found = interleaved({name: partial(_of_all, way, videos) for name, way in ways.items()}, rounds=env.rounds)
    dense = _of_all(choose_among_all, videos)
    costs = {name: way.cost for name, way in found.items()}
    ours = found[OURS].output
    facts = {"videos": len(videos), "keyframes": sum(map(len, ours)), "keyframes_among_all": sum(map(len, dense))}
    return Result("decode", costs, checks(costs, share_near(ours, dense), env), facts)


def checks(costs: Mapping[str, Cost], near: float, env: Environment) -> tuple[Check, ...]:
    """Return the ratios, and a check that the keyframes have the same times.

    Parameters
    ----------
    costs : mapping of str to Cost
        The cost of each way.
    near : float
        Fraction of keyframes at the same time.
    env : Environment
        Where it was measured.

    Returns
    -------
    tuple of Check
        The figures with their bars.
    """
    cpu = Check("CPU time, every frame / sparse", costs[EVERY].cpu / costs[OURS].cpu, BAR)
    wall = Check("wall time, every frame / sparse", costs[EVERY].wall / costs[OURS].wall, BAR)
    same = Check(f"share of keyframes within {NEAR} s", near, 1.0)
    return (cpu, same) if env.quick else (cpu, wall, same)


def share_near(ours: Times, others: Times) -> float:
    """Return the fraction of keyframes, of both sides, that the other has within `NEAR` seconds; 0 without any."""
    pairs = [*zip(ours, others, strict=True), *zip(others, ours, strict=True)]
    near = [any(abs(time - o) <= NEAR for o in there) for here, there in pairs for time in here]
    return sum(near) / len(near) if near else 0.0


# --- ways -------------------------------------------------------------------------------------------------------------


def sparse(path: Path) -> tuple[float, ...]:
    """Return the times of keyframes, chosen as in the media stage."""
    return _keyframes(path, MAX_GAP)


def choose_among_all(path: Path) -> tuple[float, ...]:
    """Return the times of keyframes, chosen in the same way among all frames."""
    return _keyframes(path, None)


def _keyframes(path: Path, max_gap: float | None) -> tuple[float, ...]:
    with open_video(path) as container:
        stream = video_stream(container)
        found = None
        if stream is not None:
            collector = FrameCollector(container, stream, MediaSettings(), max_gap)
            for packet in packets(container, stream):
                collector.decode(packet)
            found = collector.finish()
    if found is None:
        raise InputError("it has no video track", path=path, hint="Leave it out")
    return tuple(candidate.time for candidate in found.keyframes)


def every_frame(path: Path) -> tuple[float, ...]:
    """Convert every frame to RGB, and return nothing."""
    for _ in iter_frames(path, fps=None):
        pass
    return ()


def _of_all(way: Callable[[Path], tuple[float, ...]], videos: Sequence[Path]) -> Times:
    return tuple(way(path) for path in videos)
