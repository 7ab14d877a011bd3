"""What people coded: a file ``posts/<post_id>/coding.<coder>.json`` for each coder, and the plan of who codes what.

Several processes may write codings of a study at once: coders on a shared disk, two tabs of one coder, a second
``valex review``. So a coding is read, changed and written under a lock of its own, which a long run does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from valex_local.errors import ConfigError, StudyError
from valex_local.files.atomic import write_whole, writing
from valex_local.records import CoderName, Coding, CodingPlan, Post
from valex_local.study.disk import no_such_post, read_bytes, visible_names
from valex_local.study.lock import codings_lock

if TYPE_CHECKING:
    from valex_local.study.study import Study

ADJUDICATED = "adjudicated"
"""The coder under whose name the decision on what coders see differently is stored."""

PLAN = "review.json"
"""The file of a study with the plan of who codes what."""

_NAME: TypeAdapter[str] = TypeAdapter(CoderName)
_KEEP = "This is the work of a person: restore the file from a backup, or move it out of the study"


def check_coder(name: str) -> str:
    """Return the name of a coder.

    Raises
    ------
    ConfigError
        It cannot be used.
    """
    try:
        return _NAME.validate_python(name)
    except ValidationError as error:
        raise ConfigError(
            f"this name of a coder cannot be used: {name!r}",
            hint="Use up to 60 letters of the English alphabet, digits, and _ + @ -",
        ) from error


def coders_of(study: Study, post_id: str) -> list[str]:
    """Return who has coded a post or begun to, sorted; `ADJUDICATED` is among them."""
    names = visible_names(study.folder(post_id))
    return sorted(name[7:-5] for name in names if name.startswith("coding.") and name.endswith(".json"))


def read_coding(study: Study, post_id: str, coder: str) -> Coding | None:
    """Return the coding of a post by a coder, or None if there is none.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.
    coder : str
        The coder.

    Returns
    -------
    Coding or None
        The coding.

    Raises
    ------
    StudyError
        The file cannot be read.
    """
    try:
        return study.read(post_id, f"coding.{check_coder(coder)}", Coding)
    except StudyError as error:
        raise StudyError(error.what, path=error.path, hint=_KEEP) from error


def change_coding(
    study: Study, post_id: str, coder: str, change: Callable[[Coding | None], Coding | None]
) -> Coding | None:
    """Change a coding of a post while nobody else does, and return it as it is stored then.

    Parameters
    ----------
    study : Study
        The study.
    post_id : str
        The post.
    coder : str
        The coder.
    change : callable
        Takes the coding as it is stored, None if there is none, and returns the new one; None changes nothing.

    Returns
    -------
    Coding or None
        The coding, None if there is none.

    Raises
    ------
    StudyError
        There is no such post, or the coding cannot be read or written.
    """
    path = study.folder(post_id) / f"coding.{check_coder(coder)}.json"
    with codings_lock(study.root):
        if study.read(post_id, "post", Post) is None:  # it was forgotten in the meantime
            raise no_such_post(study.root, post_id)
        before = read_coding(study, post_id, coder)
        after = change(before)
        if after is None:
            return before
        with writing(path):
            write_whole(path, after.to_json().encode(), shared=True)
    return after


def read_plan(study: Study) -> CodingPlan | None:
    """Return the plan of who codes what, or None if there is none.

    Raises
    ------
    StudyError
        It cannot be read.
    """
    path = study.root / PLAN
    raw = read_bytes(path)
    try:
        return None if raw is None else CodingPlan.parse(raw, path=path)
    except StudyError as error:
        hint = "Restore the file from a backup, or make a new plan with valex review plan --replace"
        raise StudyError(error.what, path=path, hint=hint) from error


def write_plan(study: Study, plan: CodingPlan) -> None:
    """Store the plan of who codes what, in place of an earlier one."""
    with codings_lock(study.root), writing(study.root):
        write_whole(study.root / PLAN, plan.to_json().encode())
