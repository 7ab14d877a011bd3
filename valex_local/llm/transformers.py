"""Vision-language chat models in the form of Hugging Face, by transformers.

The prompt is put together from token ids. The chat template sees a placeholder for every text, and the tokenizer makes
one token of each, in whose place the text's own tokens are put: those of a tokenizer that knows no marks. So a post
that holds ``<|im_end|>`` or ``<image>`` has nothing but plain tokens to say so. Pictures take the way that the
processor of the model has for them.

Every question is evaluated whole. What the families keep while they answer differs too much (windows that forget,
states that cannot be cut, positions that depend on pictures) to carry it on from question to question and be sure that
answers do not hang on what was asked before.
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

_BRING = "Bring the whole directory of a vision-language model that this version of transformers knows"
_SPARE = "Where memory is short, take fewer or smaller pictures, or a smaller model"

_NEEDED = {
    "tokenizer": ("tokenizer.json", "tokenizer.model", "vocab.json"),
    "processor for pictures": ("processor_config.json", "preprocessor_config.json"),
}

# Private-use characters that no template holds: the texts by number, as the template sees them; and all alike, as the
# tokenizer does.
_PLACEHOLDER = "\ue1a0{}\ue1a1"
_PLACEHOLDERS = "\ue1a0([0-9]+)\ue1a1"
_SLOT = "\ue1a0\ue1a1"

_Turn = dict[str, Any]


class TransformersVlm:
    """A chat model that sees, from a local directory. Code in it is never run.

    Parameters
    ----------
    model : StoredModel
        Its folder: ``config.json``, weights in safetensors, the files of tokenizer and processor, a chat template.
    device : Device
        On ``cuda`` it computes in bfloat16, else in float32.
    context : int
        Tokens of prompt and answer together; a model that knows fewer positions gets as many as it knows.

    Raises
    ------
    MissingExtra
        llguidance, which holds answers to a schema, is not installed.
    ModelError
        Files are missing or do not fit each other, this version of the library does not know the architecture, it is no
        chat model that sees, or the card has too little memory.
    """

    sees = True

    def __init__(self, model: StoredModel, device: Device, *, context: int) -> None:
        folder = model.folder
        _check_files(folder)
        with quiet(), _as_model_error("the model cannot be loaded", _BRING, folder):
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
        """Return what the model is given for the messages.

        Returns
        -------
        dict of str to Tensor
            ``input_ids``, int64 (1, tokens), and what else its processor makes; no text yields a special token.
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
        # What the processor says of a placeholder holds for each token in its place: seen, and no picture.
        spread = {
            name: value[:, places] if torch.is_tensor(value) and value.shape[:2] == given["input_ids"].shape else value
            for name, value in given.items()
        }
        return spread | {"input_ids": torch.tensor([ids])}

    def _processed(self, chat: str, pictures: list[Image]) -> dict[str, Any]:
        """Return a chat with placeholders and its pictures as the processor puts them."""
        begin = self._processor.tokenizer.bos_token
        # What a prompt begins with by the model's own rule, most templates write themselves.
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
        """Answer the messages; see `LanguageModel.chat`."""
        prompt = self.prompt(messages)
        length = int(prompt["input_ids"].shape[1])
        if length + max_tokens > self.context:
            raise ContextOverflow(
                f"{length} tokens of prompt and {max_tokens} of answer exceed the context of {self.context}"
            )
        writer = TokenSampler(self._vocabulary, schema, temperature=temperature, seed=seed, alternatives=alternatives)
        with quiet(), _as_model_error("the model broke down while it answered", _SPARE):
            self._model.generate(**self._placed(prompt), max_new_tokens=max_tokens, logits_processor=[writer])
        return Reply(
            text="".join(token.text for token in writer.tokens),
            prompt_tokens=length,
            output_tokens=len(writer.tokens),
            finish_reason="stop" if writer.ended else "length",
            evaluated_tokens=length,
            tokens=tuple(writer.tokens) if alternatives else (),
        )

    def _placed(self, prompt: dict[str, Any]) -> dict[str, Any]:
        """Return the tensors of a prompt where the model is, numbers that are no integers in its precision."""
        import torch

        device, dtype = self._model.device, self._model.dtype
        return {
            name: value.to(device, dtype if value.is_floating_point() else None) if torch.is_tensor(value) else value
            for name, value in prompt.items()
        }

    def close(self) -> None:
        """Free the model; a second time does nothing."""
        if self._model is not None:
            import torch

            self._model = None
            gc.collect()
            torch.cuda.empty_cache()


