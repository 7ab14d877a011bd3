"""The whole pipeline: one run over several videos, compared with a process for each that loads every model again."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

from benchmarks.environment import Environment
from benchmarks.measure import interleaved
from benchmarks.results import Check, Result
from benchmarks.runs import files_of_posts, inputs, share_equal, valex_run

OURS, OTHER = "one run", "one process per video"
BAR = 4.0
QUICK_BAR = 1.2
"""Of two videos one process can save at most half."""


def pipeline(place: Environment) -> Result:
    """Measure both ways over the same videos; all files of all posts must be equal, byte for byte.

    Nothing is left out of that: the videos lie in the same place, so even paths, ids and fingerprints agree.
    """
    videos = inputs(place)
    if not place.quick:  # so that weights and programs are in the memory of the system
        valex_run(place, videos[:1], _folder(place))
    ways = {OURS: lambda: _together(place, videos), OTHER: lambda: _apart(place, videos)}
    found = interleaved(ways, rounds=place.rounds)
    ours, other = found[OURS], found[OTHER]
    equal = share_equal(files_of_posts(ours.output), files_of_posts(other.output))
    bar = QUICK_BAR if place.quick else BAR
    checks = (
        Check("CPU time, one process per video / one run", other.cost.cpu / ours.cost.cpu, bar),
        Check("wall time, one process per video / one run", other.cost.wall / ours.cost.wall, bar),
        Check("share of equal records", equal, 1.0),
    )
    # Few seconds of wall time say little where other programs are at work.
    held = checks[::2] if place.quick else checks
    return Result("pipeline", {OURS: ours.cost, OTHER: other.cost}, held, {"posts": len(videos)})


def _together(place: Environment, videos: tuple[Path, ...]) -> list[Path]:
    study = _folder(place)
    valex_run(place, videos, study)
    return [study]


def _apart(place: Environment, videos: tuple[Path, ...]) -> list[Path]:
    studies = [_folder(place) for _ in videos]
    for video, study in zip(videos, studies, strict=True):
        valex_run(place, [video], study)
    return studies


def _folder(place: Environment) -> Path:
    return Path(mkdtemp(dir=place.scratch, prefix="study-"))
