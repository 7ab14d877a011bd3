"""The whole pipeline: one run over several videos, compared with a process per video that loads every model again."""

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
"""With two videos, one process can save at most half."""


def pipeline(env: Environment) -> Result:
    """Return the measurements of both ways over the same videos; all files of all posts must be equal, byte for byte.

    That includes paths, ids and fingerprints, since the videos are in the same place.
    """
    videos = inputs(env)
    if not env.quick:  # so that weights and programs are in the page cache
        valex_run(env, videos[:1], _folder(env))
    ways = {OURS: lambda: _together(env, videos), OTHER: lambda: _apart(env, videos)}
    found = interleaved(ways, rounds=env.rounds)
    ours, other = found[OURS], found[OTHER]
    equal = share_equal(files_of_posts(ours.output), files_of_posts(other.output))
    bar = QUICK_BAR if env.quick else BAR
    checks = (
        Check("CPU time, one process per video / one run", other.cost.cpu / ours.cost.cpu, bar),
        Check("wall time, one process per video / one run", other.cost.wall / ours.cost.wall, bar),
        Check("share of equal records", equal, 1.0),
    )
    # A few seconds of wall time mean little if other programs are running.
    reported = checks[::2] if env.quick else checks
    return Result("pipeline", {OURS: ours.cost, OTHER: other.cost}, reported, {"posts": len(videos)})


def _together(env: Environment, videos: tuple[Path, ...]) -> list[Path]:
    study = _folder(env)
    valex_run(env, videos, study)
    return [study]


def _apart(env: Environment, videos: tuple[Path, ...]) -> list[Path]:
    studies = [_folder(env) for _ in videos]
    for video, study in zip(videos, studies, strict=True):
        valex_run(env, [video], study)
    return studies


def _folder(env: Environment) -> Path:
    return Path(mkdtemp(dir=env.scratch, prefix="study-"))
