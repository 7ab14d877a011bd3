"""`valex show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say, say_json_text, say_text, terminal
from valex_local.cli._study import StudyCommand, find_posts, open_study

if TYPE_CHECKING:
    from valex_local.records import Script
    from valex_local.study import LabelKey, Study


@click.command(cls=StudyCommand)
@click.argument("posts", nargs=-1)
@click.option(
    "--as",
    "form",
    type=click.Choice(["text", "fountain", "json"]),
    default="text",
    show_default=True,
    help="Format of the script.",
)
@click.option("--script", "variant", help="Variant of the script. Default: the first one of the settings.")
def show(posts: tuple[str, ...], folder: Path | None, form: str, variant: str | None) -> None:
    """Show the script and the labels of POSTS, or of all posts.

    The beginning of a post's id is enough.
    """
    from rich.text import Text

    from valex_local.cli._labels import print_labels, print_summaries
    from valex_local.errors import StudyError
    from valex_local.rendering.render import render
    from valex_local.rendering.views import script_of
    from valex_local.stages.variants import VIDEO
    from valex_local.store import Store
    from valex_local.study import state_summaries
    from valex_local.study.settings import resolve_settings

    study = open_study(folder)
    preferred = resolve_settings(Store(), study).script.variants
    console = terminal()
    shown: set[LabelKey] = set()
    for post_id in find_posts(study, posts):
        try:
            name, script = study.script(post_id, variant, preferred=preferred)
        except StudyError as error:
            if posts:
                raise
            say(f"valex: {error}", err=True)
            continue
        if form == "json":
            say_json_text(f"{render(script, form)}\n")
            continue
        if form != "text":
            say_text(f"{render(script, form)}\n")
            continue
        console.rule(Text.assemble((post_id, "bold"), f"  script.{name}"), align="left")
        say_text(f"{render(script, form)}\n")
        _print_detections(study, post_id, script, script_of(name))
        for key, labels in study.all_labels(post_id).items():
            if script_of(key.script) in (script_of(name), VIDEO):
                print_labels(str(key), labels, script)
                shown.add(key)
    if shown:
        print_summaries({key: found for key, found in state_summaries(study).items() if key in shown})


def _print_detections(study: Study, post_id: str, script: Script, name: str) -> None:
    """Print for each action line what detectors found of it in its keyframes, and what they did not find."""
    from valex_local.records import Grounding
    from valex_local.rendering.detections import looked_for

    grounding = study.read(post_id, f"grounding.{name}", Grounding)
    found = {} if grounding is None else looked_for(script, grounding)
    for line, seen in found.items():
        say(f"{line}  by detectors {seen}", style="dim")
    if found:
        say()
