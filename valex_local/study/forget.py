"""Remove a post and every trace of it from a study, along with files that may mention it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError, StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.tables import read_table, table_text
from valex_local.posts.ids import names_same_post
from valex_local.records import Post
from valex_local.study.disk import DERIVED, failed_post, no_such_post, visible

if TYPE_CHECKING:
    from valex_local.study.study import Study


def forget(study: Study, post_id: str) -> list[str]:
    """Remove every trace of a post from a study and return what was removed, relative to the study.

    Reports and exports mix posts and may be compressed, so they are removed completely, and so are stored checksums;
    all of them can be made again. The video itself belongs to the lab and is not touched.

    Raises
    ------
    StudyError
        There is no such post, a table of gold labels cannot be read, or a file cannot be removed.
    """
    if post_id not in study.known_ids():
        raise no_such_post(study.root, post_id)
    video = _video_path(study, post_id)
    # Read before anything is removed: a table that cannot be read may contain rows about the post.
    gold = {path: _without(path, post_id) for path in sorted((study.root / "gold").glob("*.csv"))}
    with writing(study.root):
        removed = _remove(study, _remade(study))
        for path in sorted((study.root / "logs").glob("*.jsonl")):
            if lines := _forget_lines(path, post_id, video):
                removed.append(f"{path.relative_to(study.root)} ({lines} lines)")
        for path, (text, rows) in gold.items():
            if rows:
                write_whole(path, text) if text else path.unlink()
                removed.append(f"{path.relative_to(study.root)} ({rows} rows)")
        failures = sorted(visible(study.root / "failures"))
        removed += _remove(study, [f for f in failures if failed_post(f) == post_id or _mentions(f, video)])
        # The folder of the post is removed last, so that after an interruption the post is known and can be removed.
        folders = (*(study.root / name for name in DERIVED), study.folder(post_id))
        return removed + _remove(study, [folder for folder in folders if folder.is_dir()])


def _remove(study: Study, paths: Iterable[Path]) -> list[str]:
    """Remove files and folders and return their names."""
    removed = []
    for path in paths:
        name = str(path.relative_to(study.root))
        removed.append(f"{name}/" if path.is_dir() else name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return removed


def _remade(study: Study) -> list[Path]:
    """Return the files that may mention the post and that the next run makes again."""
    return [*_partial_files(study), *sorted(study.root.glob("sums*.json")), *study.root.glob("intake.json")]


def _partial_files(study: Study) -> list[Path]:
    """Return the files of interrupted writes outside the folders of posts."""
    folders = (study.root, study.root / "failures", study.root / "logs", study.root / "gold")
    return [path for folder in folders for path in sorted(folder.glob("*.part"))]


def _video_path(study: Study, post_id: str) -> str | None:
    try:
        post = study.read(post_id, "post", Post)
    except StudyError:  # an unreadable record is removed all the same
        return None
    return post.video.path if post and post.video else None


def _forget_lines(path: Path, post_id: str, video: str | None) -> int:
    """Remove the lines of a log that mention a post, and return their number."""
    lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    kept = [line for line in lines if not _line_mentions(line, post_id, video)]
    if len(kept) < len(lines):
        write_whole(path, "".join(kept).encode())
    return len(lines) - len(kept)


def _without(path: Path, post_id: str) -> tuple[bytes, int]:
    """Return a table of gold labels without the rows about a post (empty if no row is left), and their number."""
    try:
        table = read_table(path)
        if table.all_notices:  # what was left out would be lost, what was guessed would become a fact
            raise InputError(table.all_notices[0], path=path)
    except InputError as error:
        raise StudyError(
            f"nothing was removed because this table of labels cannot be read and may contain the post ({error.what})",
            path=path,
            hint="Fix the table, or move it out of the study",
        ) from error
    first = table.columns[:1]
    kept = [row for row in table.rows if not any(names_same_post(row.cells[name], post_id) for name in first)]
    text = table_text([table.columns, *(row.cells.values() for row in kept)]) if kept else ""
    return text.encode(), len(table.rows) - len(kept)


def _mentions(path: Path, word: str | None) -> bool:
    text = path.read_text("utf-8", "replace")
    return word is not None and (word in text or json.dumps(word)[1:-1] in text)


def _line_mentions(line: str, post_id: str, video: str | None) -> bool:
    try:
        data = json.loads(line)
    except ValueError:
        return True  # an incomplete line of a killed run
    return (
        not isinstance(data, dict)
        or data.get("post") == post_id
        or (video is not None and video in json.dumps(data, ensure_ascii=False))
    )
