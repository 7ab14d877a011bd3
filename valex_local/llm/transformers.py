"""Vision-language chat models from Hugging Face, through transformers.

This engine is for what no GGUF file can be had of: families that llama.cpp does not convert, models that a lab has
tuned itself, and unquantised weights on a large GPU without a server. No manifest of ours names it; ``valex models add
--engine transformers`` does. Where there is a GGUF pair, `llama_cpp` reuses the beginning of prompts and is faster.

The prompt is assembled from token ids. The chat template is given a placeholder for every text, and the tokenizer turns
each into one token, which is replaced with the tokens of the text, made by a tokenizer without special tokens. So
``<|im_end|>`` or ``<image>`` in a post becomes plain tokens. Pictures go through the model's own processor.

Every question is evaluated as a whole. The caches of different model families (sliding windows, states that cannot be
truncated, positions that depend on pictures) differ too much to reuse them between questions and be sure that answers
do not depend on what was asked before.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

from valex_local.errors import ModelError
from valex_local.llm.base import ContextOverflow, JsonSchema, Message, Picture, Reply
from valex_local.llm.chat_template import ChatTemplate
from valex_local.llm.images import open_picture
from valex_local.llm.transformers_sampling import OTHER, TokenSampler, TokenVocabulary
from valex_local.store import StoredModel
from valex_local.system.devices import Device
from valex_local.system.hugging_face import quiet

if TYPE_CHECKING:
    from PIL.Image import Image

_HINT = "Add the whole directory of a vision-language model that this version of transformers supports"
_SAVE_MEMORY = "If memory is short, use fewer or smaller pictures, or a smaller model"

_NEEDED = {
    "tokenizer": ("tokenizer.json", "tokenizer.model", "vocab.json"),
    "processor for pictures": ("processor_config.json", "preprocessor_config.json"),
}

# Private-use characters that no template contains: numbered for the template, and without a number for the tokenizer.
_PLACEHOLDER = "\ue1a0{}\ue1a1"
_PLACEHOLDERS = "\ue1a0([0-9]+)\ue1a1"
_SLOT = "\ue1a0\ue1a1"

_Turn = dict[str, Any]


class TransformersVlm:
    """A vision-language chat model from a local directory. Code in it is never run.

    Parameters
    ----------
    model : StoredModel
        Its folder: ``config.json``, weights in safetensors, the files of tokenizer and processor, a chat template.
    device : Device
        On ``cuda`` it computes in bfloat16, otherwise in float32.
    context : int
        Maximum number of tokens of prompt and answer together; limited to the model's number of positions.

    Raises
    ------
    MissingExtra
        llguidance, which makes answers follow a schema, is not installed.
    ModelError
        Files are missing or do not fit each other, this version of the library does not support the architecture, it is
        not a vision-language chat model, or the GPU has too little memory.
    """

    sees = True
    concurrent = False

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        folder = model.folder
        _check_files(folder)
        with quiet(), _as_model_error("the model cannot be loaded", _HINT, folder):
            self._processor = _load_processor(folder)
            self._model: Any = _load_model(folder, device)
            tokenizer = self._processor.tokenizer
            self._vocabulary = TokenVocabulary(tokenizer, _ends(self._model, tokenizer))
            self._model.generation_config = _greedy(self._vocabulary)
        self._template = _load_template(self._processor, folder)
        tokenizer.add_tokens([_slot()], special_tokens=True)
        self._slot: int = tokenizer.convert_tokens_to_ids(_SLOT)
        self.context = min(context, getattr(self._model.config.get_text_config(), "max_position_embeddings", context))

    # --- the prompt -------------------------------------------------------------------------------------------------

    def prompt(self, messages: Sequence[Message]) -> dict[str, Any]:
        """Return the model's input for the messages.

        Returns
        -------
        dict of str to Tensor
            ``input_ids``, int64 (1, tokens), and further output of its processor; texts never become special tokens.
        """
        import torch

        chat = self._template.write(messages)
        parts = [part for message in messages for part in message.parts]
        pictures = [open_picture(part) for part in parts if isinstance(part, Picture)]
        texts = iter([self._vocabulary.encode(part) for part in parts if isinstance(part, str)])
        given = self._processed(chat, pictures)
        ids: list[int] = []
        places: list[int] = []
        for at, token in enumerate(given["input_ids"][0].tolist()):
            tokens = next(texts) if token == self._slot else [token]
            ids += tokens
            places += [at] * len(tokens)
        # The processor's values for a placeholder (attended to, not a picture) apply to each token that replaces it.
        spread = {
            name: value[:, places] if torch.is_tensor(value) and value.shape[:2] == given["input_ids"].shape else value
            for name, value in given.items()
        }
        return spread | {"input_ids": torch.tensor([ids])}

    def _processed(self, chat: str, pictures: list[Image]) -> dict[str, Any]:
        """Return the processor's output for a chat with placeholders and its pictures."""
        begin = self._processor.tokenizer.bos_token
        # Most templates write the token that begins a prompt themselves.
        rule = {"add_special_tokens": False} if begin and chat.startswith(begin) else {}
        with quiet(), _as_model_error("the processor of the model refuses the question", OTHER):
            given = self._processor(text=[chat], images=[pictures] if pictures else None, return_tensors="pt", **rule)
        return dict(given)

    def count(self, messages: Sequence[Message]) -> int:
        """Return how many tokens the messages take as a prompt; see `LanguageModel.count`."""
        return int(self.prompt(messages)["input_ids"].shape[1])

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
        prompt = self.prompt(messages)
        length = int(prompt["input_ids"].shape[1])
        if length + max_tokens > self.context:
            raise ContextOverflow(
                f"{length} tokens of prompt and {max_tokens} of answer exceed the context of {self.context}"
            )
        sampler = TokenSampler(self._vocabulary, schema, temperature=temperature, seed=seed, alternatives=alternatives)
        with quiet(), _as_model_error("the model failed while it answered", _SAVE_MEMORY):
            self._model.generate(**self._on_device(prompt), max_new_tokens=max_tokens, logits_processor=[sampler])
        return Reply(
            text="".join(token.text for token in sampler.tokens),
            prompt_tokens=length,
            output_tokens=len(sampler.tokens),
            finish_reason="stop" if sampler.ended else "length",
            evaluated_tokens=length,
            tokens=tuple(sampler.tokens) if alternatives else (),
        )

    def _on_device(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Return the tensors of a prompt on the model's device, floating-point ones in its precision."""
        import torch

        device, dtype = self._model.device, self._model.dtype
        return {
            name: value.to(device, dtype if value.is_floating_point() else None) if torch.is_tensor(value) else value
            for name, value in prompt.items()
        }

    def close(self) -> None:
        """Free the model; calling it again does nothing."""
        if self._model is not None:
            import torch

            self._model = None
            gc.collect()
            torch.cuda.empty_cache()


class _Template(ChatTemplate):
    """The chat template of a vision-language model, which also places the pictures.

    Parameters
    ----------
    picture : str
        The token that it writes for a picture, and that the processor replaces.
    """

    def __init__(self, source: str, *, bos_token: str, eos_token: str, picture: str) -> None:
        super().__init__(source, bos_token=bos_token, eos_token=eos_token)
        self._parts = re.compile(f"{_PLACEHOLDERS}|{re.escape(picture)}")

    def write(self, messages: Sequence[Message]) -> str:
        """Return the chat up to where the answer begins, with a slot in place of every text.

        Raises
        ------
        ModelError
            The template does not accept these messages, or loses or moves a part of them.
        """
        turns = _turns(messages)
        numbers = count()
        parts = [part for message in messages for part in message.parts]
        expected = [None if isinstance(part, Picture) else str(next(numbers)) for part in parts]
        fault = ""
        # Some model families have no system turn; then its text goes before that of the user.
        for way in (turns, _without_system(turns), [_plain(turn) for turn in turns]):
            try:
                written = self.render(way)
            except (TemplateError, TypeError) as error:
                fault = fault or str(error)
                continue
            if [found[1] for found in self._parts.finditer(written)] == expected:
                return re.sub(_PLACEHOLDERS, _SLOT, written)
            fault = fault or "it loses or moves parts of them"
        raise ModelError(f"the chat template of the model does not accept the messages ({fault})", hint=OTHER)


def _turns(messages: Sequence[Message]) -> list[_Turn]:
    """Return the messages in the form that is passed to a template: placeholders for texts, adjacent texts joined."""
    numbers = count()
    turns: list[_Turn] = []
    for message in messages:
        content: list[dict[str, str]] = []
        for part in message.parts:
            if isinstance(part, Picture):
                content.append({"type": "image"})
                continue
            if not content or content[-1]["type"] == "image":
                content.append({"type": "text", "text": ""})
            content[-1]["text"] += _PLACEHOLDER.format(next(numbers))
        turns.append({"role": message.role, "content": content})
    return turns


def _without_system(turns: list[_Turn]) -> list[_Turn]:
    """Return the turns with a leading system turn merged into the user's turn after it."""
    match turns:
        case [{"role": "system", "content": rules}, {"role": "user", "content": words}, *rest]:
            return [{"role": "user", "content": [*rules, {"type": "text", "text": "\n\n"}, *words]}, *rest]
        case _:
            return turns


def _plain(turn: _Turn) -> _Turn:
    """Return a turn for templates that only support text."""
    return {"role": turn["role"], "content": "".join(entry.get("text", "") for entry in turn["content"])}


# --- loading --------------------------------------------------------------------------------------------------------


def _check_files(folder: Path) -> None:
    """Raise if a file is missing, before a library continues without it."""
    if not (folder / "config.json").is_file():
        raise ModelError("the model has no config.json", path=folder, hint=_HINT)
    if not any(folder.glob("*.safetensors")):
        raise ModelError("the model has no weights in safetensors form", path=folder, hint=_HINT)
    for part, names in _NEEDED.items():
        if not any((folder / name).is_file() for name in names):
            raise ModelError(f"the model has no {part} ({names[0]})", path=folder, hint=_HINT)


def _load_processor(folder: Path) -> Any:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if getattr(processor, "image_processor", None) is None or getattr(processor, "image_token", None) is None:
        raise ModelError("the model has no processor for pictures", path=folder, hint=_HINT)
    if not processor.tokenizer.is_fast:
        raise ModelError("the model's tokenizer is not a fast tokenizer (tokenizer.json)", path=folder, hint=_HINT)
    return processor


def _load_model(folder: Path, device: Device) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    model, info = AutoModelForImageTextToText.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.bfloat16 if device.kind == "cuda" else torch.float32,
        attn_implementation="sdpa",
        output_loading_info=True,
    )
    # The library initialises missing tensors at random.
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(f"the weights lack {len(missing)} tensors, for example {missing[0]}", path=folder, hint=_HINT)
    return model.to(device.kind).eval()


