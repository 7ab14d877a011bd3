"""GGUF models through llama.cpp.

The prompt is assembled from token ids: the pieces that the chat template wrote may become special tokens, the contents
between them never do. So ``<|im_end|>`` in a post is a handful of plain tokens.

A prompt is evaluated in units: a part of a content with what the template wrote before it, or a picture. Each unit
begins a new batch, so the result of its evaluation depends only on the units before it, to the last bit. The units at
the beginning that are equal to those of the previous prompt are cached, so a prefix that many questions share is
evaluated once. The memory of some models (Mamba, Gated DeltaNet) is a state that cannot be cut back to the end of a
unit; of these the state after each unit is saved, and restored.
"""

from __future__ import annotations

import codecs
import ctypes
import functools
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.errors import MissingExtra, ModelError
from valex_local.llm.base import ContextOverflow, JsonSchema, Message, Picture, Reply, Token
from valex_local.llm.chat_template import ChatTemplate
from valex_local.store import StoredModel
from valex_local.system.devices import Device

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.llm.llama_sampling import Sampler
    from valex_local.llm.projector import EncodedPicture, Projector

_log = logging.getLogger(__name__)

BATCH_TOKENS = 512
"""Prompt tokens evaluated at a time; fixed, since the last bits of the result depend on it."""

_LONGEST_PIECE = 512
"""Maximum length of a token, bytes; the longest are runs of spaces."""


STATES = 8
"""Maximum number of states saved of a model whose memory cannot be cut; one takes some 50 MB for a model of 9 B."""


@dataclass(frozen=True)
class _Cached:
    """An evaluated unit: its key, the position after it, and the state after it where one had to be saved."""

    key: object
    end: int
    state: bytes | None = None


@dataclass(frozen=True)
class _Unit:
    """A part of a prompt that is evaluated separately: tokens, or a picture. Units with equal keys are the same."""

    tokens: tuple[int, ...] = ()
    picture: EncodedPicture | None = None

    @property
    def key(self) -> object:
        return self.tokens if self.picture is None else self.picture.key

    @property
    def size(self) -> int:
        return len(self.tokens) if self.picture is None else self.picture.tokens