class _Template(ChatTemplate):
    """The chat template of a model that sees: it places the pictures too.

    Parameters
    ----------
    picture : str
        What it writes for a picture, and the processor reads.
    """

    def __init__(self, source: str, *, bos_token: str, eos_token: str, picture: str) -> None:
        super().__init__(source, bos_token=bos_token, eos_token=eos_token)
        self._parts = re.compile(f"{_PLACEHOLDERS}|{re.escape(picture)}")

    def write(self, messages: Sequence[Message]) -> str:
        """Return the chat up to where the answer begins, a slot in the place of every text.

        Raises
        ------
        ModelError
            The template does not take these messages, or loses or moves a part of them.
        """
        turns = _turns(messages)
        numbers = count()
        parts = [part for message in messages for part in message.parts]
        expected = [None if isinstance(part, Picture) else str(next(numbers)) for part in parts]
        fault = ""
        # Not every family knows a system turn; there it goes before the first words of the user.
        for way in (turns, _without_system(turns), [_plain(turn) for turn in turns]):
            try:
                written = self.render(way)
            except (TemplateError, TypeError) as error:
                fault = fault or str(error)
                continue
            if [found[1] for found in self._parts.finditer(written)] == expected:
                return re.sub(_PLACEHOLDERS, _SLOT, written)
            fault = fault or "it loses or moves parts of them"
        raise ModelError(f"the chat template of the model does not take the messages ({fault})", hint=OTHER)


def _turns(messages: Sequence[Message]) -> list[_Turn]:
    """Return the messages as a template sees them: placeholders for texts, texts side by side as one."""
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
    """Fold a leading system turn into the user's turn after it."""
    match turns:
        case [{"role": "system", "content": rules}, {"role": "user", "content": words}, *rest]:
            return [{"role": "user", "content": [*rules, {"type": "text", "text": "\n\n"}, *words]}, *rest]
        case _:
            return turns


def _plain(turn: _Turn) -> _Turn:
    """Return a turn as templates want it that know nothing but text."""
    return {"role": turn["role"], "content": "".join(entry.get("text", "") for entry in turn["content"])}


# --- loading --------------------------------------------------------------------------------------------------------


def _check_files(folder: Path) -> None:
    """Name what is missing before a library makes do without it."""
    if not (folder / "config.json").is_file():
        raise ModelError("the model has no config.json", path=folder, hint=_BRING)
    if not any(folder.glob("*.safetensors")):
        raise ModelError("the model has no weights in safetensors form", path=folder, hint=_BRING)
    for part, names in _NEEDED.items():
        if not any((folder / name).is_file() for name in names):
            raise ModelError(f"the model has no {part} ({names[0]})", path=folder, hint=_BRING)


def _load_processor(folder: Path) -> Any:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if getattr(processor, "image_processor", None) is None or getattr(processor, "image_token", None) is None:
        raise ModelError("the model has no processor for pictures", path=folder, hint=_BRING)
    if not processor.tokenizer.is_fast:
        raise ModelError("the model's tokenizer has no fast form (tokenizer.json)", path=folder, hint=_BRING)
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
    # The library fills what the file lacks with noise.
    missing = sorted(info["missing_keys"])
    if missing:
        raise ModelError(f"the weights lack {len(missing)} tensors, {missing[0]} among them", path=folder, hint=_BRING)
    return model.to(device.kind).eval()


def _load_template(processor: Any, folder: Path) -> _Template:
    tokenizer = processor.tokenizer
    source = processor.chat_template or tokenizer.chat_template
    if isinstance(source, dict):
        source = source.get("default")
    if source is None:
        raise ModelError("the model has no chat template: it is no chat model", path=folder, hint=OTHER)
    return _Template(
        source,
        bos_token=tokenizer.bos_token or "",
        eos_token=tokenizer.eos_token or "",
        picture=processor.image_token,
    )


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: those that the model names, and the one of its tokenizer."""
    named = model.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(named if isinstance(named, list) else [named])} - {None}
    if not ends:
        raise ModelError("the model names no token that ends an answer", hint=OTHER)
    return frozenset(ends)


def _greedy(vocabulary: TokenVocabulary) -> Any:
    """Return how the library is to generate: not in a way that a model recommends: `TokenSampler` chooses."""
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
        raise ModelError(f"{what}: the card has too little memory", path=folder, hint=_SPARE) from error
    except faults as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelError(f"{what} ({first})", path=folder, hint=hint) from error
