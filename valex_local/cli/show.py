"""`valex show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say, say_json_text, say_text, terminal
from valex_local.cli._study import StudyCommand, find_posts, open_study

if TYPE_CHECKING:
    from valex_local.study import LabelKey


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
        for key, labels in study.all_labels(post_id).items():
            if script_of(key.script) in (script_of(name), VIDEO):
                print_labels(str(key), labels, script)
                shown.add(key)
    if shown:
        print_summaries({key: found for key, found in state_summaries(study).items() if key in shown})
