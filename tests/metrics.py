"""Error rates of recognised speech and screen text, compared with the ground truth of a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rapidfuzz.distance import Levenshtein

from valex_local.records import Box, ScreenText, Track, Transcript

NEAR = 0.04
"""Maximum distance, in fractions of the frame, of the middle of a reading from the box of its caption."""


@dataclass(frozen=True)
class Errors:
    """Number of edits (substitutions, insertions, deletions) and length of the truth; both add up over clips."""

    edits: int
    length: int

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.edits + other.edits, self.length + other.length)

    @property
    def rate(self) -> float:
        return self.edits / self.length if self.length else float(self.edits > 0)


def word_errors(truth: str, heard: str) -> Errors:
    """Return word errors after Whisper's English normaliser: case, punctuation and spelling of numbers do not count."""
    from whisper.normalizers import EnglishTextNormalizer

    normal = EnglishTextNormalizer()
    right, got = normal(truth).split(), normal(heard).split()
    return Errors(Levenshtein.distance(right, got), len(right))


def speech_errors(truth: Mapping[str, Any], transcript: Transcript) -> Errors:
    """Return word errors of all segments that count, compared with all speech."""
    said = " ".join(sentence["text"] for sentence in truth["speech"])
    return word_errors(said, " ".join(segment.text for segment in transcript.segments))


@dataclass(frozen=True)
class CaptionReading:
    """A caption of the ground truth and the recognised lines at its time and place, from top to bottom."""

    text: str
    start: float
    end: float
    tracks: tuple[Track, ...]

    @property
    def read(self) -> str:
        return " ".join(track.text for track in self.tracks)

    @property
    def edits(self) -> int:
        return Levenshtein.distance(self.text, self.read)


def match_captions(truth: Mapping[str, Any], text: ScreenText) -> tuple[list[CaptionReading], list[Track]]:
    """Return the captions, each with the recognised lines that match it, and the lines that match none."""
    captions = truth["captions"]
    given: list[list[Track]] = [[] for _ in captions]
    invented = []
    for track in _lines(text):
        shares = [_overlap(track, c) if _lies_on(track.box, c["box"]) else 0.0 for c in captions]
        best = max(range(len(captions)), key=shares.__getitem__)
        (given[best] if shares[best] > 0 else invented).append(track)
    readings = [
        CaptionReading(c["text"], c["start"], c["end"], tuple(sorted(tracks, key=_reading_order)))
        for c, tracks in zip(captions, given, strict=True)
    ]
    return readings, invented


def _lines(text: ScreenText) -> Iterator[Track]:
    """Return one track for each line of the given tracks, with its share of the box."""
    for track in text.tracks:
        lines, box = track.text.split("\n"), track.box
        height = box.height / len(lines)
        for i, line in enumerate(lines):
            part = Box(left=box.left, top=box.top + i * height, width=box.width, height=height)
            yield track.model_copy(update={"text": line, "box": part})


def caption_errors(truth: Mapping[str, Any], text: ScreenText) -> Errors:
    """Return character errors caption by caption; a line that matches no caption counts as inserted."""
    readings, invented = match_captions(truth, text)
    edits = sum(r.edits for r in readings) + sum(len(track.text) for track in invented)
    return Errors(edits, sum(len(r.text) for r in readings))


def total(errors: Iterable[Errors]) -> Errors:
    return sum(errors, Errors(0, 0))


def missed(expected: Sequence[float], found: Sequence[float], within: float) -> list[float]:
    """Return the times in `expected` with no time in `found` near them."""
    return [t for t in expected if all(abs(t - f) > within for f in found)]


def _overlap(track: Track, caption: Mapping[str, Any]) -> float:
    return max(0.0, min(track.end, caption["end"]) - max(track.start, caption["start"]))


def _lies_on(box: Box, caption: Mapping[str, float]) -> bool:
    x, y = box.left + box.width / 2, box.top + box.height / 2
    right, bottom = caption["left"] + caption["width"], caption["top"] + caption["height"]
    return caption["left"] - NEAR <= x <= right + NEAR and caption["top"] - NEAR <= y <= bottom + NEAR


def _reading_order(track: Track) -> tuple[float, float]:
    return round(track.box.top, 2), track.box.left
