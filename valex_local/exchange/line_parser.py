"""Recognise one line of an imported script as speech, screen text, a heading, a fact about the video, or prose.

Each line is parsed by itself; `script_parser` puts lines together. A line of no other kind is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

from valex_local.exchange.clocks import CLOCKS, is_about_time, span

LONGEST_HEADING = 120
"""Maximum length of a heading, genre or statement about sound, in characters; longer lines are prose."""

LONGEST_NAME, MOST_NAME_WORDS = 60, 8
"""Maximum characters and words of a speaker's name; Gemini's names are descriptive: OLD MAN IN A JACKET."""

QUOTES = {
    '"': '"”', "“": '”"', "„": '“”"', "«": "»", "»": "«", "‹": "›",
    "「": "」", "『": "』", "＂": "＂", "‘": "’", "'": "'",
}  # fmt: skip
"""Closing quotation marks for each opening one."""

SINGLE = "'‘"
"""Opening quotation marks that may be apostrophes."""

SCREEN_KEYS = frozenset((
    "text", "screen text", "on screen", "on screen text", "onscreen text", "on screen caption", "on screen title",
    "text on screen", "text on the screen", "text overlay", "overlay", "overlay text", "caption", "captions",
    "caption on screen", "title card", "subtitle", "subtitles", "super", "superimposed text",
))  # fmt: skip
"""Keys of on-screen text, as spelled by `plain_key`."""

SOUND_KEYS = frozenset(("sound", "has sound"))

NOT_SPEAKERS = frozenset((
    "act", "action", "actions", "analysis", "angle", "angle on", "atmosphere", "audio", "background",
    "background music", "camera", "cast", "characters", "clip", "close up", "close up on", "cut to", "date",
    "description", "dialogue", "duration", "emotion", "emotions", "end", "expression", "expressions", "ext", "fade in",
    "fade out", "fade to", "fade to black", "format", "hashtags", "insert", "int", "language", "length", "lighting",
    "location", "logline", "montage", "mood", "music", "note", "notes", "overall", "overall tone", "overview", "place",
    "plot", "post", "prop", "props", "script", "setting", "sfx", "shot", "sound effect", "sound effects", "subtext",
    "summary", "theme", "themes", "time", "title", "tone", "transition", "video", "video script", "video title",
    "visual", "visuals", "warning",
))  # fmt: skip
"""Keys of remarks, as spelled by `plain_key`; the text after them is not speech."""

PARTS = frozenset(("cta", "graphic", "hook", "intro", "outro", "pov"))
"""Keys of parts of a video, as spelled by `plain_key`; they are not speakers, but on-screen text may start with one."""

_REMARKS = NOT_SPEAKERS | PARTS

# In a name that is not in capitals, all words except these start with a capital.
_SMALL = frozenset(("a", "an", "and", "at", "by", "de", "der", "from", "in", "la", "le", "of", "on", "the", "to", "von",
                    "with"))  # fmt: skip

_STATED = re.compile(r"(?:yes|no|none|true|false|unknown)\b.*", re.IGNORECASE)
_RULE = re.compile(r"(?:[-_=~*#]\s*){3,}|(?:```|~~~)[A-Za-z]{0,12}")
_NUMERAL = re.compile(r"[0-9]{1,3}[.)](?=\s)")
_LAST_NUMBER = re.compile(r" ?#?[0-9]+$")
_SEVERAL = re.compile(r"\[[^\[\]]*\].*\[[^\[\]]*\]")
_BULLET = re.compile(r"^[-*•]\s+")
_HASHES = re.compile(r"^#{1,6}\s+")
_EMPHASIS = re.compile(r"(\*{1,3})(?!\s)([^*]+)(?<!\s)\1")
_ASIDE = re.compile(r"\**[(\[]([^()\[\]]*)[)\]]\**\s*")
_PARENTHETICAL = re.compile(r"\([^()]*\)")
_KEYED = re.compile(
    r"(?P<name>[^\s:：\"“”„«»()\[\]*][^:：\"“”„«»()\[\]*]{0,79}?)\s*"
    r"(?P<asides>(?:[*\s]*[(\[][^()\[\]]*[)\]])*)[*\s]*(?P<colon>[:：]\**\s*)(?P<rest>.*)"
)
_CUE = re.compile(r"(?P<name>[^()\[\]:：\"“”]{1,60}?)\s*(?P<asides>(?:\([^()]*\)\s*)*)")
_STANDARD = re.compile(r"(?:INT|EXT|I/E)\b.*|(?i:(?:int|ext)\.(?:/ext\.)?\s.*|scene\s*#?[0-9].*)")
_SCENE = re.compile(r"scene(?: heading)?(?: #?\d+\w?)?")
_TRANSITION = re.compile(r"(?:SMASH |MATCH |JUMP )?CUT\b.*|FADE\b.*|DISSOLVE\b.*|(?:THE )?END\b.*")
_TIMED = re.compile(r"(?:[-*•]\s+)?\**[(\[{【]\s*(?P<time>[^()\[\]{}【】]{1,40}?)\s*[)\]}】]\**\s*[:：]?\s*")
_ANGLED = re.compile(r"<([0-9:.,\s–-]{3,30})>")
_TIMED_END = re.compile(r"\s*[(\[](?P<time>[^()\[\]]{1,40})[)\]]")
_BARE = re.compile(rf"(?:[-*•]\s+)?(?P<bold>\**)(?P<time>{CLOCKS})\**(?![\w.,])\s*(?P<mark>[:：|]|[-–—](?=\s))?\**\s*")
_HALF_DAY = re.compile(r"[ap]\.?m\b", re.IGNORECASE)
_AT_END = re.compile(r"(?P<heading>.*\S)\s*[(\[]\s*(?P<time>[^()\[\]]{1,40}?)\s*[)\]]")


class ElementKind(Enum):
    """The kind of a line."""

    BLANK = auto()
    GENRE = auto()
    SOUND = auto()
    HEADING = auto()  # unambiguous: INT., EXT., SCENE 1
    CAPITALS = auto()  # a heading or a name, depending on the lines around it
    TEXT = auto()
    SPEECH = auto()
    TIME = auto()  # the time of the lines below
    PROSE = auto()


@dataclass(frozen=True)
class ParsedLine:
    """A parsed line.

    Attributes
    ----------
    kind : ElementKind
        Its kind.
    text : str
        Its content without the markup of its kind. Speech keeps its quotation marks, which may close on a later line.
    raw : str
        The whole line, with single spaces.
    speaker : str
        For speech, the name of the speaker; for capitals and prose, the name if the line is one.
    asides : tuple of str
        Parentheticals between name and speech, preceded by the number of a list item.
    start, end : float or None
        Seconds, if the line starts with a time.
    """

    kind: ElementKind
    text: str = ""
    raw: str = ""
    speaker: str = ""
    asides: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None

    @property
    def goes_on(self) -> bool:
        """Whether the line may continue the one above it."""
        return self.kind in (ElementKind.PROSE, ElementKind.CAPITALS) and self.start is None

    @property
    def is_aside(self) -> bool:
        """Whether the whole line is one parenthetical."""
        return self.kind is ElementKind.PROSE and _PARENTHETICAL.fullmatch(self.text) is not None


def read_line(raw: str) -> ParsedLine:
    """Return a line with its kind."""
    plain = " ".join(raw.split())
    if not plain or _RULE.fullmatch(plain):
        return ParsedLine(ElementKind.BLANK)
    plain = _ANGLED.sub(r"[\1]", plain, count=1) if _ANGLED.match(plain) else plain
    hashes = _HASHES.match(plain)
    if hashes is not None and ":" in plain and (times := span(plain[hashes.end() :])) is not None:
        return _with_times("", times, plain[hashes.end() :])
    timed = _TIMED.match(plain)
    times = None if timed is None else span(timed["time"])
    if timed is not None and times is not None:
        return _with_times(plain[timed.end() :], times, timed["time"])
    return (
        _after_bare_time(plain)
        or _after_odd_time(plain, timed)
        or _after_number(plain)
        or _heading_with_time(plain)
        or _read(plain)
    )


def _after_odd_time(plain: str, timed: re.Match[str] | None) -> ParsedLine | None:
    """Return speech or screen text after a time that cannot be understood, which is kept; None for other lines."""
    if timed is None or not is_about_time(timed["time"]):
        return None
    line = _read(plain[timed.end() :].strip())
    known = line.kind in (ElementKind.SPEECH, ElementKind.TEXT)
    return replace(line, raw=plain, asides=(f"({timed['time']})", *line.asides)) if known else None


def _after_number(plain: str) -> ParsedLine | None:
    """Return a timed line after the number of a list item, which is kept as an aside; None for other lines."""
    numeral = _NUMERAL.match(plain)
    if numeral is None:
        return None
    rest = plain[numeral.end() :].strip()
    timed = _TIMED.match(rest)
    times = None if timed is None else span(timed["time"])
    if timed is not None and times is not None:
        line: ParsedLine | None = _with_times(rest[timed.end() :], times, timed["time"])
    else:
        line = _after_bare_time(rest)
    if line is None or line.kind not in (ElementKind.SPEECH, ElementKind.TEXT):
        return None
    return replace(line, raw=plain, asides=(numeral.group(), *line.asides))


def _with_times(rest: str, times: tuple[float, float | None], raw: str) -> ParsedLine:
    line = _read(rest) if rest else ParsedLine(ElementKind.TIME, raw, raw)
    return replace(line, start=times[0], end=times[1])


def _after_bare_time(plain: str) -> ParsedLine | None:
    """Return a line that starts with a time without brackets; None if the time may be part of what it says."""
    timed = _BARE.match(plain)
    times = None if timed is None else span(timed["time"])
    if timed is None or times is None:
        return None
    rest = plain[timed.end() :]
    if _HALF_DAY.match(rest):
        return None
    line = _with_times(rest, times, timed["time"])
    sure = times[1] is not None or (bool(timed["bold"]) and bool(rest)) or (timed["mark"] and timed["time"][0] == "0")
    return line if sure or line.kind in (ElementKind.SPEECH, ElementKind.TEXT, ElementKind.HEADING) else None


def _heading_with_time(plain: str) -> ParsedLine | None:
    """Return a heading that ends with a time in brackets; None for other lines."""
    ended = _AT_END.fullmatch(plain) if plain[-1] in ")]" else None
    times = None if ended is None else span(ended["time"])
    if ended is None or times is None:
        return None
    line = _read(ended["heading"])
    return replace(line, start=times[0], end=times[1]) if line.kind is ElementKind.HEADING else None


def _read(plain: str) -> ParsedLine:
    unmarked = _unmarked(plain)
    line = _bracketed(unmarked) or _numbered(unmarked)
    if line is not None:
        return replace(line, raw=plain)
    if len(unmarked) <= LONGEST_HEADING and (_HASHES.match(plain) or _STANDARD.fullmatch(unmarked)):
        return ParsedLine(ElementKind.HEADING, unmarked, plain)
    speaker, asides = _cue(unmarked)
    no_place = _TRANSITION.fullmatch(unmarked) or _SEVERAL.fullmatch(unmarked)
    capitals = unmarked.isupper() and len(unmarked) <= LONGEST_HEADING and not no_place
    text = unmarked if capitals else _without_wrap(plain)
    return ParsedLine(ElementKind.CAPITALS if capitals else ElementKind.PROSE, text, plain, speaker, asides)


# --- marks ----------------------------------------------------------------------------------------------------------


def _unmarked(plain: str) -> str:
    """Return a line without Markdown at its start: hashes, a bullet, asterisks around the first words."""
    plain = _HASHES.sub("", plain)
    plain = _BULLET.sub("", plain)
    if first := _EMPHASIS.match(plain):
        plain = first[2] + plain[first.end() :]
    return plain


def _without_wrap(text: str) -> str:
    """Return a text without asterisks that enclose all of it."""
    whole = _EMPHASIS.fullmatch(text)
    return text if whole is None else whole[2]


def unquoted(text: str) -> str:
    """Return a text without quotation marks that enclose all of it."""
    text = _without_wrap(text)
    closing = QUOTES.get(text[:1], "")
    return text[1:-1].strip() if len(text) > 1 and text[-1] in closing else text


def plain_key(name: str) -> str:
    """Return the name of a key in lower case, with words separated by single spaces."""
    return " ".join(re.sub(r"[-_/]", " ", name).casefold().split())


# --- kinds ----------------------------------------------------------------------------------------------------------


def _bracketed(text: str) -> ParsedLine | None:
    """Return a line in brackets, which is on-screen text unless its key says otherwise; None for other lines."""
    inner = text[1:-1].strip()
    if text[:1] == "(" and text[-1:] == ")":
        keyed = _keyed(inner)
        return keyed if keyed is not None and keyed.kind is ElementKind.TEXT else None
    whole = len(text) > 2 and text[0] == "[" and text[-1] == "]" and not _SEVERAL.fullmatch(text)
    return read_bracket(inner) if whole else None


def read_bracket(inner: str) -> ParsedLine | None:
    """Return the line between brackets; None if its key is that of a remark."""
    keyed = _KEYED.fullmatch(inner)
    key = "" if keyed is None else plain_key(keyed["name"])
    if key in NOT_SPEAKERS:
        return None
    if key == "genre" or key in SCREEN_KEYS or key in SOUND_KEYS or _SCENE.fullmatch(key):
        return _keyed(inner)
    timed = _BARE.match(inner)
    times = None if timed is None else span(timed["time"])
    if timed is not None and times is not None and timed["mark"] and (times[1] is not None or timed["time"][0] == "0"):
        return ParsedLine(ElementKind.TEXT, inner[timed.end() :], start=times[0], end=times[1])
    return ParsedLine(ElementKind.TEXT, inner)


def _numbered(text: str) -> ParsedLine | None:
    """Return a line of the form ``key: words``, which may be an item of a numbered list; the number is an aside."""
    numeral = _NUMERAL.match(text)
    if numeral is None:
        return _keyed(text)
    line = _keyed(_unmarked(text[numeral.end() :].strip()))
    if line is None or line.kind not in (ElementKind.SPEECH, ElementKind.TEXT):
        return None
    return replace(line, asides=(numeral.group(), *line.asides))


def _keyed(text: str) -> ParsedLine | None:
    """Return a line of the form ``key: words``; None if the key is neither a known one nor a name."""
    found = _KEYED.fullmatch(text)
    if found is None:
        return None
    name, rest = found["name"].strip(), _without_wrap(found["rest"].strip())
    asides = _asides(found["asides"])
    key = plain_key(name)
    short = 0 < len(rest) <= LONGEST_HEADING and not asides
    if key == "genre" and short:
        return ParsedLine(ElementKind.GENRE, rest)
    if key in SOUND_KEYS and short and _STATED.fullmatch(rest):
        return ParsedLine(ElementKind.SOUND, rest)
    if key in SCREEN_KEYS and rest:
        return ParsedLine(ElementKind.TEXT, unquoted(rest), asides=asides)
    if _SCENE.fullmatch(key) and len(text) <= LONGEST_HEADING:
        return ParsedLine(ElementKind.HEADING, text)
    quoted = rest[:1] in QUOTES
    if not _is_name(name, key, quoted=quoted) or not (quoted or found["colon"] != ":" or not rest):
        return None
    while leading := _ASIDE.match(rest) if rest[:1] in "(*" else None:
        asides += _asides(leading.group())
        rest = rest[leading.end() :]
    return _timed_speech(ParsedLine(ElementKind.SPEECH, rest, speaker=name, asides=asides))


def _timed_speech(line: ParsedLine) -> ParsedLine:
    """Return speech with the time that stands between its speaker and its words, or in brackets after them."""
    for aside in line.asides:
        if (times := span(aside[1:-1])) is not None:
            rest = tuple(other for other in line.asides if other != aside)
            return replace(line, asides=rest, start=times[0], end=times[1])
    at = max(line.text.rfind("("), line.text.rfind("["))
    found = _TIMED_END.fullmatch(line.text, at) if at > 0 else None
    times = None if found is None or ":" not in found["time"] else span(found["time"])
    return line if times is None else replace(line, text=line.text[:at].rstrip(), start=times[0], end=times[1])


def _asides(text: str) -> tuple[str, ...]:
    return tuple(f"({inner.strip()})" for inner in _ASIDE.findall(text) if inner.strip())


def _is_name(name: str, key: str, *, quoted: bool) -> bool:
    """Whether the text before a colon is a speaker: in capitals or, before quoted words, in Title Case."""
    words = name.split()
    if len(name) > LONGEST_NAME or len(words) > MOST_NAME_WORDS or not any(map(str.isalnum, name)):
        return False
    if _is_remark(key) or key in SCREEN_KEYS or key in SOUND_KEYS or key == "genre":
        return False
    if _TRANSITION.fullmatch(name) or _STANDARD.fullmatch(name):
        return False
    if name.isupper():
        return True
    small = (word in _SMALL and at > 0 for at, word in enumerate(words))
    return quoted and all(fine or not word[0].islower() for fine, word in zip(small, words, strict=True))


def _is_remark(key: str) -> bool:
    """Whether a key, possibly numbered (``shot 1``), is that of a remark or of a part of the video."""
    return _LAST_NUMBER.sub("", key) in _REMARKS


def _cue(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name and parentheticals in a line that could stand above a speech; "" and () if it could not."""
    found = _CUE.fullmatch(text)
    if found is None or not found["name"].isupper() or _is_remark(plain_key(found["name"])):
        return "", ()
    if _TRANSITION.fullmatch(found["name"]) or len(found["name"].split()) > MOST_NAME_WORDS:
        return "", ()
    return found["name"].strip(), _asides(found["asides"])
