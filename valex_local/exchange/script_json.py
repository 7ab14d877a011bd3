"""Read scripts that a model wrote as JSON: objects with speaker, words, text on the screen, action and times.

Objects may be nested, as lines in scenes. A field of unknown meaning becomes an action with its name, and a notice
counts such fields; so nothing is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from valex_local.errors import InputError
from valex_local.exchange.clocks import span_of_value
from valex_local.exchange.line_parser import SCREEN_KEYS, plain_key, unquoted
from valex_local.files.text import clean_text, load_json
from valex_local.records import Action, Dialogue, Element, Notice, OnScreenText, Scene, Script

VOICE = "VOICE"
"""Speaker of words whose speaker is not named."""

_FIELDS: dict[str, frozenset[str]] = {
    "speaker": frozenset(("speaker", "character", "who", "speaker name", "character name", "spoken by")),
    "words": frozenset((
        "dialogue", "dialog", "speech", "line", "spoken", "spoken text", "spoken words", "transcript", "quote", "says",
        "utterance", "voiceover", "voice over", "narration",
    )),
    "screen": SCREEN_KEYS - {"text"},
    "action": frozenset((
        "action", "actions", "description", "visual", "visuals", "visual description", "stage direction",
        "stage directions", "scene description", "action description",
    )),
    "heading": frozenset(("heading", "scene heading", "slugline", "slug line", "setting", "location", "scene title")),
    "time": frozenset(("timestamp", "time", "time range", "timecode", "time code", "timestamps", "time stamp")),
    "start": frozenset(("start", "start time", "from", "begin", "start seconds", "starttime")),
    "end": frozenset(("end", "end time", "to", "until", "end seconds", "endtime")),
    "kind": frozenset(("type", "kind", "element type")),
    "genre": frozenset(("genre",)),
    "scene": frozenset(("scene", "scene number", "scene id")),
    "text": frozenset(("text", "content")),
}  # fmt: skip
_MEANING = {name: meaning for meaning, names in _FIELDS.items() for name in names}
_TELLING = ("speaker", "words", "screen", "action")
_FENCED = re.compile(
    r"^[ \t]*(?:```|~~~)[ \t]*(?:json[a-z0-9]*[ \t]*\n(?=\s*[\[{])|[ \t]*\n(?=\s*(?:\[\s*)?\{\s*[\"}]))(.*?)"
    r"(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)
_BARE = re.compile(r'\s*(?:\[\s*\{\s*"|\{\s*")')
DEEPEST = 30
"""Maximum depth of nested objects."""


def is_script(data: Any) -> bool:
    """Whether JSON is a script: an object in it has a field that only scripts have."""
    objects = list(_objects(data, 0))
    return any(_meaning(key) in _TELLING for item in objects for key in item) and not any(
        key in item for item in objects for key in ("candidates", "response", "request", "chunkedPrompt", "choices")
    )


def parse_json_script(text: str, name: str) -> Script | None:
    """Return the record of a script written as JSON, fenced or not; None if the text contains no such JSON.

    Parameters
    ----------
    text : str
        The script.
    name : str
        Name of the variant.

    Returns
    -------
    Script or None
        The record without fingerprint.

    Raises
    ------
    InputError
        The text is JSON, but invalid or not a script.
    """
    text = clean_text(text)
    blocks = list(_FENCED.finditer(text))
    if not blocks and not _BARE.match(text):
        return None
    reader = _Reader()
    at = 0
    for block in blocks:
        reader.prose(text[at : block.start()])
        reader.take(_parsed(block[1]))
        at = block.end()
    if blocks:
        reader.prose(text[at:])
    else:
        reader.take(_parsed(text))
    return reader.script(name)


def _parsed(text: str) -> Any:
    try:
        data = load_json(text)
    except ValueError as error:
        raise InputError(f"the script is JSON that cannot be read ({error})") from None
    if not is_script(data):
        fields = list(next(_objects(data, 0), {}))[:3]
        raise InputError(f"the text is JSON, but not a script (it has {', '.join(map(str, fields)) or 'no fields'})")
    return data


def _objects(data: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > DEEPEST:
        raise InputError("the text is JSON that is nested too deeply")
    if isinstance(data, Mapping):
        yield data
    if isinstance(data, Mapping | list):
        for value in data.values() if isinstance(data, Mapping) else data:
            yield from _objects(value, depth + 1)


def _meaning(key: str) -> str:
    return _MEANING.get(plain_key(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)), "")


@dataclass(frozen=True)
class _Line:
    """An object: the first value of each meaning, and its speaker."""

    fields: Mapping[str, Any]
    speaker: str

    @cached_property
    def times(self) -> tuple[float | None, float | None]:
        """Return its start and end."""
        return _times(self.fields)

    @property
    def is_scene(self) -> bool:
        """Whether it is a scene that has a number and no heading."""
        fields = self.fields
        return "heading" not in fields and isinstance(fields.get("scene"), int | str) and "speaker" not in fields

    def meaning_of_text(self) -> str:
        """Return what a field named ``text`` is, judging by the type of the object and its speaker."""
        kind = _meaning(_plain(self.fields.get("kind")))
        if kind in ("words", "screen", "action"):
            return kind
        return "words" if self.speaker else "action"

    def has_read(self, meaning: str) -> bool:
        """Whether a field of this meaning is part of what is made of the object."""
        match meaning:
            case "speaker":
                return bool(self.speaker) and any(_plain(self.fields.get(name)) for name in ("words", "text"))
            case "time" | "start" | "end":
                return self.times[0] is not None
            case "heading":
                return True
            case "scene":
                return self.is_scene
            case "kind":
                return "text" in self.fields
        return False


class _Reader:
    def __init__(self) -> None:
        self._scenes: list[Scene] = []
        self._elements: list[Element] = []
        self._heading: str | None = None
        self._times: tuple[float | None, float | None] = (None, None)
        self._genre: str | None = None
        self._unknown: Counter[str] = Counter()
        self._nameless = 0

    def prose(self, text: str) -> None:
        """Add text around the JSON as actions."""
        for line in text.splitlines():
            self._act(" ".join(line.split()), (None, None))

    def take(self, data: Any) -> None:
        """Add the lines of objects, in their order."""
        if isinstance(data, list):
            for item in data:
                self.take(item)
        elif isinstance(data, Mapping):
            self._object(data)
        else:
            self._act(_plain(data), (None, None))

    def script(self, name: str) -> Script:
        """Return the record."""
        self._close()
        said = "the script was written as JSON"
        if self._unknown:
            said += (
                f"; fields of unknown meaning are actions: {', '.join(f'{k} ({n})' for k, n in self._unknown.items())}"
            )
        if self._nameless:
            said += f"; lines of speech without a speaker: {self._nameless}"
        notice = Notice(code="script-json", text=said)
        return Script(name=name, genre=self._genre, sound=None, scenes=tuple(self._scenes), notices=(notice,))

    def _object(self, item: Mapping[str, Any]) -> None:
        fields: dict[str, Any] = {}
        for key, value in item.items():
            fields.setdefault(_meaning(key), value)
        line = _Line(fields, _plain(fields["speaker"]) if isinstance(fields.get("speaker"), str) else "")
        if not isinstance(fields.get("heading", []), list | Mapping) or line.is_scene:
            self._close()
            self._heading = _plain(fields.get("heading")) or f"SCENE {_plain(fields.get('scene'))}"
            self._times = line.times
        used = set[str]()
        for key, value in item.items():
            meaning = _meaning(key)
            first = meaning not in used
            used.add(meaning)
            if isinstance(value, Mapping) or (
                isinstance(value, list) and any(isinstance(v, Mapping | list) for v in value)
            ):
                self.take(value)
                continue
            for one in value if isinstance(value, list) else [value]:
                if _plain(one):
                    self._field(line, key, meaning if first else "", _plain(one))

    def _field(self, line: _Line, key: str, meaning: str, text: str) -> None:
        """Add the value of one field."""
        start, end = line.times
        match line.meaning_of_text() if meaning == "text" else meaning:
            case "words":
                self._nameless += not line.speaker
                speaker = line.speaker or VOICE
                self._elements.append(Dialogue(ref=None, speaker=speaker, text=unquoted(text), start=start, end=end))
            case "screen":
                self._elements.append(OnScreenText(ref=None, text=unquoted(text), start=start, end=end))
            case "action":
                self._act(text, line.times)
            case "genre" if self._genre is None:
                self._genre = text
            case other if not line.has_read(other):
                self._unknown[key] += 1
                self._act(f"{key}: {text}", line.times)

    def _act(self, text: str, times: tuple[float | None, float | None]) -> None:
        if text:
            self._elements.append(Action(text=text, start=times[0], end=times[1]))

    def _close(self) -> None:
        """Finish the scene under construction."""
        if self._elements or self._heading is not None:
            start, end = self._times
            made = Scene(
                heading=self._heading, start=start, end=end, elements=tuple(self._elements), written_by="import"
            )
            self._scenes.append(made)
        self._elements, self._heading, self._times = [], None, (None, None)


def _times(fields: Mapping[str, Any]) -> tuple[float | None, float | None]:
    whole = span_of_value(fields.get("time"))
    if whole is not None:
        return whole
    start, end = span_of_value(fields.get("start")), span_of_value(fields.get("end"))
    if start is None or (end is not None and end[0] < start[0]):
        return (None, None)
    return start[0], None if end is None else end[0]


def _plain(value: Any) -> str:
    """Return a plain value as text on one line; "" for none."""
    if value is None or isinstance(value, Mapping | list):
        return ""
    return " ".join(str(value).split())
