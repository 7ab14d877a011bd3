"""Parse the text of any script, for example one by Gemini, into a record.

The parser accepts any text. What it recognises becomes dialogue, screen text, headings, genre and sound; everything
else becomes action, word for word. So nothing is lost except markup that the record does not need:

- quotation marks around speech, and around screen text that has a key
- brackets around screen text and around text between a speaker and the colon, parentheses around screen text with a
  key
- the colon after a speaker, and after a leading time
- times such as ``(0:05.2)``, ``[00:05 - 00:08]``, ``[12s]`` and ``00:05 - 00:08`` before a line, on a line of their own
  above a block, or after a heading: they become start and end
- numbers, headers and tags of subtitles
- keys of screen text (``ON-SCREEN TEXT:``), of genre and of sound, and ``Post:`` at the start of a script
- Markdown: asterisks of emphasis, hashes of headings, bullets except in prose, and lines that are rules or fences
- ``(mumbled)`` after a speaker, which becomes a fact, and the statements about sound in `SOUNDS`

Everything else is kept in its original order, with two exceptions: a parenthetical between speaker and speech
(``GIRL (laughing): "Hi"``) becomes an action before the speech, and genre and sound become facts of the script. A
speech interrupted by a parenthetical becomes two speeches of the same speaker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from valex_local.exchange.line_parser import QUOTES, SINGLE, ElementKind, ParsedLine, read_bracket, read_line, unquoted
from valex_local.exchange.subtitles import read_subtitles
from valex_local.files.text import clean_text, counted
from valex_local.records import Action, Dialogue, Element, Notice, OnScreenText, PostLine, Scene, Script, Sound

SOUNDS: dict[str, Sound | None] = {
    "no": Sound(has_sound=False, has_verbal_sound=False, has_speech=False),
    "yes, no words": Sound(has_sound=True, has_verbal_sound=False, has_speech=False),
    "yes, words that are not spoken": Sound(has_sound=True, has_verbal_sound=True, has_speech=False),
    "yes, speech": Sound(has_sound=True, has_verbal_sound=True, has_speech=True),
    "unknown": None,
}
"""What a script can state about sound, and the facts that follow. ``yes`` alone does not say if there are words."""

_POST = "Post: "
_MUMBLED = "(mumbled)"
_INLINE = re.compile(r"\[([^\[\]]*)\]")
_PAUSE = re.compile(r"[\"”»]\s*(\([^()\"]*\))\s*[\"“«]")


def parse_script(text: str, name: str) -> Script:
    """Return the record of a script given as text.

    Two formats are recognised: speakers before a colon, as in the paper (lines in capitals are headings), and speakers
    on lines of their own, as in screenplays.

    Parameters
    ----------
    text : str
        The script, which can be any text.
    name : str
        Name of the variant.

    Returns
    -------
    Script
        The record without fingerprint. The language is unknown, and so are times unless the text gives them.
    """
    text = clean_text(text)
    subtitles = read_subtitles(text)
    if subtitles is None:
        return _Parser(text).script(name)
    script = _Parser(subtitles.text).script(name)
    said = f"the file is subtitles of {counted(subtitles.cues, 'cue')}, read as speech"
    said += f"; cues without a speaker: {subtitles.nameless}" if subtitles.nameless else ""
    said += f"; its times may be off by {subtitles.offset:g} s, those of a stream" if subtitles.offset else ""
    return script.model_copy(update={"notices": (*script.notices, Notice(code="subtitles", text=said))})


@dataclass
class _Draft:
    """A scene under construction."""

    heading: str | None = None
    start: float | None = None
    end: float | None = None
    elements: list[Element] = field(default_factory=list)

    def scene(self) -> Scene:
        """Return the scene."""
        elements = tuple(self.elements)
        return Scene(heading=self.heading, start=self.start, end=self.end, elements=elements, written_by="import")


class _Parser:
    """Parse lines from top to bottom; `_at` is the index of the next line."""

    def __init__(self, text: str) -> None:
        self._scenes = [_Draft()]
        self._genre: str | None = None
        self._sound: str | None = None
        self._time_used = False
        self._time: ParsedLine | None = None  # a time on a line of its own, for the block below
        self._at = 0
        self._lines = [read_line(raw) for raw in self._without_post(text.splitlines())]
        self._names_alone = _names_stand_alone(self._lines)

    def script(self, name: str) -> Script:
        """Return the record of all lines."""
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            self._read(line)
        has_dialogue = any(isinstance(element, Dialogue) for draft in self._scenes for element in draft.elements)
        sound, notices = _sound(self._sound, has_dialogue)
        scenes = tuple(draft.scene() for draft in self._scenes if draft.heading is not None or draft.elements)
        return Script(name=name, genre=self._genre, sound=sound, scenes=scenes, notices=notices)

    def _without_post(self, lines: list[str]) -> list[str]:
        """Add the published text at the start of scripts written by `valex`; return the lines without it."""
        first = next((at for at, line in enumerate(lines) if line.strip()), None)
        if first is None or not lines[first].strip().startswith(_POST):
            return lines
        published = " ".join(lines[first].split())[len(_POST) :]
        self._scenes[-1].elements.append(PostLine(text=published))
        return ["", *lines[first + 1 :]]

    def _read(self, line: ParsedLine) -> None:
        match line.kind:
            case ElementKind.BLANK:
                self._time = None if self._time_used else self._time
            case ElementKind.TIME:
                self._clock(line)
            case ElementKind.GENRE if self._genre is None:
                self._genre = line.text
            case ElementKind.SOUND if self._sound is None:
                self._sound = line.text
            case ElementKind.HEADING:
                self._begin(line)
            case ElementKind.TEXT:
                self._add(line, *line.asides, _on_screen(line.text))
            case ElementKind.SPEECH:
                self._speech(line)
            case ElementKind.CAPITALS | ElementKind.PROSE:
                self._loose(line)
            case _:  # a second genre or statement about sound
                self._add(line, line.raw)

    # --- kinds of lines ---------------------------------------------------------------------------------------------

    def _begin(self, line: ParsedLine) -> None:
        """Start a scene; the published text belongs to the first one."""
        line = self._timed(line)
        last = self._scenes[-1]
        if last.heading is None and all(isinstance(element, PostLine) for element in last.elements):
            last.heading, last.start, last.end = line.text, line.start, line.end
        else:
            self._scenes.append(_Draft(line.text, line.start, line.end))

    def _loose(self, line: ParsedLine) -> None:
        """Add a line whose kind depends on the lines around it."""
        at = self._at - 1
        if self._names_alone and _is_cue(self._lines, at):
            self._cue(line)
        elif line.kind is ElementKind.CAPITALS and _opens_block(self._lines, at):
            self._begin(line)
        elif line.kind is ElementKind.CAPITALS:
            self._add(line, line.text)
        else:
            self._prose(line)

    def _prose(self, line: ParsedLine) -> None:
        """Add a line of prose; a bracket may close on a later line."""
        text = line.text
        if text.startswith("[") and "]" not in text:
            more = self._until(lambda other: "]" in other, unless=lambda other: "[" in other)
            if more:
                joined = read_line(" ".join([text, *more]))
                self._read(replace(joined, start=line.start, end=line.end))
                return
        self._add(line, *_pieces(text))

    def _speech(self, line: ParsedLine) -> None:
        """Add the words of a speaker named before a colon; they may continue on the lines below."""
        words, raw, asides = line.text, line.raw, list(line.asides)
        while not words and self._at < len(self._lines) and self._lines[self._at].goes_on:
            below = self._lines[self._at]
            self._at += 1
            raw = f"{raw} {below.raw}"
            if below.is_aside:
                asides.append(below.text)
            else:
                words = below.raw
        closing = QUOTES.get(words[:1], "")
        if closing and words[0] not in SINGLE and not _contains_any(words[1:], closing):
            more = self._until(lambda other: _contains_any(other, closing))
            words, raw = " ".join([words, *more]), " ".join([raw, *more])
        speech, rest = _quotation(words)
        if speech:
            self._add(line, *_dialogue(line.speaker, asides, speech), *_pieces(rest))
        else:
            self._add(line, *_pieces(raw))

    def _cue(self, line: ParsedLine) -> None:
        """Add the words below a name on its own line, up to the next blank line; parentheticals interrupt them."""
        asides, words = list(line.asides), list[str]()
        elements: list[Element | str] = []
        while self._at < len(self._lines) and self._lines[self._at].goes_on:
            below = self._lines[self._at]
            self._at += 1
            if below.is_aside:
                elements += _dialogue(line.speaker, asides, _joined(words))
                asides, words = [below.text], []
            else:
                words.append(below.raw)
        elements += _dialogue(line.speaker, asides, _joined(words))
        named = any(isinstance(element, Dialogue) for element in elements)
        self._add(line, *([] if named else [line.speaker]), *elements)

    def _until(self, ends: Callable[[str], bool], unless: Callable[[str], bool] = lambda other: False) -> list[str]:
        """Consume and return the lines up to one that `ends`; none if one that is `unless`, or not prose, is first."""
        for at in range(self._at, len(self._lines)):
            below = self._lines[at]
            if not below.goes_on or unless(below.raw):
                return []
            if ends(below.raw):
                taken = [line.raw for line in self._lines[self._at : at + 1]]
                self._at = at + 1
                return taken
        return []

    def _add(self, line: ParsedLine, *elements: Element | str) -> None:
        """Add elements (actions given as text) with the time of their line; empty ones are skipped."""
        line = self._timed(line)
        for element in elements:
            made = Action(text=element, start=None, end=None) if isinstance(element, str) else element
            if made.text.strip():
                timed = {} if isinstance(made, PostLine) else {"start": line.start, "end": line.end}
                self._scenes[-1].elements.append(made.model_copy(update=timed))

    def _clock(self, line: ParsedLine) -> None:
        """Keep a time for the block below, or add a clock in the picture."""
        if self._is_shown(line):
            self._add(replace(line, start=None), _on_screen(line.text))
        else:
            self._time, self._time_used = line, False

    def _is_shown(self, line: ParsedLine) -> bool:
        """Whether a time is a clock in the picture: the only one on a line of its own, and nothing right below it."""
        below = self._lines[self._at : self._at + 1]
        alone = not below or below[0].kind is ElementKind.BLANK
        return alone and line.end is None and sum(other.kind is ElementKind.TIME for other in self._lines) == 1

    def _timed(self, line: ParsedLine) -> ParsedLine:
        """Return a line with the time on the line above its block, unless it has its own."""
        if self._time is None or line.start is not None:
            return line
        self._time_used = True
        return replace(line, start=self._time.start, end=self._time.end)


# --- lines in context -----------------------------------------------------------------------------------------------


def _names_stand_alone(lines: Sequence[ParsedLine]) -> bool:
    """Whether the text is a screenplay, in which speakers have lines of their own.

    It is if no speaker is named before a colon, and a line in capitals stands above quoted words or a parenthetical or,
    in a text with standard headings (INT., EXT., SCENE 1), above any words.
    """
    if any(line.kind is ElementKind.SPEECH for line in lines):
        return False
    headed = any(line.kind is ElementKind.HEADING for line in lines)
    return any(_is_cue(lines, at) and (headed or _is_dialogue(lines[at + 1 : at + 3])) for at in range(len(lines)))


def _is_cue(lines: Sequence[ParsedLine], at: int) -> bool:
    """Whether a line could be the name of a speaker above a speech."""
    below = lines[at + 1 : at + 2]
    return bool(lines[at].speaker and below and below[0].goes_on) and _opens_block(lines, at)


def _opens_block(lines: Sequence[ParsedLine], at: int) -> bool:
    return at == 0 or lines[at - 1].kind is ElementKind.BLANK


def _is_dialogue(below: Sequence[ParsedLine]) -> bool:
    quoted = below[0].text[:1] in QUOTES and below[0].text[:1] not in SINGLE
    return quoted or (len(below) > 1 and below[0].is_aside and below[1].goes_on)


# --- pieces of a line -----------------------------------------------------------------------------------------------


def _quotation(words: str) -> tuple[str, str]:
    """Return the speech without its quotation marks, and the text after it."""
    closing = QUOTES.get(words[:1], "")
    whole = len(words) > 2 and words[-1] in closing
    if not closing or (words[0] in SINGLE and not whole):
        speech, bracket, rest = words.partition("[")
        return speech.strip(), bracket + rest
    if whole:
        return words[1:-1].strip(), ""
    end = min((at for mark in closing if (at := words.find(mark, 1)) > 0), default=len(words))
    speech, rest = words[1:end].strip(), words[end + 1 :].strip()
    return (speech, rest) if _holds_words(rest) else (speech + rest if speech else "", "")


def _joined(lines: Sequence[str]) -> str:
    """Return lines as one speech; empty quotation marks are kept."""
    words = " ".join(lines)
    return unquoted(words) or words


def _dialogue(speaker: str, asides: Sequence[str], speech: str) -> list[Element | str]:
    """Return the parentheticals and the words of a speaker; a parenthetical within the words splits them in two."""
    if not speech:
        return list(asides)
    mumbled = any("mumbl" in aside.casefold() for aside in asides)
    parts = _PAUSE.split(speech)
    if not all(words.strip() for words in parts[::2]):
        parts = [speech]
    elements: list[Element | str] = [aside for aside in asides if aside.casefold() != _MUMBLED]
    for at, part in enumerate(parts):
        words = Dialogue(ref=None, speaker=speaker, text=part.strip(), start=None, end=None, mumbled=mumbled)
        elements.append(part if at % 2 else words)
    return elements


def _pieces(text: str) -> list[Element | str]:
    """Return prose as actions and the screen text in its brackets; punctuation stays with the piece before it."""
    pieces: list[Element | str] = []
    for at, part in enumerate(map(str.strip, _INLINE.split(text))):
        if at % 2:
            bracket = read_bracket(part)
            known = bracket is not None and bracket.kind is ElementKind.TEXT
            pieces += [*bracket.asides, _on_screen(bracket.text)] if bracket is not None and known else [f"[{part}]"]
        elif pieces and not _holds_words(part):
            last = pieces[-1]
            pieces[-1] = last + part if isinstance(last, str) else _on_screen(last.text + part)
        else:
            pieces.append(part)
    return pieces


def _on_screen(text: str) -> OnScreenText:
    return OnScreenText(ref=None, text=text, start=None, end=None)


def _contains_any(text: str, marks: str) -> bool:
    return any(mark in text for mark in marks)


def _holds_words(text: str) -> bool:
    return any(map(str.isalnum, text))


# --- facts ----------------------------------------------------------------------------------------------------------


def _sound(stated: str | None, speaks: bool) -> tuple[Sound | None, tuple[Notice, ...]]:
    """Return the facts in a statement about sound, or a notice with the statement if it is unknown or contradicted."""
    if stated is None:
        return None, ()
    key = stated.casefold().removesuffix(".")
    sound = SOUNDS.get(key)
    contradicted = sound is not None and speaks and not sound.has_verbal_sound
    if key in SOUNDS and not contradicted:
        return sound, ()
    # Part of the record: another wording would replace scripts that are imported again, and drop their labels.
    return None, (Notice(code="sound-as-stated", text=f"the script says of its sound: {stated}"),)
