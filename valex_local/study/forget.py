"""Remove a post and every trace of it from a study, along with files that may mention it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from valex_local.errors import InputError, StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.removing import check_removable, remove
from valex_local.files.tables import read_table, table_text
from valex_local.files.text import load_json
from valex_local.posts.ids import names_same_post
from valex_local.records import Calibration, Post, ReviewPlan
from valex_local.study.disk import DERIVED, no_such_post, read_bytes, read_failure, visible
from valex_local.study.left_out import remember_forgotten

if TYPE_CHECKING:
    from valex_local.study.study import Study


class Trace(NamedTuple):
    """A file or folder in which a post may be mentioned.

    Attributes
    ----------
    path : Path
        The file or folder.
    rest : bytes
        What stays of the file; if nothing does, it is removed.
    note : str
        What goes, if not all of it.
    """

    path: Path
    rest: bytes = b""
    note: str = ""


def forget(study: Study, post_id: str) -> list[str]:
    """Remove every trace of a post from a study and return what was removed, relative to the study.

    Reports and exports mix posts and may be compressed, so they are removed completely, and so are stored checksums;
    all of them can be made again. The video itself belongs to the lab and is not touched.

    A keyed hash of its id stays, so that it does not come back with the next run over the folder of its video.

    Nothing is removed unless all of it can be: what cannot be read, is behind a link, or cannot be changed is found
    first.

    Raises
    ------
    StudyError
        There is no such post, a table of gold labels cannot be read, or a file cannot be removed.
    """
    if post_id not in study.known_ids():
        raise no_such_post(study.root, post_id)
    folder = study.folder(post_id)
    traces = list(_traces(study, post_id))
    for trace in traces:
        _refuse_link(study, trace.path)
        check_removable(trace.path, inside=study.root)
    _refuse_link(study, folder.parent)
    # The folder of the post is removed last, so that after an interruption the post is known and can be removed.
    if folder.is_dir():
        check_removable(folder, inside=folder.parent)
        kept = f" (a link; the folder {folder.readlink()} stays)" if folder.is_symlink() else ""
        traces.append(Trace(folder, note=kept))
    # Remembered first, so that it does not come back if the rest is interrupted.
    remember_forgotten(study, post_id, _files(study, post_id))
    with writing(study.root):
        return [_carry_out(study, trace) for trace in traces]


def _carry_out(study: Study, trace: Trace) -> str:
    """Remove a trace and return its name and what went."""
    name = f"{trace.path.relative_to(study.root)}{'/' if trace.path.is_dir() else ''}"
    if trace.rest:
        write_whole(trace.path, trace.rest)
    else:
        remove(trace.path, inside=study.root)
    return name + trace.note


def _refuse_link(study: Study, path: Path) -> None:
    """Raise StudyError if a path is or goes through a link: what it leads to may contain the post, and would stay."""
    inside = [path, *path.parents]
    for place in inside[: inside.index(study.root)]:
        if place.is_symlink() and place.exists():
            raise StudyError(
                f"nothing was removed because this is a link to {place.resolve()}, which may contain the post",
                path=place,
                hint="Delete what the link leads to, then the link, and run again",
            )


def _traces(study: Study, post_id: str) -> Iterator[Trace]:
    """Yield every trace of a post outside its folder."""
    files = _files(study, post_id)
    # The files of interrupted writes, and what the next run makes again.
    for place in (study.root, *(study.root / name for name in ("failures", "logs", "gold", "samples"))):
        yield from map(Trace, sorted(place.glob("*.part")))
    yield from map(Trace, [*sorted(study.root.glob("sums*.json")), *study.root.glob("intake.json")])
    for path in sorted((study.root / "logs").glob("*.jsonl")):
        yield from _in_log(path, post_id, files)
    for path in sorted((*(study.root / "gold").glob("*.csv"), *(study.root / "samples").glob("*.csv"))):
        yield from _in_gold(path, post_id)
    yield from _in_plan(study.root / "review-plan.json", post_id)
    for path in sorted(study.root.glob("calibration.*.json")):
        yield from _in_calibration(path, post_id)
    for path in sorted(visible(study.root / "failures")):
        failure = read_failure(path, [post_id])
        if (failure and failure.post == post_id) or _mentions(path, files):
            yield Trace(path)
    yield from (Trace(path) for name in DERIVED if (path := study.root / name).exists() or path.is_symlink())


def _files(study: Study, post_id: str) -> tuple[str, ...]:
    """Return the paths of the files that the post was made from."""
    try:
        post = study.read(post_id, "post", Post)
    except StudyError:  # an unreadable record is removed all the same
        return ()
    return () if post is None else tuple(file.path for file in post.files)


def _in_log(path: Path, post_id: str, files: Sequence[str]) -> Iterator[Trace]:
    """Yield a log if lines of it mention a post."""
    lines = (read_bytes(path) or b"").splitlines(keepends=True)
    kept = [line for line in lines if not _line_mentions(line, post_id, files)]
    if len(kept) < len(lines):
        yield Trace(path, b"".join(kept), f" ({len(lines) - len(kept)} lines)")


def _in_gold(path: Path, post_id: str) -> Iterator[Trace]:
    """Yield a table of gold labels if rows of it are about a post."""
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
    if gone := len(table.rows) - len(kept):
        text = table_text([table.columns, *(row.cells.values() for row in kept)]) if kept else ""
        yield Trace(path, text.encode(), f" ({gone} rows)")


def _in_plan(path: Path, post_id: str) -> Iterator[Trace]:
    """Yield the plan of a review if it names a post."""
    raw = read_bytes(path)
    if raw is None:
        return
    try:
        plan = ReviewPlan.parse(raw, path=path)
    except StudyError:  # an unreadable one may name the post
        yield Trace(path)
        return
    coders = {name: tuple(one for one in posts if one != post_id) for name, posts in plan.coders.items()}
    if coders != plan.coders:
        yield Trace(path, plan.model_copy(update={"coders": coders}).to_json().encode(), " (the id of the post)")


def _in_calibration(path: Path, post_id: str) -> Iterator[Trace]:
    """Yield a calibration if it names a post; its cut-offs stay, because means over posts tell of none of them."""
    try:
        calibration = Calibration.parse(read_bytes(path) or b"", path=path)
    except StudyError:  # an unreadable one may name the post, and states cannot be drawn by it
        yield Trace(path)
        return
    kept = tuple(name for name in calibration.posts if name != post_id)
    if len(kept) < len(calibration.posts):
        without = calibration.model_copy(update={"posts": kept})
        yield Trace(path, without.to_json().encode(), " (the id of the post)")


def _mentions(path: Path, words: Sequence[str]) -> bool:
    text = (read_bytes(path) or b"").decode("utf-8", "replace")
    return any(word in text or json.dumps(word)[1:-1] in text for word in words)


def _line_mentions(line: bytes, post_id: str, files: Sequence[str]) -> bool:
    try:
        data = load_json(line)
    except ValueError:
        return True  # an incomplete line of a killed run
    return (
        not isinstance(data, dict)
        or data.get("post") == post_id
        or any(path in json.dumps(data, ensure_ascii=False) for path in files)
    )
