"""What one line of a script from elsewhere is: speech, screen text, a heading, a fact about the video, or prose.

A line is looked at by itself; `foreign` puts lines together. What fits no kind is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto

LONGEST_HEADING = 120
"""Characters of the longest heading, genre or word on sound: what is longer is prose."""

LONGEST_NAME, MOST_NAME_WORDS = 60, 8
"""Of a speaker; Gemini's names tell much: OLD MAN IN A JACKET."""

QUOTES = {
    '"': '"”', "“": '”"', "„": '“”"', "«": "»", "»": "«", "‹": "›",
    "「": "」", "『": "』", "＂": "＂", "‘": "’", "'": "'",
}  # fmt: skip
"""Opening to closing quotation marks."""

SINGLE = "'‘"
"""Opening marks that may be apostrophes."""

SCREEN_KEYS = frozenset((
    "text", "screen text", "on screen", "on screen text", "onscreen text", "on screen caption", "on screen title",
    "text on screen", "text on the screen", "text overlay", "overlay", "overlay text", "caption", "captions",
    "caption on screen", "title card", "subtitle", "subtitles", "super", "superimposed text",
))  # fmt: skip
"""Keys of text on the screen, as `plain_key` spells them."""

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
"""Keys of remarks, as `plain_key` spells them: what follows them is nobody's speech."""

PARTS = frozenset(("cta", "graphic", "hook", "intro", "outro", "pov"))
"""Parts of a video, as `plain_key` spells them: nobody speaks so either, but text on the screen may begin with one."""

_REMARKS = NOT_SPEAKERS | PARTS

# Of a name that is not in capitals all words but these begin with one.
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
_CLOCK = r"(?:([0-9]{1,2}):)?([0-9]{1,4}):([0-5][0-9](?:[.,][0-9]{1,3})?)"
_SPAN = rf"{_CLOCK}(?:\s*[-–—]\s*{_CLOCK})?"
_TIMED = re.compile(rf"(?:[-*•]\s+)?\**[(\[]\s*{_SPAN}\s*[)\]]\**\s*[:：]?\s*(?=\S)")


class ElementKind(Enum):
    """What a line is."""

    BLANK = auto()
    GENRE = auto()
    SOUND = auto()
    HEADING = auto()  # beyond doubt: INT., EXT., SCENE 1
    CAPITALS = auto()  # a heading or a name, by what stands around it
    TEXT = auto()
    SPEECH = auto()
    PROSE = auto()


