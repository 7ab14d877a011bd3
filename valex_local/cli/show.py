"""`valex show`."""

from __future__ import annotations

from pathlib import Path

import click

from valex_local.cli._study import StudyCommand, find_posts, open_study


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
    from rich.console import Console

    from valex_local.cli._labels import print_labels
    from valex_local.errors import StudyError, printable
    from valex_local.rendering.render import render
    from valex_local.stages.variants import VIDEO
    from valex_local.store import Store
    from valex_local.study.settings import resolve_settings

    study = open_study(folder)
    preferred = resolve_settings(Store(), study).script.variants
    console = Console(highlight=False)
    for post_id in find_posts(study, posts):
        try:
            name, script = study.script(post_id, variant, preferred=preferred)
        except StudyError as error:
            if posts:
                raise
            click.echo(f"valex: {error}", err=True)
            continue
        if form != "text":
            click.echo(render(script, form))
            continue
        console.rule(f"[bold]{printable(post_id)}[/]  script.{name}", align="left")
        click.echo(render(script, form))
        for labelled in (name, VIDEO):
            for stem, labels in study.labels(post_id, labelled).items():
                print_labels(console, stem, labels)
