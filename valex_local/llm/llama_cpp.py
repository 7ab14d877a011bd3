"""GGUF models through llama.cpp.

The prompt is put together from token ids: the pieces that the chat template wrote may become the special tokens that
mark turns, the contents between them never do. So ``<|im_end|>`` in a post is a handful of plain tokens.
"""

from __future__ import annotations

import ctypes
import functools
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valex_local.devices import Device
from valex_local.errors import MissingExtra, ModelError
from valex_local.llm.base import ContextOverflow, JsonSchema, Message, Reply
from valex_local.llm.chat_template import ChatTemplate
from valex_local.store import StoredModel

_log = logging.getLogger(__name__)

BATCH_TOKENS = 512
"""Prompt tokens evaluated at a time; fixed, for the last bits of the result hang on it."""


class LlamaCpp:
    """A chat model in GGUF.

    Parameters
    ----------
    model : StoredModel
        Its option ``file`` names the GGUF (of a split one the first part); needed only where its folder holds several.
    device : Device
        On ``cuda`` all layers go to the card, where the library was built for it.
    context : int
        Tokens of prompt and answer together; a model trained on fewer gets as many as it knows.

    Raises
    ------
    MissingExtra
        llama-cpp-python is not installed.
    ModelError
        There is no such file, it cannot be loaded, or it is no chat model.
    """

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        self._library = _library()
        path = _weights(model)
        on_card = device.kind == "cuda"
        try:
            self._llama: Any = self._library.Llama(
                str(path),
                n_ctx=context,
                n_batch=BATCH_TOKENS,
                n_threads=device.threads,
                n_threads_batch=device.threads,
                n_gpu_layers=-1 if on_card else 0,
                offload_kqv=on_card,
                op_offload=on_card,
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            hint = "Check it with: valex models verify; where memory is short, lower script.llm.context"
            raise ModelError(f"llama.cpp cannot load the model ({error})", path=path, hint=hint) from error
        self.context = min(self._llama.n_ctx(), self._trained_context())
        self._template = self._read_template(path)

    def _trained_context(self) -> int:
        facts = self._llama.metadata
        return int(facts.get(f"{facts.get('general.architecture')}.context_length", self._llama.n_ctx()))

    def _read_template(self, path: Path) -> ChatTemplate:
        source = self._llama.metadata.get("tokenizer.chat_template")
        if source is None:
            raise ModelError("the GGUF holds no chat template: it is no chat model", path=path)
        return ChatTemplate(
            source,
            bos_token=self._token_text(self._llama.token_bos()),
            eos_token=self._token_text(self._llama.token_eos()),
        )

    def _token_text(self, token: int) -> str:
        """Return the text of a token; -1, as llama.cpp has it, is no token."""
        return "" if token < 0 else self._llama.detokenize([token], special=True).decode("utf-8", "replace")

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the messages as token ids; no content yields a special token."""
        tokens: list[int] = []
        for text, special in self._template.pieces(messages):
            tokens += self._llama.tokenize(text.encode("utf-8", "replace"), add_bos=False, special=special)
        # What a prompt begins with by the model's own rule; most templates write it themselves.
        begin: list[int] = self._llama.tokenize(b"", add_bos=True, special=True)[:1]
        return tokens if tokens[:1] == begin else begin + tokens

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt; see `LanguageModel.count`."""
        return len(self.prompt(messages))

    def chat(
        self,
        messages: Sequence[Message],
        *,
        schema: JsonSchema | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Reply:
        """Answer the messages; see `LanguageModel.chat`."""
        tokens = self.prompt(messages)
        if len(tokens) + max_tokens > self.context:
            raise ContextOverflow(
                f"{len(tokens)} tokens of prompt and {max_tokens} of answer exceed the context of {self.context}"
            )
        # A prefix kept from the last prompt was evaluated in other batches than it would be here; then the answer
        # could hang on what was asked before.
        self._llama.reset()
        try:
            answer = self._llama.create_completion(
                tokens, max_tokens=max_tokens, temperature=temperature, seed=seed, grammar=self._grammar(schema)
            )
        except RuntimeError as error:
            raise ModelError(f"llama.cpp broke down while it answered ({error})") from error
        choice, usage = answer["choices"][0], answer["usage"]
        return Reply(choice["text"], usage["prompt_tokens"], usage["completion_tokens"], choice["finish_reason"])

    def _grammar(self, schema: JsonSchema | None) -> Any:
        if schema is None:
            return None
        return self._library.LlamaGrammar.from_json_schema(json.dumps(schema, ensure_ascii=False), verbose=False)

    def close(self) -> None:
        """Free the weights and the context; a second time does nothing."""
        if self._llama is not None:
            self._llama.close()
            self._llama = None


@functools.cache
def _library() -> Any:
    """Import llama_cpp, once, and have it speak to our log instead of the standard error stream."""
    try:
        import llama_cpp
    except ModuleNotFoundError as error:
        raise MissingExtra("llama_cpp", "llm") from error

    def say(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        _log.debug("llama.cpp (level %d): %s", level, text.decode("utf-8", "replace").rstrip())

    # C keeps the address alone, so the callback must live as long as the library: its module holds it.
    llama_cpp.valex_log_callback = llama_cpp.llama_log_callback(say)
    llama_cpp.llama_log_set(llama_cpp.valex_log_callback, ctypes.c_void_p(0))
    return llama_cpp


def _weights(model: StoredModel) -> Path:
    """Return the GGUF file of a model."""
    named = model.options.get("file")
    if named is not None:
        path = model.folder / str(named)
        if not path.is_file():
            raise ModelError(f"{model.id} lacks its file {named}", path=model.folder, hint="Run: valex models verify")
        return path
    found = sorted(p for p in model.folder.glob("*.gguf") if not p.name.startswith("mmproj"))
    if len(found) != 1:
        hint = 'Name the file to load in the manifest: [options] file = "…"'
        raise ModelError(f"{model.id} holds {len(found)} GGUF files, not one", path=model.folder, hint=hint)
    return found[0]
