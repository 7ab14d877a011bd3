"""The question to a language model about one scene: its messages and the schema of the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valex_local.llm import ContentPart, Message
from valex_local.llm.base import JsonSchema, object_schema
from valex_local.llm.prompt_template import PromptFile, quoted
from valex_local.records import SPEAKER
from valex_local.stages.script.checks import (
    GENRES,
    MAX_ACTION_LENGTH,
    MAX_PLACE_LENGTH,
    MAX_SPEAKER_LENGTH,
)
from valex_local.stages.script.evidence import Evidence, SeenKeyframe
from valex_local.stages.script.question import GENRE_KEY, PLACE_KEY, SceneQuestion
from valex_local.stages.script.scenes import EvidenceStretch
from valex_local.stages.script.template import groups, shown_labels

MAX_POST_CHARACTERS = 600
"""How much of the post text a model is shown, as context; the script contains all of it."""


class ScenePrompt:
    """A prompt file with the blocks ``system`` and ``user`` and, as an example, ``example`` and ``answer``.

    Raises
    ------
    ConfigError
        The file cannot be read, is not a Jinja template, lacks a block or uses an unknown name.
    """

    def __init__(self, path: Path) -> None:
        self._file = PromptFile(path, ("system", "user"))

    def messages(
        self, question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence, so_far: SoFar
    ) -> list[Message]:
        """Return the question about a stretch.

        Parameters
        ----------
        question : SceneQuestion
            What to ask.
        stretch : EvidenceStretch
            The evidence of the scene.
        evidence : Evidence
            The evidence of the whole post.
        so_far : SoFar
            A summary of the earlier scenes.

        Returns
        -------
        list of Message
            A system message, an example with its answer if the file contains one, and the question.
        """
        shown: list[ContentPart] = []
        for k in stretch.seen:
            if k.id in evidence.pictures:
                shown += [f"{k.id}:", evidence.pictures[k.id], "\n"]
        asked = self._file.block("user", _facts(question, stretch, evidence, so_far))
        system, *example = self.own(question)
        turns = [Message("user", example[0]), Message("assistant", example[1])] if example else []
        return [Message("system", system), *turns, Message("user", (*shown, asked) if shown else asked)]

    def own(self, question: SceneQuestion) -> list[str]:
        """Return the prompt's own texts: the rules and, if the file contains them, an example and its answer."""
        # They depend on nothing but this, so that they are evaluated once for all scenes.
        facts = {"sees": question.sees}
        names = ("system", "example", "answer") if self._file.has("example", "answer") else ("system",)
        return [self._file.block(name, facts) for name in names]


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


def _facts(question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence, so_far: SoFar) -> dict[str, Any]:
    return {
        "scene": {"start": stretch.start, "end": stretch.end},
        "post": quoted(evidence.post[:MAX_POST_CHARACTERS]) if evidence.post else None,
        "lines": sorted(_lines(question, stretch, evidence), key=lambda line: line["time"]),
        "form": json.dumps(dict.fromkeys(question.keys, "")),
        "speakers": list(so_far.speakers),
        "before": list(so_far.seen),
        "said": quoted(so_far.said) if so_far.said else None,
        "sees": question.sees,
        "asks_lines": bool(question.lines),
        "asks_place": question.asks_place,
        "places": [quoted(place) for place in question.places],
        "names": {key: list(names.choices) for key, names in question.speakers.items()},
        "asks_genre": question.asks_genre,
        "genres": GENRES,
    }


def _lines(question: SceneQuestion, stretch: EvidenceStretch, evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Yield the evidence of a stretch as the prompt lists it: all of it for a model that sees or names the genre."""
    everything = question.sees or question.asks_genre
    for k in stretch.seen if question.sees else (run[0] for _, run in groups(stretch)):
        yield {"id": k.id, "kind": "picture", "time": k.keyframe.time, "text": _shows(k, stretch) or "(look at it)"}
    for t in stretch.texts:
        if everything and t.id not in evidence.repeats:
            yield {"id": t.id, "kind": "on screen", "time": t.start, "text": quoted(t.text)}
    for s in stretch.speech:
        if everything or s.id in question.speakers:
            yield {"id": s.id, "kind": "speech", "time": s.start, "text": quoted(s.text)}


def _shows(seen: SeenKeyframe, stretch: EvidenceStretch) -> str:
    caption = [quoted(seen.caption.caption)] if seen.caption.caption else []
    return ", ".join(caption + [quoted(label) for label in shown_labels(seen, stretch)])


def answer_schema(question: SceneQuestion) -> JsonSchema:
    """Return the JSON schema of an answer: one text for each key of the question, in order."""
    kinds: dict[str, JsonSchema] = {key: {"type": "string", "maxLength": MAX_ACTION_LENGTH} for key in question.lines}
    for key, names in question.speakers.items():
        named: JsonSchema = {"type": "string", "maxLength": MAX_SPEAKER_LENGTH}
        kinds[key] = named if question.sees else {"enum": [*names.choices, SPEAKER]}
    free: JsonSchema = {"type": "string", "maxLength": MAX_PLACE_LENGTH}
    kinds[PLACE_KEY] = {"enum": list(question.places)} if question.places else free
    kinds[GENRE_KEY] = {"enum": list(GENRES)}
    return object_schema({key: kinds[key] for key in question.keys})
