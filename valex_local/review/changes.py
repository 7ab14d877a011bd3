"""Changes of a coding, field by field: each names what the field held before, so that two tabs overwrite nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from valex_local.records import CodedValue, Coding
from valex_local.schwartz import CIRCLE, State, Value

Mark = Literal["", "absent", "present", "dominant", "conflicted"]
"""What a key sets; nothing takes the decision back."""

LONGEST_NOTE = 5_000
"""Maximum length of a note, in characters."""

_MARKS: dict[str, tuple[State, bool]] = {
    "": (State.NOT_ASSESSED, False),
    "absent": (State.ABSENT, False),
    "present": (State.PRESENT, False),
    "dominant": (State.PRESENT, True),
    "conflicted": (State.CONFLICTED, False),
}


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MarkChange(_Change):
    """Another decision about a value."""

    field: Literal["mark"]
    value: Value
    before: Mark
    after: Mark


class ConfidenceChange(_Change):
    """Another confidence."""

    field: Literal["confidence"]
    value: Value
    before: Literal["low", "medium", "high"] | None
    after: Literal["low", "medium", "high"] | None


class LinesChange(_Change):
    """Other lines that show a value."""

    field: Literal["lines"]
    value: Value
    before: tuple[str, ...]
    after: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][0-9]{1,9}$")], ...], Field(max_length=500)]


class NoteChange(_Change):
    """Another note, about a value or, without one, about the post."""

    field: Literal["note"]
    value: Value | None
    before: str
    after: Annotated[str, Field(max_length=LONGEST_NOTE)]


class DoneChange(_Change):
    """The post is finished, or is not any more."""

    field: Literal["done"]
    value: None = None
    before: bool
    after: bool


Change = Annotated[MarkChange | ConfidenceChange | LinesChange | NoteChange | DoneChange, Field(discriminator="field")]


class Patch(_Change):
    """Changes that are made together or not at all."""

    changes: Annotated[tuple[Change, ...], Field(min_length=1, max_length=100)]


class Conflict(Exception):
    """A field does not hold any more what a change started from; nothing was changed."""


class Undecided(Exception):
    """The post cannot be finished: values are not decided."""


def mark_of(coded: CodedValue) -> Mark:
    """Return the decision about a value as the page names it."""
    found: Mark
    for found, pair in _MARKS.items():  # type: ignore[assignment]
        if pair == (coded.state, coded.dominant):
            return found
    raise ValueError(f"{coded.value}: {coded.state.value}")


def apply(coding: Coding, changes: Sequence[Change], now: datetime) -> Coding:
    """Return a coding with changes.

    Parameters
    ----------
    coding : Coding
        The coding as it is stored.
    changes : sequence of Change
        The changes, made in order.
    now : datetime
        The time of the change.

    Returns
    -------
    Coding
        The new coding, one revision later.

    Raises
    ------
    Conflict
        A field holds something else than a change starts from.
    Undecided
        The post cannot be finished yet.
    """
    for change in changes:
        coding = _applied(coding, change)
    if coding.done and any(coding.of(value).state is State.NOT_ASSESSED for value in CIRCLE):
        raise Undecided
    finished = coding.finished or (now if coding.done else None)
    data = coding.model_copy(update={"revision": coding.revision + 1, "changed": now, "finished": finished})
    return Coding.model_validate(data.model_dump())


def _applied(coding: Coding, change: Change) -> Coding:
    if isinstance(change, DoneChange) or change.value is None:
        if getattr(coding, change.field) != change.before:
            raise Conflict
        return coding.model_copy(update={change.field: change.after})
    coded = coding.of(change.value)
    held: Any = mark_of(coded) if isinstance(change, MarkChange) else getattr(coded, change.field)
    if held != change.before:
        raise Conflict
    update: dict[str, Any] = {change.field: change.after}
    if isinstance(change, MarkChange):
        state, dominant = _MARKS[change.after]
        update = {"state": state, "dominant": dominant, "after_machine": bool(coding.shown)}
    return with_value(coding, coded.model_copy(update=update))


def with_value(coding: Coding, coded: CodedValue) -> Coding:
    """Return a coding with another decision about one value."""
    others = {one.value: one for one in coding.values} | {coded.value: coded}
    values = tuple(others[value] for value in CIRCLE if value in others)
    return coding.model_copy(update={"values": values})


def agreed(coder: str, codings: Sequence[Coding]) -> Coding:
    """Return a coding that holds what all codings agree on, for the rest to be decided.

    Lines are kept that any coder marked for an agreed value.
    """
    values = []
    for value in CIRCLE:
        found = [coding.of(value) for coding in codings]
        if len({(one.state, one.dominant) for one in found}) == 1:
            lines = tuple(dict.fromkeys(line for one in found for line in one.lines))
            first = found[0]
            values.append(CodedValue(value=value, state=first.state, dominant=first.dominant, lines=lines))
    script = next((coding.script for coding in codings if coding.script), None)
    return Coding(coder=coder, script=script, values=tuple(values))
