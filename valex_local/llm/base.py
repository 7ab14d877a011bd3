"""The interface of language models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from valex_local.errors import ValexError

JsonSchema = Mapping[str, Any]


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object that has all of these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


class ContextOverflow(ValexError):
    """Prompt and answer do not fit into the model's context; nothing was evaluated."""


@dataclass(frozen=True)
class Picture:
    """An image for a model that takes images: the bytes of a JPEG or PNG file."""

    data: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """Its MIME type, according to its first bytes."""
        return "image/png" if self.data.startswith(b"\x89PNG") else "image/jpeg"


ContentPart = str | Picture


@dataclass(frozen=True)
class Message:
    """One turn of a chat.

    Its content is a text, or texts and pictures in order. Texts reach the model as plain text, whatever they contain:
    only the engine writes the special tokens of turns. Engines that cache evaluated prompts do so part by part, so what
    many questions share belongs into separate parts at the beginning.
    """

    role: Literal["system", "user", "assistant"]
    content: ContentPart | tuple[ContentPart, ...]

    @property
    def parts(self) -> tuple[ContentPart, ...]:
        """The content as parts."""
        return self.content if isinstance(self.content, tuple) else (self.content,)


@dataclass(frozen=True)
class Token:
    """One token of an answer.

    Attributes
    ----------
    text : str
        What it adds to the answer; the answer is the texts of all tokens, joined.
    alternatives : dict of str to float
        The likeliest tokens in its place according to the model alone, before a schema is applied: text to natural
        log-probability.
    """

    text: str
    alternatives: Mapping[str, float]


@dataclass(frozen=True)
class Reply:
    """The answer of a model.

    Attributes
    ----------
    text : str
        The answer. It is cut off if `finish_reason` is ``"length"``.
    prompt_tokens, output_tokens : int
        Tokens of the prompt, pictures included, and of the answer.
    finish_reason : {"stop", "length"}
        Whether the model ended the answer or reached the limit.
    evaluated_tokens : int
        Tokens of the prompt that had to be evaluated; the others were cached from earlier prompts. It depends on what
        was asked before, so it must not enter a record, and replies are compared without it.
    tokens : tuple of Token
        The answer token by token, if alternatives were asked for and the engine has them; otherwise empty.
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
        Maximum number of tokens of prompt and answer together.
    sees : bool
        Whether it takes images.
    concurrent : bool
        Whether several threads may ask it at once, and gain by it.
    """

    context: int
    sees: bool
    concurrent: bool

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt, including special tokens and pictures."""

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
        """Return the answer to the messages. Equal arguments give equal answers, whatever was asked before.

        Parameters
        ----------
        messages : sequence of Message
            The turns so far.
        schema : dict, optional
            JSON schema that the answer follows, unless it is cut off by `max_tokens`.
        max_tokens : int
            Maximum length of the answer, tokens.
        temperature : float
            With 0 the likeliest token is always taken, and the seed has no effect.
        seed : int
            Seed of the random numbers.
        alternatives : int
            Number of likeliest tokens to report at each place of the answer; engines may report fewer, or none.

        Returns
        -------
        Reply
            The answer.

        Raises
        ------
        ContextOverflow
            The messages and `max_tokens` exceed the context.
        ModelError
            The engine failed, or an image was passed to a model that does not take images.
        """

    def close(self) -> None:
        """Free the model."""
