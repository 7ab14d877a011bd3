"""From Whisper's segments, which break anywhere, to lines that are sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from valex_local.stages.speech.engine import HeardWord, RawSegment

SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
CLOSING = "\"'”’»)]"
LONG_PAUSE = 1.0
"""Seconds between two words that begin a new line."""
LONG_LINE = 8.0
"""Seconds from which a line without a sentence's end breaks where Whisper broke it."""


def sentences(heard: Sequence[RawSegment]) -> list[RawSegment]:
    """Join and break what was heard in a piece so that each is a sentence where the words tell.

    Only segments of one decoding window are joined, for its figures are theirs. What has no words (a translation)
    stays as it is. No word is lost, added or moved.
    """
    lines: list[RawSegment] = []
    for has_words, window in groupby(heard, key=_window):
        segments = list(window)
        lines += _lines(segments) if has_words[0] else segments
    return lines


def _window(heard: RawSegment) -> tuple[bool, float, float, float]:
    return bool(heard.words), heard.avg_logprob, heard.no_speech_probability, heard.compression_ratio


def _lines(segments: Sequence[RawSegment]) -> Iterator[RawSegment]:
    words = [word for segment in segments for word in segment.words]
    breaks = {id(segment.words[-1]) for segment in segments}
    line: list[HeardWord] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        line.append(word)
        if following is None or _ends(line, following, whispers_break=id(word) in breaks):
            text = "".join(w.text for w in line)
            yield replace(segments[0], start=line[0].start, end=line[-1].end, text=text, words=tuple(line))
            line = []


def _ends(line: Sequence[HeardWord], following: HeardWord, *, whispers_break: bool) -> bool:
    last = line[-1]
    return (
        last.text.rstrip(CLOSING).endswith(SENTENCE_END)
        or following.start - last.end >= LONG_PAUSE
        or (whispers_break and last.end - line[0].start >= LONG_LINE)
    )
