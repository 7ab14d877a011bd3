"""Records as people corrected them.

A correction remembers the line it is about as it was found: its text and time. It is applied to the line with that text
which starts nearest, so it survives `--redo` and lines that are renumbered. Where a better model hears something
else, its line stays as it is, and the correction is listed as lost.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from valex_local.files.text import counted
from valex_local.records import (
    CORRECTED,
    SPEAKER,
    CorrectedLine,
    Correction,
    Dialogue,
    DroppedSegment,
    Edits,
    Element,
    LineKind,
    Notice,
    Record,
    ScreenText,
    Script,
    Segment,
    Track,
    Transcript,
    Word,
)

LOST = "correction-lost"
"""Code of the notice on corrections whose line is gone."""

NEAR = 2.0
"""Maximum distance, in seconds, between the start of a line when it was corrected and now."""

STEMS = ("transcript", "text", "script")
"""Records that corrections apply to, by the first part of their name."""

R = TypeVar("R", bound=Record)


class _Line(Protocol):
    """What segments and tracks of screen text have in common."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


L = TypeVar("L", bound=_Line)


def corrected(record: R, edits: Edits, lines: Transcript | None = None) -> R:
    """Return a record as people corrected it.

    Parameters
    ----------
    record : Record
        A transcript, screen text or a script, as found; any other record is returned as it is.
    edits : Edits
        The corrections of the post.
    lines : Transcript, optional
        For a script, the transcript as found: its segments are the lines that speakers were given for.

    Returns
    -------
    Record
        The record, with a notice on what was corrected.
    """
    if isinstance(record, Transcript):
        return _transcript(record, edits)  # type: ignore[return-value]
    if isinstance(record, ScreenText):
        return _screen_text(record, edits)  # type: ignore[return-value]
    if isinstance(record, Script):
        return _script(record, edits, lines)  # type: ignore[return-value]
    return record


def place(kind: LineKind, lines: Sequence[L], edits: Edits) -> tuple[dict[int, Correction], list[str]]:
    """Return which correction applies to which line.

    Parameters
    ----------
    kind : {"speech", "text"}
        The kind of lines.
    lines : sequence of Segment or Track
        The lines as found.
    edits : Edits
        The corrections; of two of one line the later one counts.

    Returns
    -------
    placed : dict of int to Correction
        The correction of a line, by its place.
    lost : list of str
        Ids of the corrections without a line.
    """
    placed: dict[int, Correction] = {}
    lost = []
    for correction in edits.corrections:
        if correction.line is None or correction.line.kind != kind:
            continue
        at = _nearest(lines, correction.line, taken=[p for p, other in placed.items() if other.line != correction.line])
        if at is None:
            lost.append(correction.id)
        else:
            placed[at] = correction
    return placed, lost


def _nearest(lines: Sequence[_Line], wanted: CorrectedLine, taken: Sequence[int]) -> int | None:
    text = _plain(wanted.text)
    near = (
        (abs(line.start - wanted.start), place)
        for place, line in enumerate(lines)
        if place not in taken and _plain(line.text) == text and abs(line.start - wanted.start) <= NEAR
    )
    return min(near, default=(0.0, None))[1]


def _plain(text: str) -> str:
    return " ".join(text.split())


# --- speech ---------------------------------------------------------------------------------------------------------


def _transcript(found: Transcript, edits: Edits) -> Transcript:
    placed, lost = place("speech", found.segments, edits)
    added = [correction for correction in edits.corrections if correction.line is None]
    notices = _notices("speech", [*placed.values(), *added], lost)
    if not notices:
        return found
    segments, dropped = list[Segment](), list(found.dropped)
    for at, segment in enumerate(found.segments):
        correction = placed.get(at)
        if correction is not None and correction.removed:
            reason = f"removed by {correction.by}"
            dropped.append(DroppedSegment(start=segment.start, end=segment.end, text=segment.text, reason=reason))
        else:
            segments.append(segment if correction is None else _segment(segment, correction))
    segments += [segment for segment, _ in added_speech(edits, found.segments)]
    changed: dict[str, object] = {
        "segments": tuple(sorted(segments, key=lambda segment: segment.start)),
        "dropped": tuple(sorted(dropped, key=lambda segment: segment.start)),
        "notices": found.notices + notices,
    }
    if bool(segments) != bool(found.segments):
        speaks = bool(segments)
        said = {"has_verbal_sound": speaks, "has_speech": speaks, "has_sound": speaks or found.sound.has_sound}
        changed |= {"sound": found.sound.model_copy(update=said), "skipped": None if speaks else found.skipped}
    return found.model_copy(update=changed)


def _segment(segment: Segment, correction: Correction) -> Segment:
    start, end = _times(segment, correction)
    text = segment.text if correction.text is None else correction.text
    words = retimed(segment.words, text, start, end)
    return segment.model_copy(update={"text": text, "start": start, "end": end, "words": words})


def _times(line: _Line, correction: Correction) -> tuple[float, float]:
    start = line.start if correction.start is None else correction.start
    return start, max(start, line.end if correction.end is None else correction.end)


def added_speech(edits: Edits, found: Sequence[Segment]) -> Iterator[tuple[Segment, Correction]]:
    """Yield the speech that people added, numbered after the segments that were found.

    Parameters
    ----------
    edits : Edits
        The corrections.
    found : sequence of Segment
        The segments as found.

    Yields
    ------
    tuple of Segment and Correction
        The line, and the correction that added it.
    """
    added = (one for one in edits.corrections if one.line is None)
    last = max((int(segment.id[1:]) for segment in found if segment.id[1:].isdigit()), default=0)
    for number, one in enumerate(added, last + 1):
        start, end, text = one.start or 0.0, one.end or 0.0, one.text or ""
        words = retimed((), text, start, end)
        measured = dict.fromkeys(("avg_logprob", "no_speech_probability", "compression_ratio", "voice"))
        yield Segment(id=f"S{number}", start=start, end=end, text=text, words=words, **measured), one


