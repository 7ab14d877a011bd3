"""Chat models on an OpenAI-compatible server of this machine: llama-server, vLLM, Ollama, llama-cpp-python's.

Servers differ in what they keep of the protocol and mostly say nothing of what they ignore. So what this program rests
on is tried when the model is loaded: that answers are held to a schema, whether log-probabilities are told and are the
model's own, whether pictures are seen.

What a server does behind its address cannot be seen from here. It should be started offline, with a model whose files
lie on this machine.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from valex_local.errors import ModelError
from valex_local.llm.base import ContextOverflow, JsonSchema, Message, Picture, Reply
from valex_local.llm.http_client import Loopback, Refusal, shortened
from valex_local.llm.images import plain_picture
from valex_local.llm.openai_chat import FORMATS, ChatResponse, Format, ask_alternatives, content_of
from valex_local.store import StoredModel
from valex_local.store.manifests import RECORD
from valex_local.store.model import refuse_hidden
from valex_local.store.servers import server_options
from valex_local.system.devices import Device

PROBE_TOKENS = 64
"""Room for the small answers by which a server is tried."""

UNLIKELY = math.log(0.05)
"""A word that nobody would say is less likely than this, unless the schema went into the log-probabilities."""

SIGHT_PIXELS = 224
"""Side of the pictures by which sight is tried: what most vision models are made for."""

# Some servers, and generation settings beside some weights, make repetition costly, which a list of references does not
# survive; and an answer held by a schema has no room for thinking aloud. Servers ignore those they do not know.
_PLAIN = {"repeat_penalty": 1.0, "repetition_penalty": 1.0, "chat_template_kwargs": {"enable_thinking": False}}

_TOO_LONG = re.compile(r"context[ _](size|length|window)", re.IGNORECASE)
_CLOUD = ("-cloud", ":cloud")


class Server:
    """A chat model on a server.

    Parts of a content reach the server in order, texts beside each other as one. Marks in them are broken (`marks`), so
    they are plain text to the model. Where the server keeps what it evaluated, answers can differ in rounding by what
    was asked before; only engines of our own exclude that.

    Parameters
    ----------
    model : StoredModel
        Its options: ``url``, ``model`` (what the server calls it; left out, its only one) and ``sees``.
    device : Device
        Of no use here: the server has its own.
    context : int
        Tokens of prompt and answer together, or fewer where the server says that it takes fewer.

    Raises
    ------
    ModelError
        The address is not on this machine, there is no server or no such model, or it does not hold answers to a
        schema, or does not see though its options say so.
    """

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        options = server_options(model.options, model.folder / RECORD)
        refuse_hidden(model)
        self._server = Loopback(options)
        known = self._models()
        self._name = self._choose(known, options.model)
        self._refuse_cloud()
        self._format = self._try_formats()
        self._tells = self._try_alternatives()
        self.context = min([context, *self._told_contexts(known[self._name])])
        self._counted: tuple[tuple[Message, ...], int] | None = None
        self.sees = options.sees
        if self.sees:
            self._try_sight()

    # --- what the server is -----------------------------------------------------------------------------------------

    def _models(self) -> dict[str, Mapping[str, Any]]:
        """Return what the server says of its models, by name."""
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
        """Refuse a model that Ollama has computed on its maker's machines."""
        named = [entry for entry in _rows(self._peek("/api/tags"), "models") if entry.get("name") == self._name]
        if any(entry.get("remote_host") for entry in named) or self._name.endswith(_CLOUD):
            what = f"the model {self._name} is computed elsewhere, and no byte may leave this machine"
            raise ModelError(what, path=self._server.url, hint="Choose a model whose weights are here")

    def _told_contexts(self, entry: Mapping[str, Any]) -> Iterator[int]:
        """Yield how many tokens the server takes, where it says so: vLLM, llama-server and Ollama each in its place."""
        slot = _table(_table(self._peek("/props")).get("default_generation_settings"))
        loaded = [row for row in _rows(self._peek("/api/ps"), "models") if row.get("name") == self._name]
        for told in (entry.get("max_model_len"), slot.get("n_ctx"), *(row.get("context_length") for row in loaded)):
            if isinstance(told, int) and told > 0:
                yield told

    def _peek(self, path: str) -> Any:
        """Return what only some servers have at a path, else nothing."""
        try:
            return self._server.get(path)
        except ModelError:
            return None

    def _try_formats(self) -> Format:
        """Find the way to ask for a schema, by one that no model keeps by itself."""
        said = []
        for name, write in FORMATS.items():
            try:
                answer = self._ask(_PROBE, max_tokens=PROBE_TOKENS, response_format=write(_PROBE_SCHEMA))
            except Refusal as refusal:
                said.append(f"{name}: {refusal.words}")
                continue
            if _parsed(answer.text) == _PROBE_ANSWER:
                return write
            said.append(f"{name}: it answered {shortened(answer.text)!r}")
        raise ModelError(
            f"the server does not hold answers to a JSON schema ({'; '.join(said)})",
            path=self._server.url,
            hint="Use one that keeps response_format, such as llama-server, vLLM, Ollama or llama_cpp.server, and a "
            "model that does not think aloud",
        )

    def _try_alternatives(self) -> bool:
        """Find out whether the server tells log-probabilities, and those before the schema is applied."""
        form = self._format(_PROBE_SCHEMA)
        try:
            answer = self._ask(_PROBE, max_tokens=PROBE_TOKENS, response_format=form, **ask_alternatives(1))
        except Refusal:
            return False
        return min((place.logprob for _, place in answer.places()), default=0.0) < UNLIKELY

    def _try_sight(self) -> None:
        """Show a red and a blue picture. The colours must be told right: bytes read as text change an answer too."""
        colours = ["red", "blue"]
        try:
            replies = [
                self.chat(
                    [Message("user", (plain_picture(colour, SIGHT_PIXELS), "What is the colour of this picture?"))],
                    schema=_object({"colour": {"enum": colours}}),
                    max_tokens=PROBE_TOKENS,
                )
                for colour in colours
            ]
        except (Refusal, ContextOverflow) as fault:
            raise self._blind(fault.what) from fault
        named = [_table(_parsed(reply.text)).get("colour") for reply in replies]
        if named != colours or len({reply.prompt_tokens for reply in replies}) > 1:
            raise self._blind(f"of a red and a blue picture it said {shortened(json.dumps(named))}")

    def _blind(self, why: str) -> ModelError:
        what = f"the model {self._name} does not see: {why}"
        hint = "Start the server with the model's vision half (mmproj), or leave out the option sees"
        return ModelError(what, path=self._server.url, hint=hint)

    # --- asking -----------------------------------------------------------------------------------------------------

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt; see `LanguageModel.count`.

        The server is asked for one token of answer and says how long the prompt was; most keep what they evaluated. A
        prompt that it refuses as too long counts as one token more than the context.
        """
        asked = tuple(messages)
        if self._counted is None or self._counted[0] != asked:
            try:
                size = self._ask(asked, max_tokens=1).usage.prompt_tokens
            except ContextOverflow:
                size = self.context + 1
            self._counted = (asked, size)
        return self._counted[1]

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
        """Answer the messages; see `LanguageModel.chat`."""
        asked = tuple(messages)
        if not self.sees and any(isinstance(part, Picture) for message in asked for part in message.parts):
            raise ModelError("the model was given a picture and does not see", hint="Set its option sees = true")
        if self._counted is not None and self._counted[0] == asked:
            self._check_room(self._counted[1], max_tokens)
        more: dict[str, Any] = {"temperature": temperature, "seed": seed}
        if schema is not None:
            more["response_format"] = self._format(schema)
        if alternatives and self._tells:
            more |= ask_alternatives(alternatives)
        answer = self._ask(asked, max_tokens=max_tokens, **more)
        # The server may have more room than was asked for; what fits must not hang on what was counted before.
        self._check_room(answer.usage.prompt_tokens, max_tokens)
        return answer.reply(alternatives if self._tells else 0, self._server.url)

    def _check_room(self, prompt: int, answer: int) -> None:
        if prompt + answer > self.context:
            raise ContextOverflow(
                f"{prompt} tokens of prompt and {answer} of answer exceed the context of {self.context}"
            )

    def _ask(self, messages: Sequence[Message], **more: Any) -> ChatResponse:
        """Send a chat and read what comes back."""
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
            what = f"the server's answer is not of the OpenAI form (wrong or missing: {shortened(fault)})"
            raise ModelError(what, path=self._server.url, hint="Name a server that speaks this protocol") from error
        words = sum(_words(message) for message in messages)
        if answer.usage.prompt_tokens < words:
            # Tokens do not reach over white space, so a prompt has no fewer than it has words.
            what = f"the server cuts long prompts: of {words} words it read {answer.usage.prompt_tokens} tokens"
            raise ContextOverflow(what, path=self._server.url, hint="Start it with more context")
        return answer

    def close(self) -> None:
        """Do nothing: the server is not ours, and no connection stays open."""


def _object(properties: dict[str, Any]) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_PROBE = [Message("user", "What is the colour of the sky? Answer in one word.")]
_PROBE_ANSWER = {"colour": ["xq7"]}
# With a list, as the labels have them: not every server reads `prefixItems`.
_PROBE_SCHEMA = _object({"colour": {"type": "array", "prefixItems": [{"enum": ["xq7"]}], "minItems": 1, "maxItems": 1}})


def _words(message: Message) -> int:
    return len("".join(part for part in message.parts if isinstance(part, str)).split())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except ValueError:
        return None


def _table(given: Any) -> Mapping[str, Any]:
    """Return JSON that should be an object; an empty one where it is not."""
    return given if isinstance(given, dict) else {}


def _rows(given: Any, key: str) -> list[Mapping[str, Any]]:
    """Return the objects that JSON should hold as a list under a key."""
    rows = _table(given).get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
