"""Until when posts may be kept: a date for the study, and other dates for single posts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.files.atomic import write_whole, writing
from valex_local.files.text import counted
from valex_local.records import Retention
from valex_local.study.disk import read_bytes
from valex_local.study.lock import settings_lock

if TYPE_CHECKING:
    from valex_local.study.study import Study

FILE = "retention.json"


def read_retention(root: Path) -> Retention:
    """Return until when the posts of a study may be kept; without a limit if nobody set one.

    Parameters
    ----------
    root : Path
        The folder of the study.

    Returns
    -------
    Retention
        The dates.

    Raises
    ------
    StudyError
        The file cannot be read.
    """
    raw = read_bytes(root / FILE)
    return Retention() if raw is None else Retention.parse(raw, path=root / FILE)


def retain(study: Study, until: date | None, posts: Collection[str] = ()) -> None:
    """Set until when posts may be kept.

    Parameters
    ----------
    study : Study
        The study.
    until : date or None
        The last day; None takes a date back.
    posts : collection of str
        The posts; the study as a whole if empty. The date of a post counts before that of the study, be it earlier or
        later.

    Raises
    ------
    StudyError
        The study cannot be read or written.
    """
    with settings_lock(study.root), writing(study.root):
        known = read_retention(study.root)
        if not posts:
            made = known.model_copy(update={"until": until})
        else:
            others = {name: day for name, day in known.posts.items() if name not in posts}
            given = {} if until is None else dict.fromkeys(sorted(posts), until)
            made = known.model_copy(update={"posts": others | given})
        write_whole(study.root / FILE, made.to_json().encode())


def posts_from(study: Study, folder: Path) -> frozenset[str]:
    """Return the posts whose files lie in a folder, excluded ones too.

    Raises
    ------
    StudyError
        The study cannot be read.
    """
    places = (folder.absolute(), folder.resolve())

    def lies_there(path: str) -> bool:
        return any(Path(path).is_relative_to(place) for place in places)

    posts = map(study.post, study.post_ids(excluded=True))
    return frozenset(post.id for post in posts if any(lies_there(file.path) for file in post.files))


def expired(study: Study, on: date | None = None) -> Mapping[str, date]:
    """Return the posts that may not be kept any longer, with their last day, the earliest first.

    Parameters
    ----------
    study : Study
        The study.
    on : date, optional
        The day that is asked about; today when left out.

    Returns
    -------
    mapping of str to date
        Excluded posts too: their records are still there.

    Raises
    ------
    StudyError
        The study cannot be read.
    """
    known, day = read_retention(study.root), on or date.today()
    if known.until is None and not known.posts:
        return {}
    last = {post_id: known.posts.get(post_id, known.until) for post_id in study.post_ids(excluded=True)}
    found = {post_id: until for post_id, until in last.items() if until is not None and until < day}
    return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))


def describe_expired(study: Study) -> list[str]:
    """Return a note on the posts that may not be kept any longer, if there are any."""
    found = expired(study)
    if not found:
        return []
    first = next(iter(found.values()))
    return [f"{counted(len(found), 'post')} may not be kept any longer (first: {first}). Remove with: valex expire"]