def retimed(words: Sequence[Word], text: str, start: float, end: float) -> tuple[Word, ...]:
    """Return the words of a corrected line with their times.

    Words that were recognised keep theirs; the others share the time between their neighbours by their length.

    Parameters
    ----------
    words : sequence of Word
        The words as recognised.
    text : str
        The corrected text.
    start, end : float
        The time of the line, seconds.

    Returns
    -------
    tuple of Word
        The words, in order and within the line. New ones have probability 1.
    """
    spelled = text.split()
    matched: dict[int, Word] = {}
    plain = [word.text.strip() for word in words]
    for block in difflib.SequenceMatcher(None, plain, spelled, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            word = words[block.a + offset]
            if start <= word.start and word.end <= end:
                matched[block.b + offset] = word
    return tuple(_in_order(spelled, matched, start, end))


def _in_order(spelled: Sequence[str], matched: dict[int, Word], start: float, end: float) -> Iterator[Word]:
    at, before = 0, start
    while at < len(spelled):
        if at in matched:
            word = matched[at]
            before, at = word.end, at + 1
            yield word
            continue
        after = next((place for place in range(at, len(spelled)) if place in matched), len(spelled))
        until = max(before, matched[after].start) if after in matched else end
        yield from _spread(spelled[at:after], before, until)
        at, before = after, until


def _spread(spelled: Sequence[str], start: float, end: float) -> Iterator[Word]:
    total, done = sum(map(len, spelled)), 0
    for text in spelled:
        first = start + (end - start) * done / total
        done += len(text)
        yield Word(text=f" {text}", start=first, end=start + (end - start) * done / total, probability=1.0)


# --- screen text ----------------------------------------------------------------------------------------------------


def _screen_text(found: ScreenText, edits: Edits) -> ScreenText:
    placed, lost = place("text", found.tracks, edits)
    notices = _notices("on-screen text", list(placed.values()), lost)
    if not notices:
        return found
    tracks = tuple(_track(track, placed.get(at)) for at, track in enumerate(found.tracks))
    return found.model_copy(update={"tracks": tracks, "notices": found.notices + notices})


def _track(track: Track, correction: Correction | None) -> Track:
    if correction is None:
        return track
    if correction.removed:
        return track.model_copy(update={"left_out": f"removed by {correction.by}"})
    start, end = _times(track, correction)
    text = track.text if correction.text is None else correction.text
    return track.model_copy(update={"text": text, "start": start, "end": end, "left_out": None})


# --- scripts --------------------------------------------------------------------------------------------------------


def _script(found: Script, edits: Edits, lines: Transcript | None) -> Script:
    """Return a script with the speakers that people named: for single lines, else by another name of a speaker."""
    segments = () if lines is None else lines.segments
    placed, _ = place("speech", segments, edits)
    named = {segments[at].id: one.speaker for at, one in placed.items() if one.speaker is not None}
    named |= {segment.id: one.speaker for segment, one in added_speech(edits, segments) if one.speaker is not None}
    names = {one.speaker.casefold(): one.name for one in edits.speakers}
    changed: set[tuple[str, str]] = set()

    def spoken(element: Element) -> Element:
        if not isinstance(element, Dialogue):
            return element
        name = named.get(element.ref or "") or names.get(element.speaker.casefold(), element.speaker)
        if name == element.speaker:
            return element
        changed.add((element.speaker, name))
        return element.model_copy(update={"speaker": name})

    scenes = tuple(scene.model_copy(update={"elements": tuple(map(spoken, scene.elements))}) for scene in found.scenes)
    notices = list(_speakers_lost(found, names))
    if changed:
        text = f"{counted(len(changed), 'speaker')} named by people"
        notices.append(Notice(code=CORRECTED, text=text))
    return found.model_copy(update={"scenes": scenes, "notices": (*found.notices, *notices)}) if notices else found


def _speakers_lost(found: Script, names: Mapping[str, str]) -> Iterator[Notice]:
    """Yield a notice if people named the only speaker, and several are told apart now."""
    speakers = {e.speaker for scene in found.scenes for e in scene.elements if isinstance(e, Dialogue)}
    several = f"{SPEAKER} 1" in speakers or f"{SPEAKER} 2" in speakers
    if SPEAKER.casefold() in names and several and SPEAKER not in speakers:
        text = f"{SPEAKER} was named {names[SPEAKER.casefold()]}, but several speakers are told apart now: name each"
        yield Notice(code=LOST, text=text)


# --- notices --------------------------------------------------------------------------------------------------------


def _notices(what: str, applied: Sequence[Correction], lost: Sequence[str]) -> tuple[Notice, ...]:
    found = []
    changed = [one for one in applied if one.removed or (one.text, one.start, one.end) != (None, None, None)]
    if changed:
        people = ", ".join(dict.fromkeys(one.by for one in changed))
        found.append(Notice(code=CORRECTED, text=f"{counted(len(changed), 'line')} of {what} corrected by {people}"))
    if lost:
        text = f"{counted(len(lost), 'correction')} of {what} not applied, as the line is not there: {', '.join(lost)}"
        found.append(Notice(code=LOST, text=text))
    return tuple(found)
