"""`valex review`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say
from valex_local.cli._progress import working
from valex_local.cli._study import StudyCommand, open_study

if TYPE_CHECKING:
    from valex_local.system.network_guard import Layers


@click.group()
def review() -> None:
    """Code the values of posts in a browser, alone or with others."""


@review.command(cls=StudyCommand, short_help="Open the page on which posts are coded.")
@click.option("--coder", required=True, metavar="NAME", help="Who codes.")
@click.option("--script", help="Variant of the scripts to read. Default: the one shown first.")
@click.option("--show-predictions", is_flag=True, help="Show labels by models before a post is finished; recorded.")
@click.option("--adjudicate", is_flag=True, help="Decide where finished codings differ, with these in view; recorded.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine. Default: any free one.")
def start(
    *, folder: Path | None, coder: str, script: str | None, show_predictions: bool, adjudicate: bool, port: int
) -> None:
    """Serve the page on which a coder watches posts, reads their scripts and decides about values.

    Open the printed address in a browser on this machine; it works once. Every decision is stored at once, in
    coding.NAME.json of the post; finished posts become gold labels of the study, gold/NAME.csv. Ctrl-C ends it.
    """
    from valex_local.study.codings import coder_name
    from valex_local.system.imports import require_extra

    require_extra("review", "starlette", "uvicorn")
    from valex_local.review.plan import assigned
    from valex_local.review.server import serve

    study = open_study(folder)
    name = coder_name(coder)
    if not adjudicate:
        assigned(study, name)  # whether the plan has the coder

    def started(address: str, layers: Layers) -> None:
        say(f"offline: {layers.describe()}")
        say(f"open in a browser on this machine: {address}")
        say("Ctrl-C ends the review; everything decided so far is stored")

    serve(
        study,
        name,
        port=port,
        shows_labels=show_predictions,
        adjudicates=adjudicate,
        script=script,
        started=started,
    )


@review.command(cls=StudyCommand)
@click.option("--coders", required=True, metavar="NAMES", help="The coders, by commas.")
@click.option("--overlap", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share that all code.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw.")
@click.option("--sample", metavar="NAME", help="A sample of the study, samples/NAME.csv. Default: all posts.")
@click.option("--replace", is_flag=True, help="Replace an earlier plan.")
def plan(*, folder: Path | None, coders: str, overlap: float, seed: int, sample: str | None, replace: bool) -> None:
    """Draw who codes which posts: a share that all code, to measure agreement, and the others dealt out evenly."""
    from valex_local.errors import ConfigError
    from valex_local.files.text import counted
    from valex_local.review.plan import FILE, make_plan, read_plan

    study = open_study(folder)
    if read_plan(study) is not None and not replace:
        raise ConfigError("this study has a plan already", path=study.root / FILE, hint="Add --replace for another one")
    names = [name.strip() for name in coders.split(",") if name.strip()]
    with working("review"):
        made = make_plan(study, names, overlap=overlap, seed=seed, sample=sample)
    posts = {post_id for share in made.coders.values() for post_id in share}
    for name, share in made.coders.items():
        say(f"{name}: {counted(len(share), 'post')}")
    common = set.intersection(*map(set, made.coders.values()))
    say(f"{counted(len(posts), 'post')}, {len(common)} of them by all")
    say(f"Start with: valex review start --coder {names[0]}")


@review.command(cls=StudyCommand)
def status(folder: Path | None) -> None:
    """Show how far coders are."""
    from valex_local.review.plan import progress

    with working("review"):
        found = progress(open_study(folder))
    for one in found:
        say(f"{one.coder}: {one.done} of {one.posts} finished, {one.begun} begun")
