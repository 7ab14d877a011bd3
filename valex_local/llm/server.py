"""Chat models on an OpenAI-compatible server of this machine: llama-server, vLLM, Ollama, llama-cpp-python's.

Servers differ in how much of the protocol they support and rarely report what they ignore. So what this program needs
is tested when the model is loaded: that answers follow a schema, whether log-probabilities are reported and are the
model's own, whether pictures reach the model.

What a server does behind its address cannot be checked from here. It should be started offline, with a model whose
files are on this machine.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from valex_local.errors import ModelError
from valex_local.llm.base import ContextOverflow, JsonSchema, Message, Picture, Reply, object_schema
from valex_local.llm.http_client import LoopbackClient, Refusal, shortened
from valex_local.llm.images import plain_picture
from valex_local.llm.openai_chat import FORMATS, ChatResponse, Format, ask_alternatives, content_of
from valex_local.store import StoredModel
from valex_local.store.manifests import RECORD
from valex_local.store.model import refuse_hidden
from valex_local.store.servers import server_options
from valex_local.system.devices import Device

PROBE_TOKENS = 64
"""Maximum length of the small answers in the tests of a server, tokens."""

UNLIKELY = math.log(0.05)
"""A nonsense word is less likely than this, unless the log-probabilities are those after applying the schema."""

TEST_PICTURE_SIDE = 224
"""Side of the pictures for the test of vision, pixels: the size that most vision encoders are made for."""

# Some servers, and generation settings next to some weights, penalise repetition, which breaks lists of references; and
# an answer that follows a schema cannot contain reasoning. Servers ignore options they do not know.
_PLAIN = {"repeat_penalty": 1.0, "repetition_penalty": 1.0, "chat_template_kwargs": {"enable_thinking": False}}

_TOO_LONG = re.compile(r"context[ _](size|length|window)", re.IGNORECASE)
_CLOUD = ("-cloud", ":cloud")


class Server:
    """A chat model on a server.

    Parts of a content reach the server in order, with adjacent texts joined. Special tokens in them are broken up (see
    `special_tokens`), so they are plain text to the model. If the server caches evaluated prompts, the rounding of an
    answer can depend on what was asked before; only the built-in engines rule that out.

    Parameters
    ----------
    model : StoredModel
        Its options: ``url``, ``model`` (the server's name for it; by default its only one) and ``sees``.
    device : Device
        Not used: the server has its own.
    context : int
        Maximum number of tokens of prompt and answer together; limited to what the server reports.

    Raises
    ------
    ModelError
        The address is not on this machine, there is no server or no such model, its answers do not follow a schema, or
        it does not see images although its options say so.
    """

    concurrent = True

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        options = server_options(model.options, model.folder / RECORD)
        refuse_hidden(model)
        self._server = LoopbackClient(options)
        known = self._models()
        self._name = self._choose(known, options.model)
        self._refuse_cloud()
        self._format = self._try_formats()
        self._has_logprobs = self._try_alternatives()
        self.context = min([context, *self._reported_contexts(known[self._name])])
        self._counted = _Counted()
        self.sees = options.sees
        if self.sees:
            self._try_vision()

    # --- tests of the server ----------------------------------------------------------------------------------------

    def _models(self) -> dict[str, Mapping[str, Any]]:
        """Return the server's list of models, by name."""
        known = {str(entry["id"]): entry for entry in _rows(self._server.get("/v1/models"), "data") if "id" in entry}
        if not known:
            raise ModelError("the server lists no models", path=self._server.url, hint="Load one there")
        return known

    def _choose(self, known: Mapping[str, Any], name: str | None) -> str:
        if name is None and len(known) == 1:
            return next(iter(known))
        if name in known and name is not None:
            return name
        what = "the server has several models" if name is None else f"the server has no model {name}"
        there = shortened(", ".join(known))
        raise ModelError(what, path=self._server.url, hint=f"Set the option model to one of: {there}")

    def _refuse_cloud(self) -> None:
        """Raise for a model that Ollama runs on its cloud."""
        named = [entry for entry in _rows(self._peek("/api/tags"), "models") if entry.get("name") == self._name]
        if any(entry.get("remote_host") for entry in named) or self._name.endswith(_CLOUD):
            what = f"the model {self._name} runs on other machines, and no byte may leave this machine"
            raise ModelError(what, path=self._server.url, hint="Choose a model whose weights are here")

    def _reported_contexts(self, entry: Mapping[str, Any]) -> Iterator[int]:
        """Yield the context sizes that the server reports; vLLM, llama-server and Ollama do so in different places."""
        slot = _table(_table(self._peek("/props")).get("default_generation_settings"))
        loaded = [row for row in _rows(self._peek("/api/ps"), "models") if row.get("name") == self._name]
        for size in (entry.get("max_model_len"), slot.get("n_ctx"), *(row.get("context_length") for row in loaded)):
            if isinstance(size, int) and size > 0:
                yield size

    def _peek(self, path: str) -> Any:
        """Return the answer at a path that only some servers have, or None."""
        try:
            return self._server.get(path)
        except ModelError:
            return None

    def _try_formats(self) -> Format:
        """Return the format in which the server accepts a schema, found with one that no model would follow unasked."""
        faults = []
        for name, write in FORMATS.items():
            try:
                answer = self._ask(_PROBE, max_tokens=PROBE_TOKENS, response_format=write(_PROBE_SCHEMA))
            except Refusal as refusal:
                faults.append(f"{name}: {refusal.words}")
                continue
            if _parsed(answer.text) == _PROBE_ANSWER:
                return write
            faults.append(f"{name}: it answered {shortened(answer.text)!r}")
        raise ModelError(
            f"the server's answers do not follow a JSON schema ({'; '.join(faults)})",
            path=self._server.url,
            hint="Use one that supports response_format, such as llama-server, vLLM, Ollama or llama_cpp.server, and a "
            "model that does not write out its reasoning",
        )

    def _try_alternatives(self) -> bool:
        """Return whether the server reports log-probabilities, and those before the schema is applied."""
        form = self._format(_PROBE_SCHEMA)
        try:
            answer = self._ask(_PROBE, max_tokens=PROBE_TOKENS, response_format=form, **ask_alternatives(1))
        except Refusal:
            return False
        return min((place.logprob for _, place in answer.places()), default=0.0) < UNLIKELY

    def _try_vision(self) -> None:
        """Check that the model names the colours of two pictures, which it could not if it read their bytes as text."""
        colours = ["red", "blue"]
        try:
            replies = [
                self.chat(
                    [
                        Message(
                            "user", (plain_picture(colour, TEST_PICTURE_SIDE), "What is the colour of this picture?")
                        )
                    ],
                    schema=object_schema({"colour": {"enum": colours}}),
                    max_tokens=PROBE_TOKENS,
                )
                for colour in colours
            ]
        except (Refusal, ContextOverflow) as fault:
            raise self._no_vision(fault.what) from fault
        named = [_table(_parsed(reply.text)).get("colour") for reply in replies]
        if named != colours or len({reply.prompt_tokens for reply in replies}) > 1:
            raise self._no_vision(f"it called a red and a blue picture {shortened(json.dumps(named))}")

    def _no_vision(self, why: str) -> ModelError:
        what = f"the model {self._name} does not see images: {why}"
        hint = "Start the server with the model's vision encoder (mmproj), or leave out the option sees"
        return ModelError(what, path=self._server.url, hint=hint)

    # --- asking -----------------------------------------------------------------------------------------------------

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt; see `LanguageModel.count`.

        The server is asked for an answer of one token and reports the length of the prompt; most servers cache it. A
        prompt that is refused as too long counts as one token more than the context.
        """
        asked = tuple(messages)
        if self._counted.messages != asked:
            try:
                size = self._ask(asked, max_tokens=1).usage.prompt_tokens
            except ContextOverflow:
                size = self.context + 1
            self._counted.messages, self._counted.size = asked, size
        return self._counted.size

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
        """Return the answer to the messages; see `LanguageModel.chat`."""
        asked = tuple(messages)
        if not self.sees and any(isinstance(part, Picture) for message in asked for part in message.parts):
            raise ModelError(
                "an image was passed to a model that does not see images", hint="If it does, set its option sees = true"
            )
        if self._counted.messages == asked:
            self._check_context(self._counted.size, max_tokens)
        more: dict[str, Any] = {"temperature": temperature, "seed": seed}
        if schema is not None:
            more["response_format"] = self._format(schema)
        if alternatives and self._has_logprobs:
            more |= ask_alternatives(alternatives)
        answer = self._ask(asked, max_tokens=max_tokens, **more)
        # The server's context may be larger; whether a prompt fits must not depend on whether it was counted before.
        self._check_context(answer.usage.prompt_tokens, max_tokens)
        return answer.reply(alternatives if self._has_logprobs else 0, self._server.url)

    def _check_context(self, prompt: int, answer: int) -> None:
        if prompt + answer > self.context:
            raise ContextOverflow(
                f"{prompt} tokens of prompt and {answer} of answer exceed the context of {self.context}"
            )

    def _ask(self, messages: Sequence[Message], **more: Any) -> ChatResponse:
        """Return the server's response to a chat."""
        chat = [{"role": message.role, "content": content_of(message)} for message in messages]
        body = {"model": self._name, "messages": chat, "temperature": 0.0, "seed": 0, "stream": False, **_PLAIN, **more}
        try:
            answer = ChatResponse.model_validate(self._server.post("/v1/chat/completions", body))
        except Refusal as refusal:
            if _TOO_LONG.search(refusal.words):
                raise ContextOverflow(f"the prompt is too long for the server: {refusal.words}") from refusal
            raise
        except ValidationError as error:
            fault = ", ".join(".".join(map(str, e["loc"])) for e in error.errors())
            what = f"the server's answer does not follow the OpenAI protocol (wrong or missing: {shortened(fault)})"
            raise ModelError(what, path=self._server.url, hint="Use a server with this protocol") from error
        words = sum(_words(message) for message in messages)
        if answer.usage.prompt_tokens < words:
            # Tokens do not extend over white space, so a prompt has at least as many tokens as words.
            what = f"the server cuts long prompts: of {words} words it read {answer.usage.prompt_tokens} tokens"
            raise ContextOverflow(what, path=self._server.url, hint="Start it with a larger context")
        return answer

    def close(self) -> None:
        """Do nothing: the server keeps running, and no connection stays open."""


class _Counted(threading.local):
    """The last messages that a thread has counted, and their tokens: most are asked right after."""

    messages: tuple[Message, ...] | None = None
    size = 0


_PROBE = [Message("user", "What is the colour of the sky? Answer in one word.")]
_PROBE_ANSWER = {"colour": ["xq7"]}
# With a list, as in the schemas of labels: not every server supports `prefixItems`.
_PROBE_SCHEMA = object_schema(
    {"colour": {"type": "array", "prefixItems": [{"enum": ["xq7"]}], "minItems": 1, "maxItems": 1}}
)


def _words(message: Message) -> int:
    return len("".join(part for part in message.parts if isinstance(part, str)).split())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _table(given: Any) -> Mapping[str, Any]:
    """Return JSON that should be an object, or an empty object if it is not."""
    return given if isinstance(given, dict) else {}


def _rows(given: Any, key: str) -> list[Mapping[str, Any]]:
    """Return the objects in the list that JSON should have under a key."""
    rows = _table(given).get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