@dataclass(frozen=True)
class ParsedLine:
    """A line and what it is.

    Attributes
    ----------
    kind : ElementKind
        What it is.
    text : str
        What it says, without the marks of its kind; of speech with its quotation marks, which may close further down.
    raw : str
        All it says, on one line.
    speaker : str
        Of speech the name; of capitals and prose the name that the line would be.
    asides : tuple of str
        Parentheticals between name and speech; before them the numeral of an item in a list.
    start, end : float or None
        Seconds, where the line begins with a time.
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
        """Whether the line may belong to the one above it."""
        return self.kind in (ElementKind.PROSE, ElementKind.CAPITALS) and self.start is None

    @property
    def is_aside(self) -> bool:
        """Whether the whole line is one parenthetical."""
        return self.kind is ElementKind.PROSE and _PARENTHETICAL.fullmatch(self.text) is not None


def read_line(raw: str) -> ParsedLine:
    """Say what a line is."""
    plain = " ".join(raw.split())
    if not plain or _RULE.fullmatch(plain):
        return ParsedLine(ElementKind.BLANK)
    timed = _TIMED.match(plain)
    span = None if timed is None else _span(timed)
    if timed is None or span is None:
        return _read(plain)
    return replace(_read(plain[timed.end() :]), start=span[0], end=span[1])


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
    """Return a line without the markdown at its beginning: hashes, a bullet, the stars of the first words."""
    plain = _HASHES.sub("", plain)
    plain = _BULLET.sub("", plain)
    if first := _EMPHASIS.match(plain):
        plain = first[2] + plain[first.end() :]
    return plain


def _without_wrap(text: str) -> str:
    """Return a text without stars that are around the whole of it."""
    whole = _EMPHASIS.fullmatch(text)
    return text if whole is None else whole[2]


def unquoted(text: str) -> str:
    """Return a text without the quotation marks around the whole of it."""
    text = _without_wrap(text)
    closing = QUOTES.get(text[:1], "")
    return text[1:-1].strip() if len(text) > 1 and text[-1] in closing else text


def plain_key(name: str) -> str:
    """Return the name of a key in lower case, its words between single spaces."""
    return " ".join(re.sub(r"[-_/]", " ", name).casefold().split())


# --- times ----------------------------------------------------------------------------------------------------------


def _span(found: re.Match[str]) -> tuple[float, float | None] | None:
    """Return start and end in seconds; None where the end comes first."""
    start, end = _seconds(found.groups()[:3]), _seconds(found.groups()[3:6])
    if start is None or (end is not None and end < start):
        return None
    return start, end


def _seconds(parts: tuple[str | None, ...]) -> float | None:
    hours, minutes, seconds = parts
    if minutes is None or seconds is None:
        return None
    return round(int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", ".")), 3)


# --- kinds ----------------------------------------------------------------------------------------------------------


def _bracketed(text: str) -> ParsedLine | None:
    """Read a line that is one bracket: text on the screen, unless its key says otherwise."""
    inner = text[1:-1].strip()
    if text[:1] == "(" and text[-1:] == ")":
        keyed = _keyed(inner)
        return keyed if keyed is not None and keyed.kind is ElementKind.TEXT else None
    whole = len(text) > 2 and text[0] == "[" and text[-1] == "]" and not _SEVERAL.fullmatch(text)
    return read_bracket(inner) if whole else None


def read_bracket(inner: str) -> ParsedLine | None:
    """Say what stands between brackets; None where its key is that of a remark."""
    keyed = _KEYED.fullmatch(inner)
    key = "" if keyed is None else plain_key(keyed["name"])
    if key in NOT_SPEAKERS:
        return None
    if key == "genre" or key in SCREEN_KEYS or key in SOUND_KEYS or _SCENE.fullmatch(key):
        return _keyed(inner)
    return ParsedLine(ElementKind.TEXT, inner)


def _numbered(text: str) -> ParsedLine | None:
    """Read a line of the form ``key: words``, which may be an item of a numbered list: its numeral is an aside."""
    numeral = _NUMERAL.match(text)
    if numeral is None:
        return _keyed(text)
    line = _keyed(_unmarked(text[numeral.end() :].strip()))
    if line is None or line.kind not in (ElementKind.SPEECH, ElementKind.TEXT):
        return None
    return replace(line, asides=(numeral.group(), *line.asides))


def _keyed(text: str) -> ParsedLine | None:
    """Read a line of the form ``key: words``; None where its key is no known one and nobody's name."""
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
    return ParsedLine(ElementKind.SPEECH, rest, speaker=name, asides=asides)


def _asides(text: str) -> tuple[str, ...]:
    return tuple(f"({inner.strip()})" for inner in _ASIDE.findall(text) if inner.strip())


def _is_name(name: str, key: str, *, quoted: bool) -> bool:
    """Whether what stands before a colon names who speaks: in capitals or, before quoted words, Like This."""
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
    """Whether a key, which may be numbered (``shot 1``), is that of a remark or of a part of the video."""
    return _LAST_NUMBER.sub("", key) in _REMARKS


def _cue(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the name, and its parentheticals, that a line would be if it stood above a speech; else nothing."""
    found = _CUE.fullmatch(text)
    if found is None or not found["name"].isupper() or _is_remark(plain_key(found["name"])):
        return "", ()
    if _TRANSITION.fullmatch(found["name"]) or len(found["name"].split()) > MOST_NAME_WORDS:
        return "", ()
    return found["name"].strip(), _asides(found["asides"])
