"""What a language model is to the stages that ask one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from valex_local.errors import ValexError

JsonSchema = Mapping[str, Any]


class ContextOverflow(ValexError):
    """Prompt and answer do not fit into the context of the model; nothing was evaluated."""


@dataclass(frozen=True)
class Message:
    """One turn of a chat.

    Its content reaches the model as plain text, whatever it holds: only the engine writes the tokens that mark turns.
    """

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Reply:
    """What the model answered.

    Attributes
    ----------
    text : str
        The answer. Cut when `finish_reason` is ``"length"``.
    prompt_tokens, output_tokens : int
        Tokens read and written.
    finish_reason : {"stop", "length"}
        Whether the model came to an end or to the limit.
    """

    text: str
    prompt_tokens: int
    output_tokens: int
    finish_reason: Literal["stop", "length"]


class LanguageModel(Protocol):
    """A chat model on this machine. `context` is how many tokens prompt and answer may take together."""

    context: int

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt, marks of turns included."""

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer the messages. Equal arguments give equal answers, whatever was asked before.

        Parameters
        ----------
        messages : sequence of Message
            The turns so far.
        schema : dict, optional
            JSON schema that the answer keeps to, unless it is cut by `max_tokens`.
        max_tokens : int
            Most tokens of the answer.
        temperature : float
            0 takes the likeliest token each time; the seed plays no part then.
        seed : int
            Start of the random numbers.

        Raises
        ------
        ContextOverflow
            The messages and `max_tokens` exceed the context.
        ModelError
            The engine broke down.
        """

    def close(self) -> None:
        """Free the model."""
