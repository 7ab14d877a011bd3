"""Read subtitles (SRT and WebVTT) as the lines of a script, one for each cue, with its time."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from valex_local.exchange.line_parser import ElementKind, read_line
from valex_local.rendering.subtitles import WORD_JOINER

VOICE = "VOICE"
"""Speaker of cues that name none."""

_TIME = r"(?:[0-9]{1,2}:)?[0-9]{1,4}:[0-5]?[0-9](?:[.,][0-9]{1,3})?"
_STREAM = re.compile(r"X-TIMESTAMP-MAP=(?=.*\bMPEGTS:(?P<ticks>-?[0-9]{1,12})\b)(?=.*\bLOCAL:(?P<local>[0-9:.]{1,16}))")
"""Header of WebVTT cut from a stream (RFC 8216, 3.5): which tick of the stream, of 90,000 a second, is which time."""
_CUE = re.compile(rf"\s*({_TIME})\s*-->\s*({_TIME})(?:\s+[a-z]+:\S+)*\s*")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]{1,60})>")
_TAG = re.compile(r"</?(?:[a-z][^<>]{0,80}|[0-9:.]+)>|\{\\[^{}]{0,80}\}")
_BLOCKS = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)(?:\s.*)?")


@dataclass(frozen=True)
class Subtitles:
    """Subtitles as a script.

    Attributes
    ----------
    text : str
        The lines of the script.
    cues, nameless : int
        Cues with words, and those without a speaker.
    offset : float
        Seconds by which the file says that its times differ from those of the stream it was cut from.
    """

    text: str
    cues: int
    nameless: int
    offset: float = 0.0


def read_subtitles(text: str) -> Subtitles | None:
    """Return subtitles as a script; None if the text is something else.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    Subtitles or None
        The script.
    """
    blocks = _blocks(text)
    if not _starts(blocks):
        return None
    lines, nameless, times = list[str](), 0, ""
    for block in blocks:
        at = next((at for at, line in enumerate(block[:2]) if _CUE.fullmatch(line)), None)
        if at is None and block and _BLOCKS.fullmatch(block[0].strip()):
            continue
        if at is None and any(read_line(line).start is not None for line in block):
            return None  # a script with some times in the form of cues
        # A block without a time continues the cue above it, which contains an empty line.
        for start, end, words in [("", "", " ".join(block))] if at is None else _cues(block[at:]):
            if start:
                times = f"[{start} - {end}] " if start <= end else f"[{start}] "
            line, named = _line(words)
            if line:
                lines.append(f"{times}{line}")
                nameless += not named
    return Subtitles("\n".join(lines), len(lines), nameless, _offset(blocks[0]))


@dataclass(frozen=True)
class Cue:
    """A cue: its time in milliseconds, its words without markup, and the speaker if a voice tag names one."""

    start: int
    end: int
    text: str
    speaker: str = ""


def read_cues(text: str) -> list[Cue] | None:
    """Return the cues of subtitles; None if the text is something else.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of Cue or None
        The cues, in the order of the file.
    """
    found: list[tuple[int, int, list[str]]] = []
    blocks = _blocks(text)
    if not _starts(blocks):
        return None
    for block in blocks:
        at = next((at for at, line in enumerate(block[:2]) if _CUE.fullmatch(line)), None)
        if at is not None:
            start, end = _CUE.fullmatch(block[at]).groups()  # type: ignore[union-attr]
            found.append((round(_seconds(start) * 1000), round(_seconds(end) * 1000), block[at + 1 :]))
        elif found and not (block and _BLOCKS.fullmatch(block[0].strip())):
            found[-1][2].extend(block)
    escaped = bool(blocks) and bool(blocks[0]) and blocks[0][0].strip().startswith("WEBVTT")
    return [_cue(start, end, " ".join(lines), escaped) for start, end, lines in found]


def _cue(start: int, end: int, words: str, escaped: bool) -> Cue:
    voice = _VOICE.search(words)
    plain = _TAG.sub("", _VOICE.sub("", words))
    speaker = "" if voice is None else voice[1]
    if escaped:  # as in WebVTT
        plain, speaker = html.unescape(plain), html.unescape(speaker)
    plain, speaker = (" ".join(part.replace(WORD_JOINER, "").split()) for part in (plain, speaker))
    return Cue(start, max(start, end), plain, speaker)


def _blocks(text: str) -> list[list[str]]:
    """Return the lines of each part of a file between empty lines."""
    return [block.splitlines() for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip("\ufeff\n "))]


def _offset(header: list[str]) -> float:
    """Return the difference between the times of a stream and those of its subtitles, seconds."""
    found = next(filter(None, map(_STREAM.search, header)), None)
    if found is None or not re.fullmatch(_TIME, found["local"]):
        return 0.0
    return round(int(found["ticks"]) / 90_000 - _seconds(found["local"]), 3)


def _seconds(time: str) -> float:
    parts = time.replace(",", ".").split(":")
    return sum(float(part) * (1, 60, 3600)[place] for place, part in enumerate(reversed(parts)))


def _clock(time: str) -> str:
    """Return a time in the one form that sorts and that lines of scripts have."""
    whole, milliseconds = divmod(round(_seconds(time) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds:03}"


def _starts(blocks: list[list[str]]) -> bool:
    """Whether the first block with a cue is the first, or follows the header of WebVTT."""
    if blocks and blocks[0] and blocks[0][0].strip().startswith("WEBVTT"):
        return True
    return bool(blocks) and any(_CUE.fullmatch(line) for line in blocks[0][:2])


def _cues(block: list[str]) -> list[tuple[str, str, str]]:
    """Return start, end and words of the cues in a block that starts with a time."""
    cues: list[tuple[str, str, list[str]]] = []
    for at, line in enumerate(block):
        if found := _CUE.fullmatch(line):
            cues.append((_clock(found[1]), _clock(found[2]), []))
        elif not (line.strip().isdigit() and at + 1 < len(block) and _CUE.fullmatch(block[at + 1])):
            cues[-1][2].append(line)
    return [(start, end, " ".join(" ".join(turn).split())) for start, end, words in cues for turn in _turns(words)]


def _turns(words: list[str]) -> list[list[str]]:
    """Return the lines of a cue, apart by who speaks: where several lines begin with a dash, each is another one."""
    if sum(line.lstrip().startswith(("-", "–", "—")) for line in words) < 2:
        return [words]
    turns: list[list[str]] = []
    for line in words:
        plain = line.lstrip()
        if plain.startswith(("-", "–", "—")) or not turns:
            turns.append([plain.lstrip("-–— ")])
        else:
            turns[-1].append(plain)
    return turns


def _line(words: str) -> tuple[str, bool]:
    """Return the words of a cue as a line of a script, and whether a speaker is named or none speaks."""
    voice = _VOICE.search(words)
    plain = " ".join(_TAG.sub("", _VOICE.sub("", words)).split())
    if not plain:
        return "", True
    if voice is not None:
        return f"{voice[1].strip().upper()}: {plain}", True
    if re.fullmatch(r"\[[^\[\]]*\]|\([^()]*\)", plain):
        return f"({plain[1:-1]})", True  # a sound, such as [music]
    if read_line(plain).kind is ElementKind.SPEECH:
        return plain, True
    return f"{VOICE}: {plain}", False
