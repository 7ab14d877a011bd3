"""What it costs to look at a large study: `valex status`, and a run with nothing due, in processes of their own.

The study is made: all records of a post exist and are current, with little in them, since what counts is how many files
there are. Its models are made up, so the commands are called from Python.

    python -m benchmarks.large_studies FOLDER --posts 100000 --posts 10000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.studies import TINY, MadeUpStore, make_study, make_videos
from valex_local.pipeline.run import run, study_status
from valex_local.study import Study

OPTIONS = {"profile": "workstation"}
"""Settings of the default steps: a script by template, its grounding, and its labels by the encoder."""

WAYS = ("status", "run")


def made(folder: Path, posts: int) -> Path:
    """Return a study of that many posts, made if it is not there."""
    study = folder / f"study-{posts}"
    if not (study / "sums.json").exists():  # written last
        videos = folder / f"videos-{posts}"
        make_study(study, videos if videos.exists() else make_videos(videos, posts), options=OPTIONS, size=TINY)
    return study


def looked_at(study: Path, way: str) -> dict[str, Any]:
    """Look at a study, and return what this process needed for it: seconds, and peak memory in MiB."""
    store = MadeUpStore(study / "no store")
    started, cpu = time.perf_counter(), time.process_time()
    summary = study_status(Study(study), store) if way == "status" else run((), study, store=store)
    if any(step.current != summary.posts for step in summary.steps):
        raise SystemExit("something is due in a study that was made complete")
    return {
        "posts": summary.posts,
        "way": way,
        "wall": round(time.perf_counter() - started, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "mib": _peak_mib(),
    }


def _peak_mib() -> int:
    """Return the peak memory of this process alone; `getrusage` counts that of the parent before the program began."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


def disk(study: Path) -> dict[str, Any]:
    """Return how many files, folders and bytes a study has, and what they take on disk."""
    files = folders = size = blocks = 0
    for _, below, names, at in os.fwalk(study):
        folders += len(below)
        for name in names:
            found = os.stat(name, dir_fd=at)
            files, size, blocks = files + 1, size + found.st_size, blocks + found.st_blocks
    return {"files": files, "folders": folders, "bytes": size, "on_disk": blocks * 512}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line of JSON for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_studies", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--posts", type=int, action="append", required=True)
    parser.add_argument("--way", choices=WAYS, help="measure this alone, in this process")
    options = parser.parse_args(arguments)
    for posts in options.posts:
        study = made(options.folder, posts)
        if options.way:
            sys.stdout.write(f"{json.dumps(looked_at(study, options.way))}\n")
            continue
        sys.stdout.write(f"{json.dumps({'posts': posts, **disk(study)})}\n")
        sys.stdout.flush()
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.large_studies", str(options.folder)]
            subprocess.run([*command, "--posts", str(posts), "--way", way], check=True)


if __name__ == "__main__":
    main()
