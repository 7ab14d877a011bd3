"""Splits and joins Whisper's segments, which break anywhere, into sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from valex_local.stages.speech.engine import RawSegment, RecognisedWord

SENTENCE_END = (".", "!", "?", "…", "。", "！", "？", "؟", "।")
CLOSING = "\"'”’»)]"
LONG_PAUSE = 1.0
"""Seconds between two words from which a new line begins."""
LONG_LINE = 8.0
"""Seconds from which a line without a sentence end breaks where Whisper broke it."""


def sentences(recognised: Sequence[RawSegment]) -> list[RawSegment]:
    """Return the segments of a piece, joined and split so that each is a sentence as far as the words show.

    Only segments of one decoding window are joined, since they share its figures. Segments without words (translations)
    stay as they are. No word is lost, added or moved.
    """
    lines: list[RawSegment] = []
    for has_words, window in groupby(recognised, key=_window):
        segments = list(window)
        lines += _lines(segments) if has_words[0] else segments
    return lines


def _window(segment: RawSegment) -> tuple[bool, float, float | None, float]:
    return bool(segment.words), segment.avg_logprob, segment.no_speech_probability, segment.compression_ratio


def _lines(segments: Sequence[RawSegment]) -> Iterator[RawSegment]:
    words = [word for segment in segments for word in segment.words]
    breaks = {id(segment.words[-1]) for segment in segments}
    line: list[RecognisedWord] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        line.append(word)
        if following is None or _ends(line, following, at_whisper_break=id(word) in breaks):
            text = "".join(w.text for w in line)
            yield replace(segments[0], start=line[0].start, end=line[-1].end, text=text, words=tuple(line))
            line = []


def _ends(line: Sequence[RecognisedWord], following: RecognisedWord, *, at_whisper_break: bool) -> bool:
    last = line[-1]
    return (
        last.text.rstrip(CLOSING).endswith(SENTENCE_END)
        or following.start - last.end >= LONG_PAUSE
        or (at_whisper_break and last.end - line[0].start >= LONG_LINE)
    )
