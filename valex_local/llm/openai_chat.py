"""Chats in the OpenAI protocol: requests and responses."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from itertools import accumulate, groupby
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from valex_local.errors import ModelError
from valex_local.llm.base import JsonSchema, Message, Picture, Reply, Token
from valex_local.llm.http_client import shortened
from valex_local.llm.special_tokens import break_special_tokens

MAX_ALTERNATIVES = 20
"""Maximum number of alternatives that servers report at each place of an answer."""

Format = Callable[[JsonSchema], dict[str, Any]]


def _json_schema(schema: JsonSchema) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def _json_object(schema: JsonSchema) -> dict[str, Any]:
    return {"type": "json_object", "schema": schema}


FORMATS: dict[str, Format] = {"json_schema": _json_schema, "json_object": _json_object}
"""The ways to ask for an answer that follows a schema: vLLM and Ollama support the first, llama-cpp-python the second,
llama-server both."""


def ask_alternatives(number: int) -> dict[str, Any]:
    """Return the part of a request that asks for the likeliest tokens at each place of the answer."""
    return {"logprobs": True, "top_logprobs": min(number, MAX_ALTERNATIVES)}


def content_of(message: Message) -> str | list[dict[str, Any]]:
    """Return a content as the protocol has it: a string if it is all text, since not every server accepts lists."""
    listed: list[dict[str, Any]] = []
    for _, run in groupby(message.parts, key=lambda part: isinstance(part, str)):
        parts = list(run)
        if text := "".join(part for part in parts if isinstance(part, str)):
            # Joined first, since a special token could be split over two parts. Lone surrogates cannot be sent.
            listed.append({"type": "text", "text": break_special_tokens(text.encode("utf-8", "replace").decode())})
        for part in parts:
            if isinstance(part, Picture):
                data = f"data:{part.media_type};base64,{base64.b64encode(part.data).decode()}"
                listed.append({"type": "image_url", "image_url": {"url": data}})
    if any(part["type"] != "text" for part in listed):
        return listed
    return "".join(part["text"] for part in listed)


class _Given(BaseModel):
    """A part of an answer; fields that are not used here are ignored."""

    model_config = ConfigDict(frozen=True)


class _Likelihood(_Given):
    token: str
    logprob: float
    bytes: list[Annotated[int, Field(ge=0, le=255)]] | None = None

    @property
    def text(self) -> str:
        return self.token if self.bytes is None else bytes(self.bytes).decode("utf-8", "replace")


class _Place(_Likelihood):
    top_logprobs: list[_Likelihood] | None = None

    def alternatives(self, number: int) -> dict[str, float]:
        """Return the likeliest tokens in this place; of tokens with the same text, the likeliest."""
        by_text: dict[str, float] = {}
        for other in sorted(self.top_logprobs or (), key=lambda other: -other.logprob)[:number]:
            by_text.setdefault(other.text, other.logprob)
        return by_text


class _Logprobs(_Given):
    content: list[_Place] | None = None


class _ResponseMessage(_Given):
    content: str | None = None


class _Choice(_Given):
    message: _ResponseMessage
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Details(_Given):
    cached_tokens: int | None = None


class _Usage(_Given):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None

    @property
    def cached(self) -> int:
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0


class ChatResponse(_Given):
    """The response to a chat request."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: _Usage

    @property
    def text(self) -> str:
        """What the model wrote."""
        return self.choices[0].message.content or ""

    def places(self) -> list[tuple[str, _Place]]:
        """Return each token of the answer: what it adds to the text, and its log-probabilities.

        The model may have written more than the answer: an end token, or a fence around JSON, which llama-server
        strips. The list is empty if the server reports no tokens, or tokens that do not contain the answer.
        """
        logprobs = self.choices[0].logprobs
        reported = (logprobs and logprobs.content) or []
        decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may consist of several tokens
        pieces = [p.token if p.bytes is None else decoder.decode(bytes(p.bytes)) for p in reported]
        ends = list(accumulate(map(len, pieces)))
        written = "".join(pieces)
        first = next((at for at in [0, *ends] if written.startswith(self.text, at)), written.find(self.text))
        if first < 0:
            return []
        last = first + len(self.text)
        spans = zip([0, *ends], ends, reported, strict=False)
        return [(written[max(a, first) : min(z, last)], place) for a, z, place in spans if a < last and z > first]

    def tokens(self, alternatives: int) -> tuple[Token, ...]:
        """Return the answer token by token, with a number of alternatives at each place."""
        return tuple(Token(text, place.alternatives(alternatives)) for text, place in self.places())

    def reply(self, alternatives: int, url: str) -> Reply:
        """Return it as a reply, with a number of alternatives at each place; `url` is for messages.

        Raises
        ------
        ModelError
            The model neither ended its answer nor reached the limit.
        """
        return Reply(
            text=self.text,
            prompt_tokens=self.usage.prompt_tokens,
            output_tokens=self.usage.completion_tokens,
            finish_reason=_reason(self.choices[0].finish_reason, url),
            evaluated_tokens=self.usage.prompt_tokens - self.usage.cached,
            tokens=self.tokens(alternatives) if alternatives else (),
        )


def _reason(given: str | None, url: str) -> Literal["stop", "length"]:
    if given == "stop":
        return "stop"
    if given == "length":
        return "length"
    raise ModelError(f"the server ended its answer for another reason: {shortened(str(given))}", path=url)
