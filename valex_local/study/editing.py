"""Corrections by people: making, changing and taking back what `valex_local.study.corrections` applies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from valex_local.errors import ConfigError, InputError
from valex_local.files.text import clean_text, one_line
from valex_local.files.validation import explain
from valex_local.records import (
    CorrectedLine,
    Correction,
    Edits,
    LineKind,
    Part,
    ScreenText,
    Segment,
    SpeakerName,
    Track,
    Transcript,
)
from valex_local.study.corrections import added_speech, place
from valex_local.study.lock import settings_lock
from valex_local.study.study import Study

P = TypeVar("P", bound=Part)

LONGEST_NAME = 60
"""Maximum length of the name of a person or a speaker, in characters."""


@dataclass(frozen=True)
class Change:
    """What a line should be; None leaves it as it is.

    Attributes
    ----------
    text, speaker : str, optional
        The words, and who says them.
    start, end : float, optional
        The time, seconds.
    removed : bool
        Whether there is no such line.
    """

    text: str | None = None
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    removed: bool = False


class Editor:
    """Writes the corrections that one person makes in a study.

    Parameters
    ----------
    study : Study
        The study.
    by : str
        Who makes the corrections.

    Raises
    ------
    ConfigError
        The name is empty or too long.
    """

    def __init__(self, study: Study, by: str) -> None:
        self._study = study
        self.by = one_line(clean_text(by))
        if not 0 < len(self.by) <= LONGEST_NAME:
            raise ConfigError(
                f"{by!r} cannot be the name of a person", hint=f"Use 1 to {LONGEST_NAME} characters, such as --by anna"
            )

    def correct(self, post_id: str, line: str, change: Change) -> Correction:
        """Correct a line; a line that was corrected before keeps what the change leaves open.

        Parameters
        ----------
        post_id : str
            The post.
        line : str
            The id of the line in the records: S3 for speech, T1 for screen text.
        change : Change
            What the line should be.

        Returns
        -------
        Correction
            The correction as stored.

        Raises
        ------
        InputError
            There is no such line, or it would end before it starts.
        StudyError
            The post or its records cannot be read or written.
        """
        with self._editing(post_id) as edits:
            known = self._known(post_id, line, edits)
            made = self._changed(edits, known, change)
            # In its place, because added speech is numbered in the order of its corrections.
            kept = [made if one.id == made.id else one for one in edits.corrections]
            self._write(
                post_id, edits.model_copy(update={"corrections": (*kept, *([made] if made not in kept else []))})
            )
        return made

    def add(self, post_id: str, change: Change) -> Correction:
        """Add speech that was not recognised.

        Parameters
        ----------
        post_id : str
            The post; it needs a transcript, if only an empty one.
        change : Change
            Its words, times and perhaps its speaker.

        Returns
        -------
        Correction
            The correction as stored.

        Raises
        ------
        InputError
            It lacks words or a time.
        StudyError
            The post or its records cannot be read or written.
        """
        with self._editing(post_id) as edits:
            self._study.require(post_id, "transcript", Transcript)
            made = self._changed(edits, _Known(None, None), change)
            self._write(post_id, edits.model_copy(update={"corrections": (*edits.corrections, made)}))
        return made

    def name_speaker(self, post_id: str, speaker: str, name: str) -> None:
        """Give a speaker another name in every script of a post.

        Parameters
        ----------
        post_id : str
            The post.
        speaker, name : str
            The name in the scripts as they were written, and the new one.

        Raises
        ------
        InputError
            A name is empty or too long.
        StudyError
            The post cannot be read or written.
        """
        with self._editing(post_id) as edits:
            made = _made(SpeakerName, speaker=speaker.strip(), name=name.strip(), by=self.by, on=_now())
            others = (one for one in edits.speakers if one.speaker.casefold() != made.speaker.casefold())
            self._write(post_id, edits.model_copy(update={"speakers": (*others, made)}))

    def undo(self, post_id: str, what: str) -> None:
        """Take back a correction, or the name of a speaker.

        Parameters
        ----------
        post_id : str
            The post.
        what : str
            The id of the correction, such as C2, or the speaker.

        Raises
        ------
        InputError
            There is no such correction.
        StudyError
            The post cannot be read or written.
        """
        with self._editing(post_id) as edits:
            corrections = tuple(one for one in edits.corrections if one.id != what)
            speakers = tuple(one for one in edits.speakers if one.speaker.casefold() != what.casefold())
            if len(corrections) + len(speakers) == len(edits.corrections) + len(edits.speakers):
                raise InputError(f"{post_id} has no correction {what}", hint="List them with: valex correct -s STUDY")
            self._write(post_id, edits.model_copy(update={"corrections": corrections, "speakers": speakers}))

    # --- reading and writing ----------------------------------------------------------------------------------------

    @contextmanager
    def _editing(self, post_id: str) -> Iterator[Edits]:
        """Give the edits of a post, while no other process changes any."""
        self._study.post(post_id)
        with settings_lock(self._study.root):
            yield self._study.edits(post_id) or Edits()

    def _write(self, post_id: str, edits: Edits) -> None:
        self._study.write(post_id, "edits", edits)

    def _known(self, post_id: str, line: str, edits: Edits) -> _Known:
        """Return a line as it was found, and its correction if there is one."""
        transcript = self._study.read(post_id, "transcript", Transcript, as_found=True)
        screen = self._study.read(post_id, "text", ScreenText, as_found=True)
        segments = () if transcript is None else transcript.segments
        tracks = () if screen is None else screen.tracks
        kinds: tuple[tuple[LineKind, Sequence[Segment | Track]], ...] = (("speech", segments), ("text", tracks))
        for kind, found in kinds:
            at = next((at for at, one in enumerate(found) if one.id == line), None)
            if at is not None:
                placed, _ = place(kind, found, edits)
                return _Known(_line(kind, found[at]), placed.get(at))
        added = {segment.id: one for segment, one in added_speech(edits, segments)}
        if line in added:
            return _Known(None, added[line])
        raise InputError(
            f"{post_id} has no line {line}",
            hint="The lines are named S1, S2, ... (speech) and T1, T2, ... (screen text)",
        )

    def _changed(self, edits: Edits, known: _Known, change: Change) -> Correction:
        before = known.correction
        given = {name: getattr(change, name) for name in ("text", "start", "end", "speaker")}
        if before is not None:
            given = {name: getattr(before, name) if value is None else value for name, value in given.items()}
        if known.line is not None:
            _refuse_backwards(known.line, given["start"], given["end"])
        number = max((int(one.id[1:]) for one in edits.corrections), default=0) + 1
        return _made(
            Correction,
            id=before.id if before is not None else f"C{number}",
            line=known.line,
            **given,
            removed=change.removed,
            by=self.by,
            on=_now(),
        )


@dataclass(frozen=True)
class _Known:
    """A line as it was found, None if a person added it, and the correction it has."""

    line: CorrectedLine | None
    correction: Correction | None


def _line(kind: LineKind, found: Segment | Track) -> CorrectedLine:
    return CorrectedLine(kind=kind, text=found.text, start=found.start, end=found.end)


def _refuse_backwards(line: CorrectedLine, start: float | None, end: float | None) -> None:
    first, last = line.start if start is None else start, line.end if end is None else end
    if last < first:
        raise InputError(f"the line would end ({last:g} s) before it starts ({first:g} s)", hint="Give both times")


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _made(kind: type[P], **given: Any) -> P:
    """Return a part of a record.

    Raises
    ------
    InputError
        What a person gave cannot be stored.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InputError(f"this correction cannot be made ({explain(kind, error, values=False)})") from error
