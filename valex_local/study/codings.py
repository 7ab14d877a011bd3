"""How people coded the posts of a study: one record a post and coder, written field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from valex_local.errors import ConfigError, InputError
from valex_local.files.text import clean_text, one_line
from valex_local.files.validation import explain
from valex_local.records import CodedValue, Coding
from valex_local.schwartz import CIRCLE, State
from valex_local.study.lock import settings_lock
from valex_local.study.study import Study

LONGEST_NAME = 60
"""Maximum length of a coder's name, in characters."""

FIELDS = frozenset({"confidence", "note", "done"})
"""What can be set besides values."""


class Stale(InputError):
    """A field was changed meanwhile, such as in another tab; `coding` is what is stored now."""

    def __init__(self, coding: Coding, field: str) -> None:
        super().__init__(f"{field} was changed in another window", hint="The page shows what is stored now")
        self.coding = coding


def coder_name(name: str) -> str:
    """Return the name of a coder, checked.

    Raises
    ------
    ConfigError
        The name cannot be used.
    """
    plain = one_line(clean_text(name))
    if plain != name or not re.fullmatch(rf"[\w][\w.@+-]{{0,{LONGEST_NAME - 1}}}", name) or name.endswith(".part"):
        raise ConfigError(
            f"this name of a coder cannot be used: {name!r}",
            hint=f"Use up to {LONGEST_NAME} letters, digits and . @ + - _, starting with a letter or digit",
        )
    return name


def read_coding(study: Study, post_id: str, coder: str) -> Coding:
    """Return how a coder coded a post; empty if not yet.

    Parameters
    ----------
    study : Study
        The study.
    post_id, coder : str
        The post and the coder.

    Returns
    -------
    Coding
        The record.

    Raises
    ------
    StudyError
        The record cannot be read.
    """
    return study.read(post_id, f"coding.{coder}", Coding) or Coding(coder=coder)


def change_coding(
    study: Study, post_id: str, coder: str, field: str, value: Any, *, seen: int, script: str | None = None
) -> Coding:
    """Set one field of a coding.

    Parameters
    ----------
    study : Study
        The study.
    post_id, coder : str
        The post and the coder.
    field : str
        The name of a value, or one of `FIELDS`.
    value : JSON data
        For a value ``{"state": ..., "dominant": ..., "lines": [...]}``, or None to open it again.
    seen : int
        The revision that the person saw.
    script : str, optional
        The script whose lines are named, if there are any.

    Returns
    -------
    Coding
        The coding as stored. When `done` is set, values that are open become absent.

    Raises
    ------
    Stale
        The field was changed after that revision.
    InputError
        There is no such field, or it cannot have that value.
    StudyError
        The study cannot be read or written.
    """
    study.post(post_id)
    with settings_lock(study.root):
        before = read_coding(study, post_id, coder)
        if before.changed.get(field, 0) > seen:
            raise Stale(before, field)
        after = _changed(before, field, value)
        if script is not None and any(one.lines for one in after.values.values()):
            after = after.model_copy(update={"script": script})
        study.write(post_id, f"coding.{coder}", after)
    return after


def mark_shown(
    study: Study, post_id: str, coder: str, *, labels: tuple[str, ...] = (), coders: tuple[str, ...] = ()
) -> Coding:
    """Record what a coder was shown: which labels before the post was finished, and since when any at all.

    Parameters
    ----------
    study : Study
        The study.
    post_id, coder : str
        The post and the coder.
    labels : tuple of str
        Sets of labels.
    coders : tuple of str
        Other coders, whose decisions were shown to decide between them.

    Returns
    -------
    Coding
        The coding as stored.

    Raises
    ------
    StudyError
        The study cannot be read or written.
    """
    with settings_lock(study.root):
        before = read_coding(study, post_id, coder)
        shown = () if before.done else labels
        since = before.revision if labels and before.seen_from is None else before.seen_from
        seen = {
            "shown": _joined(before.shown, shown),
            "seen_from": since,
            "adjudicates": _joined(before.adjudicates, coders),
        }
        after = before.model_copy(update=seen)
        if after != before:
            study.write(post_id, f"coding.{coder}", after)
    return after


def codings(study: Study, coder: str) -> Iterator[tuple[str, Coding]]:
    """Yield each post that a coder has coded, with the coding, sorted by post."""
    for post_id in study.post_ids():
        if coder in study.coders(post_id):
            yield post_id, read_coding(study, post_id, coder)


def _joined(*parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _changed(before: Coding, field: str, value: Any) -> Coding:
    names = {one.value: one for one in CIRCLE}
    revision = before.revision + 1
    data = before.model_dump(mode="json")
    data |= {
        "revision": revision,
        "on": datetime.now(UTC).replace(microsecond=0),
        "changed": {**before.changed, field: revision},
    }
    if field in names:
        values = {name: one for name, one in data["values"].items() if name != field}
        data["values"] = values if value is None else {**values, field: value}
    elif field in FIELDS:
        data[field] = value
    else:
        raise InputError(f"a coding has no field {field!r}")
    if field == "done" and value is True:
        absent = CodedValue(state=State.ABSENT).model_dump(mode="json")
        data["values"] = {**dict.fromkeys(names, absent), **data["values"]}
    try:
        return Coding.model_validate(data)
    except ValidationError as error:
        raise InputError(f"this cannot be stored ({explain(Coding, error, values=False)})") from error
