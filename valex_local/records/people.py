"""What people say of posts: corrections, codings, who codes what, and which posts are left out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    model_validator,
)

from valex_local.records.base import CleanText, Fraction, Part, PlainName, Record, Seconds, Sha256
from valex_local.schwartz import State, Value

CORRECTED = "corrected"
"""Code of the notice on a record that is shown as people corrected it."""


LineKind = Literal["speech", "text"]
"""A line of speech, or on-screen text."""


class _ByPeople(Record):
    """A record that no run can make again."""

    IF_BROKEN: ClassVar[str] = "People made this file: restore it from a backup, or delete it and do it again"


class CorrectedLine(Part):
    """The line that a correction is about, as it was found: speech or a track of screen text, and its time."""

    kind: LineKind
    text: CleanText
    start: Seconds
    end: Seconds


class Correction(Part):
    """A correction of one line by a person.

    Attributes
    ----------
    id : str
        C1, C2, ... in the order in which they were made.
    line : CorrectedLine or None
        The line as it was found; None for speech that was missing.
    text, start, end, speaker : optional
        What it should be; None means as it was found.
    removed : bool
        Whether there is no such line.
    by : str
        Who made the correction.
    on : datetime
        When.
    """

    id: Annotated[str, Field(pattern=r"^C[1-9][0-9]{0,8}$")]
    line: CorrectedLine | None
    text: Annotated[CleanText, Field(max_length=10_000)] | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    speaker: Annotated[CleanText, Field(min_length=1, max_length=60)] | None = None
    removed: bool = False
    by: CleanText
    on: AwareDatetime

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.line is None and (self.text is None or self.start is None or self.end is None or self.removed):
            raise ValueError("speech that was missing needs a text, a start and an end")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError("a line cannot end before it starts")
        return self


Confidence = Literal["low", "medium", "high"]
"""How sure a person is of a decision."""

CoderNote = Annotated[CleanText, Field(max_length=10_000)]
"""A person's remark on a decision."""


class CodedValue(Part):
    """A person's decision about one value.

    Attributes
    ----------
    state : State
        What was decided.
    dominant : bool
        Whether the post is about this value.
    lines : tuple of str
        Lines of the script that show it.
    confidence : {"low", "medium", "high"} or None
        How sure the coder is.
    note : str
        The coder's remark.
    """

    state: State
    dominant: bool = False
    lines: tuple[str, ...] = ()
    confidence: Confidence | None = None
    note: CoderNote = ""

    @model_validator(mode="after")
    def _decided(self) -> Self:
        if self.state is State.NOT_ASSESSED:
            raise ValueError("a person decides a value, or leaves it open")
        if self.dominant and self.state is not State.PRESENT:
            raise ValueError("only a value that is present can be dominant")
        return self


class Coding(_ByPeople):
    """How a person coded a post (coding.<coder>.json).

    Attributes
    ----------
    coder : str
        Who.
    script : str or None
        The script that was read, and whose lines are named.
    values : dict of Value to CodedValue
        What was decided; other values are open.
    confidence : {"low", "medium", "high"} or None
        How sure the coder is of the post as a whole.
    note : str
        The coder's remark on the post.
    done : bool
        Whether the coder has finished the post.
    shown : tuple of str
        Sets of labels that the coder saw before the post was finished.
    seen_from : int or None
        The revision at which labels by models were first shown, before or after finishing: what `changed` says was
        changed later was decided with them in view.
    adjudicates : tuple of str
        Coders whose decisions the coder saw to decide between them.
    revision : int
        Number of changes so far.
    changed : dict of str to int
        The revision at which a field, or a value by its name, was last changed.
    on : datetime or None
        When it was last changed.
    """

    coder: str = ""
    script: str | None = None
    values: dict[Value, CodedValue] = Field(default={})
    confidence: Confidence | None = None
    note: CoderNote = ""
    done: bool = False
    shown: tuple[str, ...] = ()
    seen_from: int | None = Field(default=None, ge=0)
    adjudicates: tuple[str, ...] = ()
    revision: int = Field(default=0, ge=0)
    changed: dict[str, int] = Field(default={})
    on: AwareDatetime | None = None


class ReviewPlan(_ByPeople):
    """Who codes which posts, in which order (review-plan.json).

    `coders` are the posts of each; `overlap` is the share of posts that all of them code, `seed` that of the draw, and
    `sample` the name of the sample that the posts were taken from.
    """

    coders: dict[str, tuple[PlainName, ...]] = Field(default={})
    overlap: Fraction = 0.0
    seed: int = 0
    sample: str | None = None


class SpeakerName(Part):
    """Another name for a speaker of a post."""

    speaker: Annotated[CleanText, Field(min_length=1, max_length=60)]
    name: Annotated[CleanText, Field(min_length=1, max_length=60)]
    by: CleanText
    on: AwareDatetime


class Edits(_ByPeople):
    """What people corrected (edits.json): a layer over the records of a post, which stay as they were found."""

    corrections: tuple[Correction, ...] = ()
    speakers: tuple[SpeakerName, ...] = ()


class Exclusion(Part):
    """Why a post is left out of a study."""

    reason: CleanText
    by: CleanText
    on: AwareDatetime


class LeftOut(_ByPeople):
    """Posts that a run does not add or work on (left-out.json).

    `excluded` posts stay in the study, but not in figures. Of forgotten posts nothing is kept but `forgotten`, keyed
    hashes of their ids, so that they do not come back with the next search for videos.
    """

    excluded: dict[PlainName, Exclusion] = Field(default={})
    key: str = ""
    forgotten: tuple[Sha256, ...] = ()
