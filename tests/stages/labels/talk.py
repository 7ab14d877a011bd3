"""What the tests of the routes that ask a language model share: a small file of values, scripts, and a model that says
what it was taught."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from valex_local.llm import ContextOverflow, Message, Reply, Token
from valex_local.records import Action, Dialogue, OnScreenText, PostLine, Scene, Script, Sound
from valex_local.schwartz import CIRCLE, Value
from valex_local.stages.labels.questions import Known, Question, answered

SPOKEN = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)


def short_values(path: Path) -> Path:
    """Write definitions of a few words: a small model on a small machine reads them soon."""
    tables = [
        f'[[value]]\nname = "{v.value}"\ndefinition = "{v.goal}"\nconflict = "against {v.goal.split()[-1]}"\n'
        for v in CIRCLE
    ]
    path.write_text("\n".join(tables), "utf-8")
    return path


def script(*spoken: str, post: str | None = None, screen: Sequence[str] = (), name: str = "template") -> Script:
    elements: list[Any] = [] if post is None else [PostLine(text=post)]
    elements += [
        Dialogue(ref=f"S{n}", speaker="SPEAKER", text=text, start=float(n), end=n + 0.9)
        for n, text in enumerate(spoken, 1)
    ]
    elements += [OnScreenText(ref=f"T{n}", text=t, start=0.0, end=1.0) for n, t in enumerate(screen, 1)]
    elements.append(Action(text="Somebody waves.", start=0.0, end=1.0))
    scene = Scene(heading="KITCHEN", start=0.0, end=9.0, elements=tuple(elements), written_by="template")
    return Script(name=name, language="en", sound=SPOKEN, scenes=(scene,))


class Parrot:
    """Answers each question as it was taught; `asked` holds the questions."""

    sees = True
    concurrent = False

    def __init__(self, answer: Callable[[int, str], str | Reply], *, context: int = 4096) -> None:
        self.context = context
        self.asked: list[dict[str, Any]] = []
        self.closed = False
        self._answer = answer

    def count(self, messages: Sequence[Message]) -> int:
        return len(shown(messages)) // 4

    def chat(self, messages: Sequence[Message], **how: Any) -> Reply:
        if self.count(messages) + how["max_tokens"] > self.context:
            raise ContextOverflow("too much")
        self.asked.append({"messages": messages, **how})
        said = self._answer(len(self.asked) - 1, shown(messages))
        return said if isinstance(said, Reply) else Reply(said, 100, 50, "stop")

    def close(self) -> None:
        self.closed = True


def shown(messages: Sequence[Message]) -> str:
    return "\n".join(part for message in messages for part in message.parts if isinstance(part, str))


def told(question: Question, known: dict[Value, Known], chances: tuple[float, ...] = ()) -> Reply:
    """A reply, with the log-probabilities of its states where `chances` gives them in the order of the codes."""
    text = answered(question, known)
    tokens: list[Token] = []
    rest = text
    while chances and '["' in rest:
        lead, _, rest = rest.partition('["')
        tokens.append(Token(lead + '["', {}))
        tokens.append(Token(rest[0], dict(zip(question.codes, chances, strict=True))))
        rest = rest[1:]
    return Reply(text, 100, 50, "stop", tokens=(*tokens, Token(rest, {})) if chances else ())