class LlamaCpp:
    """A chat model in GGUF.

    Parameters
    ----------
    model : StoredModel
        Its option ``file`` names the GGUF file (or the first of a split one), ``mmproj`` that of its vision encoder;
        they are needed only if its folder contains several.
    device : Device
        On ``cuda`` all layers are computed on the GPU, if the library was built for it.
    context : int
        Maximum number of tokens of prompt and answer together; limited to what the model was trained on.

    Raises
    ------
    MissingExtra
        llama-cpp-python is not installed.
    ModelError
        There is no such file, it cannot be loaded, it is not a chat model, or its vision encoder does not work.
    """

    concurrent = False

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        self._library = _library()
        path, projector = _weights(model), _projector_file(model)
        on_gpu = device.kind == "cuda"
        try:
            self._llama: Any = self._library.Llama(
                str(path),
                n_ctx=context,
                n_batch=BATCH_TOKENS,
                n_threads=device.threads,
                n_threads_batch=device.threads,
                n_gpu_layers=-1 if on_gpu else 0,
                offload_kqv=on_gpu,
                op_offload=on_gpu,
                swa_full=True,  # a sliding window drops old tokens, so cached prefixes could not be reused
                verbose=False,
            )
        except (ValueError, RuntimeError, OSError) as error:
            hint = "Check it with: valex models verify; if memory is short, use a smaller context"
            raise ModelError(f"llama.cpp cannot load the model ({error})", path=path, hint=hint) from error
        self.context = min(self._llama.n_ctx(), self._trained_context())
        self._template = self._read_template(path)
        self._vocabulary = self._llama._model.vocab
        self._cached: list[_Cached] = []
        native = self._llama.model
        self._saves = bool(
            self._library.llama_model_is_recurrent(native) or self._library.llama_model_is_hybrid(native)
        )
        self._projector = None if projector is None else self._load_projector(projector, device)
        self.sees = self._projector is not None

    def _load_projector(self, path: Path, device: Device) -> Projector:
        from valex_local.llm.projector import Projector, check_vision

        projector = Projector(path, self._llama, threads=device.threads, on_gpu=device.kind == "cuda")
        check_vision(self._llama, projector, path)
        return projector

    def _trained_context(self) -> int:
        facts = self._llama.metadata
        return int(facts.get(f"{facts.get('general.architecture')}.context_length", self._llama.n_ctx()))

    def _read_template(self, path: Path) -> ChatTemplate:
        source = self._llama.metadata.get("tokenizer.chat_template")
        if source is None:
            raise ModelError("the GGUF file has no chat template: it is not a chat model", path=path)
        return ChatTemplate(
            source,
            bos_token=self._token_text(self._llama.token_bos()),
            eos_token=self._token_text(self._llama.token_eos()),
        )

    def _token_text(self, token: int) -> str:
        """Return the text of a token; in llama.cpp -1 means no token."""
        return "" if token < 0 else self._llama.detokenize([token], special=True).decode("utf-8", "replace")

    # --- the prompt -------------------------------------------------------------------------------------------------

    def prompt(self, messages: Sequence[Message]) -> list[_Unit]:
        """Return the messages as units; contents never become special tokens."""
        units: list[_Unit] = []
        # The token that begins a prompt; most templates write it themselves.
        begin: list[int] = self._llama.tokenize(b"", add_bos=True, special=True)[:1]
        tokens: list[int] = []
        for piece, special in self._template.pieces(messages):
            if isinstance(piece, str):
                tokens += self._llama.tokenize(piece.encode("utf-8", "replace"), add_bos=False, special=special)
            if tokens and not special:
                units.append(_Unit(tuple(tokens)))
                tokens = []
            if isinstance(piece, Picture):
                units.append(_Unit(picture=self._encode(piece)))
        if tokens and units and units[-1].picture is None:
            # On their own, these few tokens would cost as much as the text: the weights are read for each unit.
            units[-1] = _Unit((*units[-1].tokens, *tokens))
        elif tokens:
            units.append(_Unit(tuple(tokens)))
        if begin and units[0].tokens[:1] != tuple(begin):
            units.insert(0, _Unit(tuple(begin)))
        return units

    def _encode(self, picture: Picture) -> EncodedPicture:
        if self._projector is None:
            raise ModelError(
                "the model does not see images: it has no mmproj file", hint="Add one next to the GGUF file"
            )
        return self._projector.encode(picture)

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt; see `LanguageModel.count`."""
        return _size(self.prompt(messages))

    def forget(self) -> None:
        """Clear the cache, so that the next prompt is evaluated as a whole. This does not change any answer."""
        self._cached.clear()

    def _evaluate(self, units: Sequence[_Unit]) -> int:
        """Evaluate a prompt from where it differs from the previous one; return how many tokens that took."""
        pairs = zip(units[:-1], self._cached, strict=False)  # the last unit always again: its logits are gone
        equal = self._cut(sum(1 for _ in takewhile(lambda pair: pair[0].key == pair[1].key, pairs)))
        at = self._cached[-1].end if equal else 0
        for i, unit in enumerate(units[equal:], equal + 1):
            at = (
                self._evaluate_tokens(unit.tokens, at)
                if unit.picture is None
                else unit.picture.evaluate(self._llama, at)
            )
            self._cached.append(_Cached(unit.key, at, self._state() if i < len(units) else None))
        return _size(units[equal:])

    def _cut(self, equal: int) -> int:
        """Cut the memory back to so many units, or fewer if it has to be; return to how many."""
        while equal:
            kept = self._cached[equal - 1]
            if self._restore(kept.state) and self._llama._ctx.kv_cache_seq_rm(0, kept.end, -1):
                break
            equal -= 1
        if not equal and not self._llama._ctx.kv_cache_seq_rm(0, 0, -1):
            self._library.llama_memory_clear(self._llama._ctx.memory, True)
        del self._cached[equal:]
        return equal

    def _state(self) -> bytes | None:
        """Return the part of the memory that cannot be cut; None if there is none, or enough states are saved."""
        if not self._saves or sum(cached.state is not None for cached in self._cached) >= STATES:
            return None
        only = self._library.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        size = self._library.llama_state_seq_get_size_ext(self._llama.ctx, 0, only)
        buffer = (ctypes.c_uint8 * size)()
        written = self._library.llama_state_seq_get_data_ext(self._llama.ctx, buffer, size, 0, only)
        return bytes(buffer) if written == size else None

    def _restore(self, state: bytes | None) -> bool:
        """Restore a saved state; return whether the memory can now be cut to where it was saved."""
        if not self._saves or state is None:
            return not self._saves
        only = self._library.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(
            self._library.llama_state_seq_set_data_ext(self._llama.ctx, buffer, len(state), 0, only) == len(state)
        )

    def _evaluate_tokens(self, tokens: Sequence[int], at: int) -> int:
        self._llama.n_tokens = at
        self._llama.eval(list(tokens))
        return at + len(tokens)

    # --- the answer -------------------------------------------------------------------------------------------------

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
        from valex_local.llm.llama_sampling import Sampler

        units = self.prompt(messages)
        if _size(units) + max_tokens > self.context:
            raise ContextOverflow(
                f"{_size(units)} tokens of prompt and {max_tokens} of answer exceed the context of {self.context}"
            )
        sampler = Sampler(self._library, self._vocabulary, schema, temperature=temperature, seed=seed)
        try:
            evaluated = self._evaluate(units)
            written = list(self._answer(sampler, max_tokens, alternatives))
        except RuntimeError as error:
            self.forget()
            raise ModelError(f"llama.cpp failed while it answered ({error})") from error
        finally:
            sampler.close()
        ended = bool(written) and written[-1] is None
        tokens = tuple(token for token in written if token is not None)
        return Reply(
            text="".join(token.text for token in tokens),
            prompt_tokens=_size(units),
            output_tokens=len(tokens),
            finish_reason="stop" if ended else "length",
            evaluated_tokens=evaluated,
            tokens=tokens if alternatives else (),
        )

    def _answer(self, sampler: Sampler, max_tokens: int, alternatives: int) -> Iterator[Token | None]:
        """Yield the tokens of an answer, and None at its end if the model ends it."""
        from valex_local.llm.llama_sampling import likeliest

        at = self._cached[-1].end
        # A character may consist of several tokens.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for left in reversed(range(max_tokens)):
            logits = self._logits()
            others = likeliest(logits, alternatives) if alternatives else {}
            token = sampler.choose(logits)
            if self._library.llama_vocab_is_eog(self._vocabulary, token):
                yield None
                return
            yield Token(decoder.decode(self._piece(token)), self._by_text(others))
            if left:
                at = self._evaluate_tokens([token], at)

    def _by_text(self, logprobs: Mapping[int, float]) -> dict[str, float]:
        """Return log-probabilities by the text of the token; of tokens with the same text, the likeliest."""
        by_text: dict[str, float] = {}
        for token, logprob in logprobs.items():
            by_text.setdefault(self._piece(token).decode("utf-8", "replace"), logprob)
        return by_text

    def _logits(self) -> NDArray[np.float32]:
        import numpy as np

        pointer = self._llama._ctx.get_logits_ith(-1)
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),))

    def _piece(self, token: int) -> bytes:
        """Return the bytes of a token; special tokens have none."""
        buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
        size = self._library.llama_token_to_piece(self._vocabulary, token, buffer, _LONGEST_PIECE, 0, False)
        return buffer.raw[: max(size, 0)]

    def close(self) -> None:
        """Free the weights and the context; calling it again does nothing."""
        if self._projector is not None:
            self._projector.close()
            self._projector = None
        if self._llama is not None:
            self._llama.close()
            self._llama = None


def _size(units: Sequence[_Unit]) -> int:
    return sum(unit.size for unit in units)


@functools.cache
def _library() -> Any:
    """Return the module llama_cpp, imported once and set to write to our log instead of the standard error stream."""
    try:
        import llama_cpp
    except ModuleNotFoundError as error:
        raise MissingExtra("llama_cpp", "llm") from error

    def say(level: int, text: bytes, _: ctypes.c_void_p) -> None:
        _log.debug("llama.cpp (level %d): %s", level, text.decode("utf-8", "replace").rstrip())

    # C keeps only the address, so the callback must live as long as the library: its module holds it.
    llama_cpp.valex_log_callback = llama_cpp.llama_log_callback(say)
    llama_cpp.llama_log_set(llama_cpp.valex_log_callback, ctypes.c_void_p(0))
    return llama_cpp


def _weights(model: StoredModel) -> Path:
    """Return the GGUF file of a model."""
    found = _files(model, "file", [p for p in model.folder.glob("*.gguf") if not p.name.startswith("mmproj")])
    if len(found) != 1:
        hint = 'Name the file to load in the manifest: [options] file = "…"'
        raise ModelError(f"{model.id} has {len(found)} GGUF files, not one", path=model.folder, hint=hint)
    return found[0]


def _projector_file(model: StoredModel) -> Path | None:
    """Return the file of a model's vision encoder, if it has one."""
    found = _files(model, "mmproj", list(model.folder.glob("mmproj*.gguf")))
    if len(found) > 1:
        hint = 'Name the one to load in the manifest: [options] mmproj = "…"'
        raise ModelError(f"{model.id} has {len(found)} mmproj files", path=model.folder, hint=hint)
    return found[0] if found else None


def _files(model: StoredModel, option: str, found: list[Path]) -> list[Path]:
    """Return the file that an option of the manifest names, or else all that were found."""
    named = model.options.get(option)
    if named is None:
        return sorted(found)
    path = model.folder / str(named)
    if not path.is_file():
        raise ModelError(f"{model.id} lacks its file {named}", path=model.folder, hint="Run: valex models verify")
    return [path]
