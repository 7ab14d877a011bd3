"""`valex import corrections`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from valex_local.cli._output import say
from valex_local.cli._progress import working
from valex_local.cli._study import StudyCommand, open_study


@click.command(cls=StudyCommand, short_help="Import corrected subtitles and ELAN files.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--by", required=True, metavar="NAME", help="Who made the corrections.")
@click.option("--remove", is_flag=True, help="Remove lines that are not in a file; otherwise they stay.")
def corrections(folder: Path | None, paths: tuple[Path, ...], by: str, remove: bool) -> None:
    """Import what people corrected in files that `valex export` wrote: SRT, WebVTT and ELAN.

    Keep the names of the files. Corrections lie over the records, in edits.json; `valex run` makes scripts and labels
    again from the corrected text.
    """
    from valex_local.exchange.corrections import import_corrections
    from valex_local.files.text import counted
    from valex_local.study.custody import logged

    study = open_study(folder)
    with logged(study, "import", by) as details, working("import"):
        found = import_corrections(paths, study, by=by, remove=remove)
        if changed := {*found.corrected, *found.added, *found.removed}:
            details |= {"what": "corrections", "posts": len(changed)}
    for post_id in sorted({*found.corrected, *found.added, *found.removed}):
        counts = (("corrected", found.corrected), ("added", found.added), ("removed", found.removed))
        said = (f"{counted(lines[post_id], 'line')} {what}" for what, lines in counts if post_id in lines)
        say(f"{post_id}: {', '.join(said)}")
    for post_id, lines in found.missing.items():
        say(f"{post_id}: {counted(len(lines), 'line')} not in the file stay: {', '.join(lines)}; --remove removes them")
    for left in (*found.unmatched, *found.notices):
        say(f"left out: {left}")
    if not (found.corrected or found.added or found.removed):
        say("no line differs")
    else:
        say("Make scripts and labels of the corrected text with: valex run -s STUDY")
    sys.exit(1 if found.unmatched or found.notices else 0)
