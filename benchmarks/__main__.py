"""Measure how fast the program works on this machine: `python -m benchmarks`, in a checkout of the project."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from benchmarks.registry import BENCHMARKS

if TYPE_CHECKING:
    from benchmarks.bench import BenchmarkReport
    from benchmarks.environment import Environment

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help=f"One of {', '.join(BENCHMARKS)} (repeatable).")
@click.option("--quick", is_flag=True, help="Smaller inputs and one round, to check that everything works.")
@click.option("--videos", type=_PATH, help="Folder of videos to use where possible, instead of made clips.")
@click.option("--profile", default="demo", show_default=True, help="The profile whose models are measured.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute.")
@click.option("--cores", type=click.IntRange(min=1), help="Use only this many cores; the bars are set for 2.")
@click.option("-o", "--out", type=_PATH, help="JSON file, rewritten after each benchmark.")
def bench(only: tuple[str, ...], quick: bool, out: Path | None, **given: Any) -> None:
    """Measure how fast the program works here, as ratios within one run; exit with 1 if a bar is missed.

    Each ratio compares our way with another one in the same run, and checks that both give the same result. No file is
    written except the one that -o names.
    """
    from benchmarks.bench import begin
    from benchmarks.options import check_file

    if out is not None:
        check_file(out)
    with TemporaryDirectory(prefix="valex-bench-") as scratch:
        # Temporary files of libraries are removed together with ours.
        os.environ["TMPDIR"] = tempfile.tempdir = scratch
        env = _environment(Path(scratch), quick=quick, **given)
        report = begin(only, env)
        try:
            _measure(report, env, out)
        except KeyboardInterrupt:
            click.echo("\nvalex: interrupted. The measurements so far are kept", err=True)
        finally:  # after a bug too: the measurements took long
            _print(report)
    sys.exit(0 if report.held else 1 if report.complete else 130)


def _environment(
    scratch: Path, *, quick: bool, videos: Path | None, profile: str, device: Any, cores: int | None
) -> Environment:
    from benchmarks.environment import Environment
    from benchmarks.options import find_videos, limit_cores
    from valex_local.store import Store
    from valex_local.system.devices import detect, set_threads

    if cores is not None:
        limit_cores(cores)
    found = detect(device)
    set_threads(found.threads)  # before any engine is imported
    return Environment(Store(), found, scratch, () if videos is None else find_videos(videos), profile, quick)


def _measure(report: BenchmarkReport, env: Environment, out: Path | None) -> None:
    """Run the benchmarks; the file is written after each, so that an interruption loses only one."""
    from benchmarks.bench import measure
    from valex_local.cli._progress import progress
    from valex_local.files.atomic import write_whole

    def keep() -> None:
        if out is not None:
            write_whole(out, report.to_json().encode())

    keep()
    with progress(quiet=False) as shown:
        for _ in measure(report, env, on_progress=lambda name: shown.step(name, 1)):
            shown.advance()
            keep()


def _print(report: BenchmarkReport) -> None:
    from rich.console import Console

    from benchmarks.tables import print_report

    print_report(Console(highlight=False), report)


if __name__ == "__main__":
    from valex_local.cli import call

    call(bench, "python -m benchmarks")
