"""Render timed lines as subtitles in SubRip and WebVTT."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Protocol

from valex_local.records import SPEAKER
from valex_local.rendering.timing import TimedSpan

WORD_JOINER = "\u2060"
"""A character of zero width that allows no line break; it separates characters that would be markup together."""

# Many readers take any line that contains two times for the start of a cue.
_TIME = r"(?:(?<=:\d)|(?<=:\d\d))(?=[.,]\d)"


class SubtitleFormat(Protocol):
    """A subtitle format; `suffix` is the extension of its files."""

    suffix: str

    def __call__(self, spans: Sequence[TimedSpan]) -> str:
        """Return the text of a file for spans sorted by start."""


class Srt:
    """SubRip. The format has no escapes, so characters that would be markup are separated by a word joiner."""

    suffix = ".srt"

    # Tags, the SubStation overrides that many players support, and the arrow.
    _marks = re.compile(rf"(?<=<)|(?<=\{{)|(?<=--)(?=>)|{_TIME}")

    def __call__(self, spans: Sequence[TimedSpan]) -> str:
        """Return numbered cues."""
        cues = (
            f"{number}\n{_clock(span.start, ',')} --> {_clock(span.end, ',')}\n{self._payload(span)}\n"
            for number, span in enumerate(spans, 1)
        )
        return "\n".join(cues)

    def _payload(self, span: TimedSpan) -> str:
        return self._marks.sub(WORD_JOINER, span.text)


class Vtt:
    """WebVTT (https://www.w3.org/TR/webvtt1/). The speaker, if known, is a voice tag."""

    suffix = ".vtt"

    def __call__(self, spans: Sequence[TimedSpan]) -> str:
        """Return the header and the cues."""
        cues = (f"{_clock(span.start, '.')} --> {_clock(span.end, '.')}\n{self._payload(span)}\n" for span in spans)
        return "\n".join(["WEBVTT\n", *cues])

    def _payload(self, span: TimedSpan) -> str:
        text = self._escaped(span.text)
        if span.speaker in ("", SPEAKER):
            return text
        # A dash before the bracket that ends the tag could be read as part of an arrow.
        name = self._escaped(span.speaker)
        return f"<v {name}{WORD_JOINER if name.endswith('-') else ''}>{text}</v>"

    def _escaped(self, text: str) -> str:
        return html.escape(re.sub(_TIME, WORD_JOINER, text), quote=False)


def _clock(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"
