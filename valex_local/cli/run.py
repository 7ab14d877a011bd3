"""`valex run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from valex_local.cli._progress import progress
from valex_local.cli._settings import nested, read_setting
from valex_local.cli._study import StudyCommand, is_study, study_folder
from valex_local.cli._summary import print_json, print_summary
from valex_local.errors import ConfigError
from valex_local.settings import merge


@click.command(cls=StudyCommand)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--profile", help="Models and settings: cpu, cpu-llm, demo, workstation, server, or a TOML file.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings, like study.toml.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting, such as --set ocr.fps=2 (repeatable)."
)
@click.option(
    "--meta",
    type=click.Path(path_type=Path),
    help="Table of post texts, such as captions (CSV, TSV, workbook, JSON).",
)
@click.option("--language", metavar="CODE", help="Spoken language (ISO 639-1). Default: detected.")
@click.option("--translate/--no-translate", default=None, help="Translate the speech to English.")
@click.option("--keep-silent/--no-keep-silent", default=None, help="Also label posts in which no words are heard.")
@click.option("--keep-keyframes/--no-keep-keyframes", default=None, help="Keep the keyframes after the run.")
@click.option("--keep-audio/--no-keep-audio", default=None, help="Keep the extracted sound after the run.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where to compute.")
@click.option("--jobs", type=click.IntRange(min=1), help="Threads that prepare input for the models.")
@click.option("--resident/--no-resident", default=None, help="Keep all models in memory, if they fit.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--only", metavar="STAGE", help="Do this stage alone.")
@click.option("--shard", metavar="i/N", help="Do the i-th of N parts of the posts, on several machines.")
@click.option("--redo", is_flag=True, help="Redo finished work that new settings or models outdate.")
@click.option("--retry", is_flag=True, help="Try again what failed.")
@click.option("--dry-run", is_flag=True, help="Show what is due and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(paths: tuple[Path, ...], folder: Path | None, settings: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Process videos (files or folders) into a study, which is made if there is none.

    Without PATHS, continue with the posts that the study holds. A run can be interrupted at any time: the same command
    continues from there.
    """
    from valex_local.pipeline.run import run as do
    from valex_local.pipeline.selection import Selection
    from valex_local.study import Study, state_summaries

    selection = Selection(
        until=given["until"],
        only=given["only"],
        shard=_shard(given["shard"]),
        redo=given["redo"],
        retry=given["retry"],
        dry=given["dry_run"],
    )
    out = study_folder(folder)
    with progress(quiet=as_json) as shown:
        summary = do(
            paths,
            out,
            options=_options(given, settings),
            config=given["config"],
            meta=given["meta"],
            selection=selection,
            progress=shown,
        )
    states = state_summaries(Study(out)) if is_study(out) else {}  # a dry run makes no study
    if as_json:
        print_json(summary, states)
    else:
        print_summary(summary, states, dry=selection.dry)
    sys.exit(0 if summary.ok else 1)


def _options(given: dict[str, Any], settings: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings that the options give."""
    keys = {
        "profile": ("profile",),
        "language": ("speech", "language"),
        "translate": ("speech", "translate"),
        "keep_silent": ("labels", "keep_silent"),
        "keep_keyframes": ("work", "keep_keyframes"),
        "keep_audio": ("work", "keep_audio"),
        "device": ("work", "device"),
        "jobs": ("work", "jobs"),
        "resident": ("work", "resident"),
    }
    out: dict[str, Any] = {}
    for option, path in keys.items():
        if given[option] is not None:
            out = merge(out, nested(path, given[option]))
    for text in settings:
        out = merge(out, read_setting(text))
    return out


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, shards = text.partition("/")
    if slash and number.isdecimal() and shards.isdecimal() and 1 <= int(number) <= int(shards):
        return int(number), int(shards)
    raise ConfigError(f"--shard {text}: expected i/N with 1 <= i <= N", hint="For example --shard 1/4")
