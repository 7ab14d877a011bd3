"""`valex review`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from valex_local.cli._output import flush, say
from valex_local.cli._study import StudyCommand, open_study
from valex_local.files.text import counted
from valex_local.system import network_guard


class _StudyGroup(StudyCommand, click.Group):
    """A group that works on a study itself, too."""


@click.group(cls=_StudyGroup, invoke_without_command=True)
@click.option("--coder", metavar="NAME", help="Who codes.")
@click.option("--adjudicate", is_flag=True, help="Decide on posts that two or more coders have finished.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port of the page. Default: one that is free.")
@click.option("--show-predictions", is_flag=True, help="Show labels of models before a post is finished, too.")
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser, or only print its address.")
@click.pass_context
def review(ctx: click.Context, /, folder: Path | None, **given: Any) -> None:
    """Code the posts of a study on a page of this machine.

    The page opens in the browser. Stop it with Ctrl-C; whatever was entered is saved already.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = {**(ctx.obj or {}), "study": folder}
        network_guard.enter()
        return
    _serve(folder, **given)


def _serve(
    folder: Path | None, *, coder: str | None, adjudicate: bool, port: int, show_predictions: bool, browser: bool
) -> None:
    from valex_local.errors import ConfigError
    from valex_local.system.imports import require_extra

    require_extra("review", "starlette", "uvicorn")
    if coder is None:
        raise ConfigError("nobody is named who codes", hint="Name yourself: valex review -s STUDY --coder anna")
    from valex_local.review.listener import host_of, listen, prepare_browser

    with listen(port) as listener:
        # From here on the process is closed but for this socket.
        open_browser = prepare_browser(listener) if browser else (lambda address: None)
        layers = network_guard.enter_listening([listener])
        from valex_local.review.access import Access
        from valex_local.review.codebook import read_codebook
        from valex_local.review.server import application, serve
        from valex_local.review.session import Session

        study = open_study(folder)
        session = Session(study, coder, adjudicate=adjudicate, show_predictions=show_predictions)
        access = Access(application(session, read_codebook(study)), host_of(listener))
        say(f"offline {layers.describe()}")
        say(f"posts   {len(session.posts)} for {session.coder}")
        say(f"page    {access.address}")
        say("The address works once, in one browser. Stop with Ctrl-C: everything is saved as it is entered.")
        flush()
        open_browser(access.address)
        with suppress(KeyboardInterrupt):
            serve(access, listener)
    say("stopped; everything is saved")


@review.command(cls=StudyCommand)
@click.option("--coders", required=True, metavar="NAMES", help="Who codes, separated by commas.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.3,
    show_default=True,
    help="Share of posts that everybody codes.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the random order.")
@click.option("--sample", metavar="FILE", help="Code the posts of this sample only: a name in samples/, or a file.")
@click.option("--replace", is_flag=True, help="Replace the plan that is there. Codings stay.")
@click.pass_context
def plan(
    ctx: click.Context,
    folder: Path | None,
    *,
    coders: str,
    overlap: float,
    seed: int,
    sample: str | None,
    replace: bool,
) -> None:
    """Decide at random who codes which posts, and write it to the study.

    A share of the posts is coded by everybody, to measure agreement; the others are divided evenly.
    """
    from valex_local.errors import ConfigError
    from valex_local.review.plan import make_plan, posts_of, read_sample
    from valex_local.study.codings import read_plan, write_plan

    study = open_study(folder or ctx.obj["study"])
    if not replace and read_plan(study) is not None:
        raise ConfigError("this study has a plan already", path=study.root, hint="Give --replace to make another")
    found = read_sample(study, sample) if sample else None
    posts = found.posts if found else study.post_ids()
    names = [name.strip() for name in coders.split(",") if name.strip()]
    made = make_plan(posts, names, overlap=overlap, seed=seed, sample=found.name if found else None)
    write_plan(study, made)
    if found and found.unknown:
        rest = f"the study does not hold {counted(len(found.unknown), 'post')} of the sample"
        say(f"valex: {rest}, such as {found.unknown[0]}", err=True)
    shared = sum(len(one.coders) == len(made.coders) for one in made.assignments)
    say(f"{counted(len(posts), 'post')}, {shared} of them coded by everybody")
    for name in made.coders:
        say(f"{name}: {counted(len(posts_of(study, made, name)), 'post')}")


@review.command(cls=StudyCommand)
@click.pass_context
def status(ctx: click.Context, folder: Path | None) -> None:
    """Show how far each coder is."""
    from valex_local.review.plan import posts_to_adjudicate, progress
    from valex_local.study.codings import ADJUDICATED, read_coding, read_plan

    study = open_study(folder or ctx.obj["study"])
    made = read_plan(study)
    coders = progress(study, made)
    if not coders:
        say("nobody has coded yet, and there is no plan")
    for one in coders:
        of = f" of {one.assigned}" if one.assigned else ""
        say(f"{one.coder}: {one.done}{of} done, {one.begun} begun")
    both = posts_to_adjudicate(study, made)
    if both:
        found = (read_coding(study, post_id, ADJUDICATED) for post_id in both)
        decided = sum(coding is not None and coding.done for coding in found)
        say(f"{ADJUDICATED}: {decided} of {counted(len(both), 'post')} that several coders have finished")