def _load_template(processor: Any, folder: Path) -> _Template:
    tokenizer = processor.tokenizer
    source = processor.chat_template or tokenizer.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    if source is None:
        raise ModelError("the model has no chat template: it is not a chat model", path=folder, hint=OTHER)
    return _Template(
        source,
        bos_token=tokenizer.bos_token or "",
        eos_token=tokenizer.eos_token or "",
        picture=processor.image_token,
    )


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: those of the model's configuration and that of its tokenizer."""
    named = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}
    if not ends:
        raise ModelError("the model names no token that ends an answer", hint=OTHER)
    return frozenset(ends)


def _greedy(vocabulary: TokenVocabulary) -> Any:
    """Return a configuration for the library without the model's recommended sampling: `TokenSampler` decides."""
    from transformers import GenerationConfig

    ends = sorted(vocabulary.ends)
    return GenerationConfig(eos_token_id=ends, pad_token_id=ends[0], do_sample=False)


def _slot() -> Any:
    from tokenizers import AddedToken

    return AddedToken(_SLOT, special=True, normalized=False)


@contextmanager
def _as_model_error(what: str, hint: str, folder: Path | None = None) -> Iterator[None]:
    import torch
    from safetensors import SafetensorError

    faults = (OSError, ValueError, RuntimeError, LookupError, TypeError, ImportError, SafetensorError)
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise ModelError(f"{what}: the GPU has too little memory", path=folder, hint=_SAVE_MEMORY) from error
    except faults as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{what} ({first})", path=folder, hint=hint) from error
