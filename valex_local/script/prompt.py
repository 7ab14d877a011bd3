"""The question put to a language model about one scene: its messages and the schema of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valex_local.errors import ConfigError
from valex_local.llm import Message
from valex_local.llm.base import JsonSchema
from valex_local.script.checks import MAX_ACTION_LENGTH, MAX_PLACE_LENGTH, MAX_SPEAKER_LENGTH, knows_place, references
from valex_local.script.evidence import Evidence, Seen
from valex_local.script.scenes import Stretch, places

MAX_POST_CHARACTERS = 600
"""How much of the post text a model is shown. It is context only; the script holds all of it."""


class ScenePrompt:
    """A prompt file: Jinja with the blocks ``system`` and ``user``.

    Raises
    ------
    ConfigError
        The file cannot be read, is no Jinja template, lacks a block or uses a name that is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        try:
            self._template = environment.from_string(path.read_text("utf-8"))
        except TemplateSyntaxError as error:
            raise ConfigError(f"line {error.lineno} of the prompt: {error.message}", path=path) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the prompt cannot be read ({error})", path=path) from error
        missing = {"system", "user"} - set(self._template.blocks)
        if missing:
            raise ConfigError(f"the prompt lacks the block {sorted(missing)[0]}", path=path, hint=_BLOCKS)

    def messages(self, stretch: Stretch, evidence: Evidence, speakers: Sequence[str]) -> list[Message]:
        """Write the question about a stretch.

        Parameters
        ----------
        stretch : Stretch
            What the scene consists of.
        evidence : Evidence
            The whole post.
        speakers : sequence of str
            Names given in the scenes before.
        """
        facts = _facts(stretch, evidence, speakers)
        return [Message("system", self._block("system", facts)), Message("user", self._block("user", facts))]

    def _block(self, name: str, facts: dict[str, Any]) -> str:
        try:
            return "".join(self._template.blocks[name](self._template.new_context(facts))).strip()
        except TemplateError as error:
            raise ConfigError(f"block {name} of the prompt: {error.message}", path=self._path) from error


_BLOCKS = "It must hold {% block system %}…{% endblock %} and {% block user %}…{% endblock %}"


def _facts(stretch: Stretch, evidence: Evidence, speakers: Sequence[str]) -> dict[str, Any]:
    return {
        "scene": {"start": stretch.start, "end": stretch.end},
        "post": _quoted(evidence.post[:MAX_POST_CHARACTERS]) if evidence.post else None,
        "lines": sorted(_lines(stretch, evidence), key=lambda line: line["time"]),
        "speakers": list(speakers),
        "sees": bool(stretch.seen),
        "knows_place": knows_place(stretch),
    }


def _lines(stretch: Stretch, evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield the evidence of a stretch as the prompt lists it."""
    _, tracks = references(stretch, evidence)
    for k in stretch.seen:
        yield {"id": k.id, "kind": "picture", "time": k.keyframe.time, "text": _shows(k)}
    for t in stretch.texts:
        if t.id in tracks:
            yield {"id": t.id, "kind": "on screen", "time": t.start, "text": _quoted(t.text)}
    for s in stretch.speech:
        yield {"id": s.id, "kind": "speech", "time": s.start, "text": _quoted(s.text)}


def _quoted(text: str) -> str:
    """Return a text as a JSON string on one line: no text ends its own quotation or begins a line of the prompt."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def _shows(seen: Seen) -> str:
    caption = [_quoted(seen.caption.caption)] if seen.caption.caption else []
    return ", ".join(caption + [_quoted(tag.label) for tag in seen.caption.tags])


def answer_schema(stretch: Stretch, evidence: Evidence) -> JsonSchema:
    """Return the JSON schema of an answer: references are enums of the stretch's own evidence.

    Without keyframes it has no room for actions, places and names.
    """
    segments, tracks = references(stretch, evidence)
    keyframes = [k.id for k in stretch.seen]
    kinds: list[JsonSchema] = []
    if segments:
        speaker = {"speaker": {"type": "string", "maxLength": MAX_SPEAKER_LENGTH}} if keyframes else {}
        kinds.append(_object({"dialogue": {"enum": segments}} | speaker))
    if tracks:
        kinds.append(_object({"text": {"enum": tracks}}))
    if keyframes:
        named = {"type": "array", "items": {"enum": keyframes}, "minItems": 1, "maxItems": min(len(keyframes), 3)}
        kinds.append(_object({"action": {"type": "string", "maxLength": MAX_ACTION_LENGTH}, "keyframes": named}))
    most = len(segments) + len(tracks) + len(keyframes)
    elements = {"type": "array", "items": {"anyOf": kinds}, "minItems": 1, "maxItems": most}
    return _object(_place(stretch) | {"elements": elements})


def _place(stretch: Stretch) -> dict[str, JsonSchema]:
    if not knows_place(stretch):
        return {}
    named = places(stretch.seen)
    return {"place": {"enum": named} if named else {"type": "string", "maxLength": MAX_PLACE_LENGTH}}


def _object(properties: dict[str, Any]) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
