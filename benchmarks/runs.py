"""Whole runs, each in a separate process as started by a user, and the logs of their steps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import make_clips
from benchmarks.environment import Environment
from valex_local.errors import InputError
from valex_local.records import Media
from valex_local.study import Study

COUNT, SECONDS = 5, 15.0
QUICK_COUNT, QUICK_SECONDS = 2, 6.0

StepLog = Mapping[str, Any]
"""The log of one step: step, posts, load_seconds, seconds, cpu_seconds, peak_rss and more."""

_VALEX = "from valex_local.cli import main; main()"
_BROKEN = "Leave out the videos that `valex run` cannot do"


def inputs(env: Environment) -> tuple[Path, ...]:
    """Return the user's videos, or else five clips of 15 s made here; fewer and shorter ones if quick."""
    count, seconds = size(env)
    if env.videos:
        return env.videos[:count]
    return tuple(clip.path for clip in make_clips(env.scratch, count, seconds, threads=env.device.threads))


def size(env: Environment) -> tuple[int, float]:
    """Return the number of clips to make, and their length in seconds."""
    return (QUICK_COUNT, QUICK_SECONDS) if env.quick else (COUNT, SECONDS)


def valex_run(env: Environment, videos: Iterable[Path], study: Path) -> tuple[StepLog, ...]:
    """Run the whole pipeline over videos in a child process.

    Parameters
    ----------
    env : Environment
        The store, profile and device.
    videos : iterable of Path
        The videos.
    study : Path
        The study folder.

    Returns
    -------
    tuple of mapping
        The logs of the steps, in order.

    Raises
    ------
    InputError
        The run failed as a whole, or a post failed.
    """
    known = _logs(study)
    options = ["-s", str(study), "--profile", env.profile, "--device", env.device.kind, "--json"]
    done = subprocess.run(
        [sys.executable, "-c", _VALEX, "run", *map(str, videos), *options],
        env={**os.environ, "VALEX_MODELS": str(env.store.root.absolute())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 1:
        failures = json.loads(done.stdout)["failures"]
        first = failures[0]
        raise InputError(f"{len(failures)} posts failed, {first['post']} with: {first['what']}", hint=_BROKEN)
    if done.returncode != 0:
        raise InputError(f"a run failed: {done.stderr.strip()}")
    return tuple(step for path in sorted(_logs(study) - known) for step in _steps(path))


def _logs(study: Path) -> set[Path]:
    return set((study / "logs").glob("*.jsonl"))


def _steps(log: Path) -> list[StepLog]:
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [
        {key: value for key, value in line.items() if key != "event"} for line in lines if line["event"] == "execute"
    ]


def video_seconds(study: Path) -> float:
    """Return the total length of the videos of a study, seconds."""
    found = Study(study)
    return sum(found.require(post_id, "media", Media).duration for post_id in found.post_ids())


def peak_rss(steps: Sequence[StepLog]) -> int:
    """Return the peak resident memory of a run, including child processes, bytes."""
    return max(int(step["peak_rss"]) for step in steps)


def work_cpu_seconds(steps: Sequence[StepLog]) -> float:
    """Return the CPU time of all steps without loading models, seconds."""
    return sum(float(step["cpu_seconds"]) - float(step["load_cpu_seconds"]) for step in steps)


def files_of_posts(studies: Iterable[Path]) -> dict[str, bytes]:
    """Return the content of every record and side file of all posts, by ``<post>/<file>``."""
    return {
        path.relative_to(study / "posts").as_posix(): path.read_bytes()
        for study in studies
        for path in sorted((study / "posts").rglob("*"))
        if path.is_file()
    }


def share_equal(ours: Mapping[str, bytes], others: Mapping[str, bytes]) -> float:
    """Return the fraction of files that exist on both sides and are equal, byte for byte; 0 if there are none."""
    names = ours.keys() | others.keys()
    return sum(ours.get(name) == others.get(name) for name in names) / len(names) if names else 0.0
