"""Who says which words: lines of speech divided where the speaker changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from valex_local.records import Segment, Speakers, SpeakerSegment, Word


@dataclass(frozen=True)
class SpokenPart:
    """The part of a line that one speaker says; times in seconds."""

    speaker: str
    text: str
    start: float
    end: float


def spoken_parts(segments: Sequence[Segment], speakers: Speakers | None) -> Mapping[str, tuple[SpokenPart, ...]]:
    """Return who says what of each line.

    A word belongs to the speaker with whom it has most time in common, or who is nearest.

    Parameters
    ----------
    segments : sequence of Segment
        The lines of speech.
    speakers : Speakers or None
        Who speaks when.

    Returns
    -------
    mapping of str to tuple of SpokenPart
        Id of a segment to its parts, in order of time. Empty where fewer than two speakers were found.
    """
    if speakers is None or not speakers.several:
        return {}
    return {segment.id: tuple(_parts(segment, speakers.segments)) for segment in segments}


def _parts(segment: Segment, turns: Sequence[SpeakerSegment]) -> Iterator[SpokenPart]:
    by_speaker = [
        (speaker, list(words))
        for speaker, words in groupby(segment.words, key=lambda w: _speaker(w.start, w.end, turns))
    ]
    text = "".join(word.text for word in segment.words)
    if len(by_speaker) < 2 or _plain(text) != _plain(segment.text):
        # Without words, or with a text that is not that of its words, a line cannot be divided.
        yield SpokenPart(_speaker(segment.start, segment.end, turns), segment.text.strip(), segment.start, segment.end)
        return
    for place, (speaker, words) in enumerate(by_speaker):
        start = segment.start if place == 0 else words[0].start
        end = segment.end if place == len(by_speaker) - 1 else words[-1].end
        yield SpokenPart(speaker, _joined(words), max(start, segment.start), max(start, end))


def _speaker(start: float, end: float, turns: Sequence[SpeakerSegment]) -> str:
    """Return who has most of a time, or is nearest to it."""
    shared: dict[str, float] = {}
    for turn in turns:
        common = min(end, turn.end) - max(start, turn.start)
        if common > 0:
            shared[turn.speaker] = shared.get(turn.speaker, 0.0) + common
    if shared:
        return max(shared, key=lambda speaker: shared[speaker])
    return min(turns, key=lambda turn: max(start - turn.end, turn.start - end)).speaker


def _joined(words: Sequence[Word]) -> str:
    return "".join(word.text for word in words).strip()


def _plain(text: str) -> str:
    return " ".join(text.split())
