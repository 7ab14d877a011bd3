"""The lines of a script in whole milliseconds, as subtitle and annotation formats need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from valex_local.records import Post, Script
from valex_local.rendering.lines import script_lines

LONGEST_WITHOUT_END = 5000
"""Maximum duration, in milliseconds, of a line without an end, which otherwise lasts until the next line starts."""


@dataclass(frozen=True)
class TimedSpan:
    """A span of time [start, end) in milliseconds, never empty, with its text on one line."""

    start: int
    end: int
    text: str
    speaker: str = ""


@dataclass(frozen=True)
class TimedScript:
    """A post and the lines of its script that have times, by kind and sorted by time.

    Screen text includes lines that repeat speech.
    """

    post: Post
    script: Script
    speech: tuple[TimedSpan, ...]
    screen_text: tuple[TimedSpan, ...]
    actions: tuple[TimedSpan, ...]


def timed_lines(post: Post, script: Script) -> tuple[TimedScript, int]:
    """Return the lines of a script that have a time, and the number of lines without one."""
    lines = [line for line in script_lines(script) if line.kind in ("dialogue", "text", "action")]
    starts = sorted(milliseconds(line.start) for line in lines if line.start is not None)
    spans: dict[str, list[TimedSpan]] = {"dialogue": [], "text": [], "action": []}
    for line in lines:
        if line.start is not None:
            start, end = _span(line.start, line.end, starts)
            spans[line.kind].append(TimedSpan(start, end, line.text, line.speaker or ""))
    for found in spans.values():
        found.sort(key=lambda span: (span.start, span.end))
    timed = TimedScript(post, script, *map(tuple, spans.values()))
    return timed, len(lines) - len(starts)


def _span(start: float, end: float | None, starts: Sequence[int]) -> tuple[int, int]:
    first = milliseconds(start)
    if end is not None:
        return first, max(milliseconds(end), first + 1)
    following = next((other for other in starts if other > first), first + LONGEST_WITHOUT_END)
    return first, min(following, first + LONGEST_WITHOUT_END)


def milliseconds(seconds: float) -> int:
    """Return a time in whole milliseconds."""
    return round(seconds * 1000)


def clock(seconds: float) -> str:
    """Return a time as minutes, seconds and tenths: ``1:05.2``."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02d}.{tenths % 10}"


def lanes(spans: Sequence[TimedSpan]) -> list[list[TimedSpan]]:
    """Return spans, given sorted by start, in as few lists as possible so that none overlap; at least one list."""
    divided: list[list[TimedSpan]] = [[]]
    for span in spans:
        free = next((lane for lane in divided if not lane or lane[-1].end <= span.start), None)
        if free is None:
            divided.append(free := [])
        free.append(span)
    return divided
