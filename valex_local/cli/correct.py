"""`valex correct`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from valex_local.cli._output import say
from valex_local.cli._study import StudyCommand, find_posts, open_study
from valex_local.errors import ConfigError

if TYPE_CHECKING:
    from valex_local.records import Correction
    from valex_local.study import Study


@click.command(cls=StudyCommand)
@click.argument("post", required=False)
@click.argument("line", required=False)
@click.option("--text", help="The right words.")
@click.option("--start", type=click.FloatRange(min=0), help="When the line starts, seconds.")
@click.option("--end", type=click.FloatRange(min=0), help="When the line ends, seconds.")
@click.option("--speaker", metavar="NAME", help="Who says the line.")
@click.option("--remove", is_flag=True, help="There is no such line.")
@click.option("--name", nargs=2, metavar="SPEAKER NAME", help="Give a speaker of the post another name.")
@click.option("--undo", metavar="ID", help="Take back a correction (C2), or the name of a speaker.")
@click.option("--by", metavar="NAME", help="Who corrects. Default: your user name on this machine.")
def correct(
    *,
    folder: Path | None,
    post: str | None,
    line: str | None,
    name: tuple[str, str] | None,
    undo: str | None,
    by: str | None,
    remove: bool,
    text: str | None,
    start: float | None,
    end: float | None,
    speaker: str | None,
) -> None:
    """Correct LINE of POST: S3 for speech, T1 for on-screen text, `new` for speech that was not recognised.

    Without LINE, list what was corrected. Corrections lie over the records, in edits.json; `valex run` makes scripts
    and labels again from the corrected text.
    """
    from valex_local.study.custody import account
    from valex_local.study.editing import Change, Editor

    study = open_study(folder)
    (post_id,) = find_posts(study, [post]) if post is not None else [""]
    change = Change(text=text, start=start, end=end, speaker=speaker, removed=remove)
    asked = (line is not None) + (name is not None) + (undo is not None)
    if asked > 1 or (change != Change() and line is None) or (line is not None and change == Change()):
        raise ConfigError(
            "say what to correct: a LINE with at least one option, or --name, or --undo",
            hint='For example: valex correct POST S3 --text "the right words"',
        )
    if asked and post is None:
        raise ConfigError("name the post", hint="For example: valex correct POST S3 --remove")
    if not asked:
        _list(study, [post_id] if post_id else study.post_ids(excluded=True))
        return
    editor = Editor(study, by or account())
    if name is not None:
        editor.name_speaker(post_id, *name)
        say(f"{post_id}: {name[0]} is {name[1]}")
    elif undo is not None:
        editor.undo(post_id, undo)
        say(f"{post_id}: {undo} was taken back")
    elif line is not None:
        made = editor.add(post_id, change) if line == "new" else editor.correct(post_id, line, change)
        say(f"{post_id}: {_described(made)}")
    say("Make scripts and labels of the corrected text with: valex run -s STUDY")


def _list(study: Study, post_ids: list[str]) -> None:
    from valex_local.records import ScreenText, Transcript
    from valex_local.study.corrections import place

    for post_id in post_ids:
        edits = study.edits(post_id)
        if edits is None:
            continue
        transcript = study.read(post_id, "transcript", Transcript, as_found=True)
        screen = study.read(post_id, "text", ScreenText, as_found=True)
        lost = place("speech", () if transcript is None else transcript.segments, edits)[1]
        lost += place("text", () if screen is None else screen.tracks, edits)[1]
        say(post_id)
        for one in edits.corrections:
            say(f"  {_described(one)}{'  NOT APPLIED: the line is not there any more' if one.id in lost else ''}")
        for named in edits.speakers:
            say(f"  {named.speaker} is {named.name}  ({named.by}, {named.on:%Y-%m-%d})")


def _described(one: Correction) -> str:
    """Return a correction in one line."""
    parts = ["added"] if one.line is None else [f'{one.line.start:.1f} s "{_short(one.line.text)}":']
    if one.removed:
        parts.append("removed")
    if one.text is not None:
        parts.append(f'"{_short(one.text)}"')
    if one.start is not None or one.end is not None:
        times = ("?" if time is None else f"{time:.1f}" for time in (one.start, one.end))
        parts.append(f"at {'-'.join(times)} s")
    if one.speaker is not None:
        parts.append(f"said by {one.speaker}")
    return f"{one.id}  {' '.join(parts)}  ({one.by}, {one.on:%Y-%m-%d})"


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"
