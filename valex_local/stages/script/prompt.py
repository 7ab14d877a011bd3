"""The question to a language model about one scene: its messages and the schema of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valex_local.llm import ContentPart, Message
from valex_local.llm.base import JsonSchema, object_schema
from valex_local.llm.prompt_template import PromptFile, quoted
from valex_local.stages.script.checks import (
    GENRES,
    MAX_ACTION_LENGTH,
    MAX_PLACE_LENGTH,
    MAX_SPEAKER_LENGTH,
    knows_place,
    references,
)
from valex_local.stages.script.evidence import Evidence, SeenKeyframe
from valex_local.stages.script.scenes import EvidenceStretch, places

MAX_POST_CHARACTERS = 600
"""How much of the post text a model is shown, as context; the script contains all of it."""


class ScenePrompt:
    """A prompt file with the blocks ``system`` and ``user``.

    Raises
    ------
    ConfigError
        The file cannot be read, is not a Jinja template, lacks a block or uses an unknown name.
    """

    def __init__(self, path: Path) -> None:
        self._file = PromptFile(path, ("system", "user"))

    def messages(
        self, stretch: EvidenceStretch, evidence: Evidence, so_far: SoFar, *, genre: bool = False
    ) -> list[Message]:
        """Return the question about a stretch.

        Parameters
        ----------
        stretch : EvidenceStretch
            The evidence of the scene.
        evidence : Evidence
            The evidence of the whole post.
        so_far : SoFar
            A summary of the earlier scenes.
        genre : bool
            Whether to ask for the genre too.

        Returns
        -------
        list of Message
            A system message and a user message.
        """
        facts = _facts(stretch, evidence, so_far) | {"genre": genre}
        shown: list[ContentPart] = []
        for k in stretch.seen:
            if k.id in evidence.pictures:
                shown += [f"{k.id}:", evidence.pictures[k.id], "\n"]
        asked = self._file.block("user", facts)
        return [
            Message("system", self._file.block("system", facts)),
            Message("user", (*shown, asked) if shown else asked),
        ]


@dataclass(frozen=True)
class SoFar:
    """A summary of the earlier scenes, so that a small context is enough for a long video.

    Attributes
    ----------
    speakers : tuple of str
        Names of speakers.
    seen : tuple of str
        Places and action lines of the last scenes.
    said : str or None
        The end of the last dialogue.
    """

    speakers: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    said: str | None = None


def _facts(stretch: EvidenceStretch, evidence: Evidence, so_far: SoFar) -> dict[str, Any]:
    return {
        "scene": {"start": stretch.start, "end": stretch.end},
        "post": quoted(evidence.post[:MAX_POST_CHARACTERS]) if evidence.post else None,
        "lines": sorted(_lines(stretch, evidence), key=lambda line: line["time"]),
        "speakers": list(so_far.speakers),
        "before": list(so_far.seen),
        "said": quoted(so_far.said) if so_far.said else None,
        "sees": bool(stretch.seen),
        "knows_place": knows_place(stretch),
    }


def _lines(stretch: EvidenceStretch, evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield the evidence of a stretch as the prompt lists it."""
    _, tracks = references(stretch, evidence)
    for k in stretch.seen:
        yield {"id": k.id, "kind": "picture", "time": k.keyframe.time, "text": _shows(k) or "(look at it)"}
    for t in stretch.texts:
        if t.id in tracks:
            yield {"id": t.id, "kind": "on screen", "time": t.start, "text": quoted(t.text)}
    for s in stretch.speech:
        yield {"id": s.id, "kind": "speech", "time": s.start, "text": quoted(s.text)}


def _shows(seen: SeenKeyframe) -> str:
    caption = [quoted(seen.caption.caption)] if seen.caption.caption else []
    return ", ".join(caption + [quoted(tag.label) for tag in seen.caption.tags])


def answer_schema(stretch: EvidenceStretch, evidence: Evidence, *, genre: bool = False) -> JsonSchema:
    """Return the JSON schema of an answer, in which references are enums of the stretch's own evidence.

    Without keyframes it allows no actions, places or names.

    Parameters
    ----------
    stretch : EvidenceStretch
        The evidence of the scene.
    evidence : Evidence
        The evidence of the whole post.
    genre : bool
        Whether the genre is asked for.

    Returns
    -------
    dict
        The schema.
    """
    segments, tracks = references(stretch, evidence)
    keyframes = [k.id for k in stretch.seen]
    kinds: list[JsonSchema] = []
    if segments:
        speaker = {"speaker": {"type": "string", "maxLength": MAX_SPEAKER_LENGTH}} if keyframes else {}
        kinds.append(object_schema({"dialogue": {"enum": segments}} | speaker))
    if tracks:
        kinds.append(object_schema({"text": {"enum": tracks}}))
    if keyframes:
        named = {"type": "array", "items": {"enum": keyframes}, "minItems": 1, "maxItems": min(len(keyframes), 3)}
        kinds.append(object_schema({"action": {"type": "string", "maxLength": MAX_ACTION_LENGTH}, "keyframes": named}))
    most = len(segments) + len(tracks) + len(keyframes)
    elements = {"type": "array", "items": {"anyOf": kinds}, "minItems": 1, "maxItems": most}
    last = {"genre": {"enum": list(GENRES)}} if genre else {}
    return object_schema(_place(stretch) | {"elements": elements} | last)


def _place(stretch: EvidenceStretch) -> dict[str, JsonSchema]:
    if not knows_place(stretch):
        return {}
    named = places(stretch.seen)
    return {"place": {"enum": named} if named else {"type": "string", "maxLength": MAX_PLACE_LENGTH}}
