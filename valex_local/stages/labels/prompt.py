"""The questions to a language model about the values in a video, rendered from a prompt file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valex_local.llm import ContentPart, Message, Picture
from valex_local.llm.prompt_template import PromptFile, quoted
from valex_local.schwartz import Value
from valex_local.stages.labels.definitions import Definitions, Example
from valex_local.stages.labels.lines import EvidenceLine
from valex_local.stages.labels.questions import Known, Question, Way, examples, questions

BLOCKS = ("system", "evidence", "picture", "question")


@dataclass(frozen=True)
class LabelledExample:
    """A script with its labels: the worked example, or one that people labelled."""

    lines: tuple[EvidenceLine, ...]
    known: Mapping[Value, Known]


@dataclass(frozen=True)
class PromptKeyframe:
    """A keyframe as evidence; `time` is in seconds from the start of the video."""

    id: str
    time: float
    picture: Picture


class LabelPrompt:
    """A prompt file together with everything that its questions share.

    Parameters
    ----------
    path : Path
        A Jinja template with the blocks `BLOCKS`.
    definitions : Definitions
        The definitions of the values.
    way : {"together", "one", "apart", "scenes", "yes-no"}
        How to ask; see `questions`. A scene is asked about like a script, so the file sees ``together``.
    shots : sequence of LabelledExample
        Scripts that people labelled, shown as examples.
    sees : bool
        Whether the evidence includes keyframes.

    Raises
    ------
    ConfigError
        The file cannot be read, is not a Jinja template, lacks a block or uses an unknown name.
    """

    def __init__(
        self,
        path: Path,
        definitions: Definitions,
        way: Way,
        *,
        shots: Sequence[LabelledExample] = (),
        sees: bool = False,
    ) -> None:
        self._file = PromptFile(path, BLOCKS)
        self._way: Way = "together" if way == "scenes" else way
        worked = [] if definitions.example is None else [_worked(definitions.example)]
        facts = {
            "ask": self._way,
            "sees": sees,
            "values": [_told(d) for d in definitions.in_order()],
            "examples": [self._shown(shot) for shot in worked],
            "shots": [self._shown(shot) for shot in shots],
        }
        self._system = Message("system", self._file.block("system", facts))
        # Render every block now, so that mistakes show before the first post.
        self.messages([EvidenceLine("L1", "text", "a")], [PromptKeyframe("K1", 0.0, Picture(b""))], questions(way)[-1])

    def messages(
        self, lines: Sequence[EvidenceLine], stills: Sequence[PromptKeyframe], question: Question
    ) -> list[Message]:
        """Return the messages of a question; what all questions share comes first, in separate parts.

        Parameters
        ----------
        lines : sequence of EvidenceLine
            The script or the transcript.
        stills : sequence of PromptKeyframe
            Keyframes, for a model that takes images.
        question : Question
            The question.

        Returns
        -------
        list of Message
            A system message and a user message.
        """
        parts: list[ContentPart] = [self._file.block("evidence", {"lines": _quoted(lines)}) + "\n"]
        for still in stills:
            parts += [self._file.block("picture", {"id": still.id, "time": round(still.time, 1)}), still.picture, "\n"]
        asked = self._question(question)
        return [self._system, Message("user", (*parts, asked) if asked else tuple(parts))]

    def _question(self, question: Question) -> str:
        return self._file.block("question", {"ask": self._way, **question.facts()})

    def _shown(self, shot: LabelledExample) -> dict[str, Any]:
        pairs = [{"question": self._question(q), "answer": a} for q, a in examples(self._way, shot.known)]
        return {"lines": _quoted(shot.lines), "asked": pairs}


def _told(definition: Any) -> dict[str, Any]:
    return {
        "code": definition.name.code,
        "name": definition.name.value,
        "definition": definition.definition,
        "conflict": definition.conflict,
        "examples": [{"text": quoted(e.text), "state": e.state.value} for e in definition.examples],
    }


def _quoted(lines: Sequence[EvidenceLine]) -> list[dict[str, Any]]:
    return [
        {
            "id": line.id,
            "kind": line.kind,
            "text": quoted(line.text),
            "speaker": quoted(line.speaker) if line.speaker else None,
        }
        for line in lines
    ]


def _worked(example: Example) -> LabelledExample:
    lines = tuple(EvidenceLine(f"E{n}", line.kind, line.text) for n, line in enumerate(example.script, 1))
    known = {
        label.value: Known(label.state, label.dominant, tuple(f"E{n}" for n in label.lines)) for label in example.labels
    }
    return LabelledExample(lines, known)
