"""What a language model is to the stages that ask one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from valex_local.errors import ValexError

JsonSchema = Mapping[str, Any]


class ContextOverflow(ValexError):
    """Prompt and answer do not fit into the context of the model; nothing was evaluated."""


@dataclass(frozen=True)
class Picture:
    """A still for a model that sees: the bytes of a JPEG or PNG file."""

    data: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """Its MIME type, told by its first bytes."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


Part = str | Picture


@dataclass(frozen=True)
class Message:
    """One turn of a chat.

    Its content is a text, or texts and pictures in order. Texts reach the model as plain text, whatever they hold: only
    the engine writes the tokens that mark turns. Where engines keep what they evaluated, they keep it part by part, so
    what many questions share belongs into parts of its own at the beginning.
    """

    role: Literal["system", "user", "assistant"]
    content: Part | tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content as parts."""
        return self.content if isinstance(self.content, tuple) else (self.content,)


@dataclass(frozen=True)
class Token:
    """One token of an answer.

    Attributes
    ----------
    text : str
        What it adds to the answer; the texts of all tokens make the whole of it.
    alternatives : dict of str to float
        The likeliest tokens in its place by the model alone, no schema applied: text to natural log-probability.
    """

    text: str
    alternatives: Mapping[str, float]


@dataclass(frozen=True)
class Reply:
    """What the model answered.

    Attributes
    ----------
    text : str
        The answer. Cut when `finish_reason` is ``"length"``.
    prompt_tokens, output_tokens : int
        Tokens of the question, pictures included, and tokens written.
    finish_reason : {"stop", "length"}
        Whether the model came to an end or to the limit.
    evaluated_tokens : int
        Tokens of the question that had to be evaluated; the others were kept from questions before. It hangs on what
        was asked before, so it belongs into no record, and replies are equal without it.
    tokens : tuple of Token
        The answer token by token, where alternatives were asked for and the engine has them; else empty.
    """

    text: str
    prompt_tokens: int
    output_tokens: int
    finish_reason: Literal["stop", "length"]
    evaluated_tokens: int = field(default=0, compare=False)
    tokens: tuple[Token, ...] = ()


class LanguageModel(Protocol):
    """A chat model on this machine.

    Attributes
    ----------
    context : int
        How many tokens prompt and answer may take together.
    sees : bool
        Whether it takes pictures.
    """

    context: int
    sees: bool

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt, marks of turns and pictures included."""

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
        alternatives: int = 0,
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
        alternatives : int
            How many of the likeliest tokens to tell at each place of the answer; engines may tell fewer, or none.

        Raises
        ------
        ContextOverflow
            The messages and `max_tokens` exceed the context.
        ModelError
            The engine broke down, or a picture was given to a model that does not see.
        """

    def close(self) -> None:
        """Free the model."""
