"""Posts that a study leaves out: excluded ones, with a reason, and forgotten ones, of which keyed hashes are kept."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from valex_local.errors import InputError
from valex_local.files.atomic import write_whole, writing
from valex_local.files.text import counted
from valex_local.posts.keyed_hashes import keyed_hashes
from valex_local.records import Exclusion, LeftOut
from valex_local.study.disk import read_bytes
from valex_local.study.lock import settings_lock

if TYPE_CHECKING:
    from valex_local.study.study import Study

FILE = "left-out.json"


def read_left_out(root: Path) -> LeftOut:
    """Return which posts a study leaves out; none if nobody asked for it.

    Parameters
    ----------
    root : Path
        The folder of the study.

    Returns
    -------
    LeftOut
        The posts.

    Raises
    ------
    StudyError
        The file cannot be read.
    """
    raw = read_bytes(root / FILE)
    return LeftOut() if raw is None else LeftOut.parse(raw, path=root / FILE)


def exclude(study: Study, post_ids: Iterable[str], reason: str, by: str) -> None:
    """Exclude posts: they stay in the study, but runs and figures leave them out.

    Parameters
    ----------
    study : Study
        The study.
    post_ids : iterable of str
        The posts.
    reason : str
        Why; shown in the report.
    by : str
        Who excludes them.

    Raises
    ------
    InputError
        No reason is given.
    StudyError
        The study cannot be read or written.
    """
    if not reason.strip():
        raise InputError("no reason is given", hint='Say why the posts are left out: --reason "not in English"')
    made = Exclusion(reason=reason.strip(), by=by, on=datetime.now(UTC).replace(microsecond=0))
    with settings_lock(study.root):
        known = read_left_out(study.root)
        _write(study.root, known.model_copy(update={"excluded": known.excluded | dict.fromkeys(post_ids, made)}))


def include(study: Study, name: str) -> str:
    """Take back that a post is excluded, or let a forgotten one be added again.

    Parameters
    ----------
    study : Study
        The study.
    name : str
        The id of a post, or the beginning of one that is excluded; of a forgotten post its whole id or the name of its
        file.

    Returns
    -------
    str
        What happened, for people.

    Raises
    ------
    InputError
        The name is that of no post that is left out, or of several.
    StudyError
        The study cannot be read or written.
    """
    with settings_lock(study.root):
        known = read_left_out(study.root)
        near = [name] if name in known.excluded else [one for one in known.excluded if name and one.startswith(name)]
        if len(near) > 1:
            raise InputError(f"{len(near)} excluded posts match {name!r}: {', '.join(near[:5])}", path=study.root)
        if near:
            kept = {post_id: one for post_id, one in known.excluded.items() if post_id != near[0]}
            _write(study.root, known.model_copy(update={"excluded": kept}))
            return f"{near[0]} is part of the study again"
        hashes = keyed_hashes(known.key, [name]) if known.key else frozenset()
        if not hashes & {*known.forgotten}:
            raise InputError(f"no post called {name!r} is excluded or forgotten", path=study.root)
        kept_hashes = tuple(one for one in known.forgotten if one not in hashes)
        _write(study.root, known.model_copy(update={"forgotten": kept_hashes}))
        return f"{name} can be added again with: valex run VIDEOS -s STUDY"


def remember_forgotten(study: Study, post_id: str, files: Sequence[str]) -> None:
    """Remember that a post was forgotten, by keyed hashes of its names, and take it off the list of excluded posts.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.
    files : sequence of str
        Paths of its files, which may carry the number of the post.

    Raises
    ------
    StudyError
        The study cannot be read or written.
    """
    with settings_lock(study.root):
        known = read_left_out(study.root)
        key = known.key or secrets.token_hex(16)
        hashes = keyed_hashes(key, [post_id, *(Path(path).name for path in files)])
        excluded = {name: one for name, one in known.excluded.items() if name != post_id}
        forgotten = tuple(sorted({*known.forgotten, *hashes}))
        _write(study.root, known.model_copy(update={"excluded": excluded, "key": key, "forgotten": forgotten}))


def is_forgotten(left_out: LeftOut, post_id: str) -> bool:
    """Whether a post was forgotten.

    Parameters
    ----------
    left_out : LeftOut
        The posts that a study leaves out.
    post_id : str
        The id of the post.

    Returns
    -------
    bool
        True if a post with this id, or with the same TikTok number, was forgotten.
    """
    return bool(left_out.key) and not keyed_hashes(left_out.key, [post_id]).isdisjoint(left_out.forgotten)


def describe(left_out: LeftOut) -> list[str]:
    """Return notes on the excluded posts: how many for each reason."""
    reasons = Counter(one.reason for one in left_out.excluded.values())
    if not reasons:
        return []
    listed = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    return [f"{counted(len(left_out.excluded), 'post')} excluded: {listed}"]


def _write(root: Path, left_out: LeftOut) -> None:
    with writing(root):
        write_whole(root / FILE, left_out.to_json().encode())
