"""A language model that says what it was taught: what is tested is the writer around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from valex_local.llm import ContextOverflow, Message, Reply
from valex_local.settings import LlmWriterSettings, Settings
from valex_local.stages.script.evidence import Evidence
from valex_local.stages.script.llm import LlmWriter
from valex_local.stages.script.prompt import ScenePrompt
from valex_local.stages.script.question import GENRE_KEY, PLACE_KEY, question_about
from valex_local.stages.script.scenes import EvidenceStretch
from valex_local.stages.script.template import shown_labels
from valex_local.stages.script.writers import Draft
from valex_local.stages.setting_files import setting_file


class Parrot:
    """Gives prepared answers, one a question: the writer around it is what is tested."""

    context = 4096
    sees = False
    concurrent = False

    def __init__(self, answer: Callable[[int], str]) -> None:
        self.asked: list[dict[str, Any]] = []
        self._answer = answer

    def count(self, messages: Sequence[Message]) -> int:
        return sum(len(part) for m in messages for part in m.parts if isinstance(part, str)) // 4

    def chat(self, messages: Sequence[Message], **how: Any) -> Reply:
        if self.count(messages) + how["max_tokens"] > self.context:
            raise ContextOverflow("too much")
        self.asked.append({"messages": messages, **how})
        return Reply(self._answer(len(self.asked) - 1), 100, 50, "stop")

    def close(self) -> None:
        """Nothing is held."""


def write(found: Evidence, answer: Callable[[int], str], **settings: Any) -> tuple[Draft, Parrot]:
    parrot = Parrot(answer)
    prompt = ScenePrompt(setting_file(Settings(), "script", "llm", "prompt"))
    return LlmWriter(parrot, prompt, LlmWriterSettings(**settings)).write(found), parrot


def good_answer(stretch: EvidenceStretch, found: Evidence) -> dict[str, str]:
    """What an able model would answer; empty where it is not asked."""
    question = question_about(stretch, found)
    if question is None:
        return {}
    answer = {GENRE_KEY: "prank"} if question.asks_genre else {}
    answer |= {PLACE_KEY: question.places[0] if question.places else "Quiet attic"} if question.asks_place else {}
    for key, run in question.lines.items():
        labels = shown_labels(run[0], stretch)
        answer[key] = f"Somebody is seen, picture {key}." if question.sees else f"{', and '.join(labels).capitalize()}."
    return answer | {key: (names.choices or ("YOUNG GIRL",))[0] for key, names in question.speakers.items()}
