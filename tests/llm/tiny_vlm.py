"""Tiny vision-language models with random weights, in the form of Hugging Face: two layers, 32 wide."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from valex_local.store import StoredModel

CONTEXT = 2048

# Enough of a corpus for some pieces longer than a byte.
_WORDS = ["user assistant system present absent conflicted the quick brown fox jumps over the lazy dog"] * 3

_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": CONTEXT,
    # Sharp enough for one token to be likelier than the next by more than rounding.
    "initializer_range": 0.3,
}
_PARTS = (
    "{{% for part in message['content'] %}}{{% if part['type'] == 'image' %}}{picture}"
    "{{% else %}}{{{{ part['text'] }}}}{{% endif %}}{{% endfor %}}"
)

# Turns between marks that are special tokens; contents as a text or as parts; like Qwen's own.
QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    + _PARTS.format(picture="<|vision_start|><|image_pad|><|vision_end|>")
    + "{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Turns by words, a mark at the beginning, parts only, no turn of the system; LLaVA's own has pictures first.
LLAVA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "{{ message['role'] | upper }}: "
    + _PARTS.format(picture="<image>\n")
    + " {% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
IDEFICS_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}: "
    + _PARTS.format(picture="<image>")
    + "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)


def tokenizer(marks: list[str], **named: str) -> Any:
    """Return a byte-level tokenizer with marks that are special tokens, and one added token that is not."""
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    plain.train_from_iterator(
        _WORDS, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    )
    plain.add_special_tokens([AddedToken(mark, special=True, normalized=False) for mark in marks])
    plain.add_tokens([AddedToken("<think>", special=False, normalized=False)])
    return hf.PreTrainedTokenizerFast(tokenizer_object=plain, **named)


def make_qwen(folder: Path) -> None:
    """Save a tiny Qwen3-VL."""
    marks = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vision = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    words = tokenizer([*marks, *vision], eos_token="<|im_end|>", pad_token="<|endoftext|>")
    start, end, image, video = words.convert_tokens_to_ids(vision)
    config = hf.Qwen3VLConfig(
        text_config=_TEXT
        | {
            "vocab_size": len(words) + 11,  # more places than tokens, as in the large ones
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [4, 2, 2]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 32,
            "patch_size": 8,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
            "initializer_range": 0.3,
        },
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=start,
        vision_end_token_id=end,
    )
    pixels = {"patch_size": 8, "size": {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}}
    processor = hf.Qwen3VLProcessor(
        hf.Qwen2VLImageProcessor(**pixels),
        words,
        hf.Qwen3VLVideoProcessor(**pixels),
        chat_template=QWEN_TEMPLATE,
    )
    # What its makers recommend for sampling: none of it may come through.
    ways = {"do_sample": True, "temperature": 0.7, "top_k": 2, "repetition_penalty": 1.5}
    _save(hf.Qwen3VLForConditionalGeneration, config, processor, folder, **ways)


def make_llava(folder: Path) -> None:
    """Save a tiny LLaVA: Llama behind CLIP's eye."""
    words = tokenizer(["<s>", "</s>", "<image>", "<pad>"], bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    # Its rule begins every text with a mark, which the template writes too.
    words.add_bos_token = True
    config = hf.LlavaConfig(
        text_config=hf.LlamaConfig(vocab_size=len(words), **_TEXT),
        vision_config=hf.CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=32,
        ),
        image_token_id=words.convert_tokens_to_ids("<image>"),
        initializer_range=0.3,
    )
    eye = hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = hf.LlavaProcessor(
        eye,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )
    _save(hf.LlavaForConditionalGeneration, config, processor, folder)


def make_idefics(folder: Path) -> None:
    """Save a tiny Idefics3, which SmolVLM is too: pictures in tiles."""
    marks = ["<|im_start|>", "<end_of_utterance>", "<fake_token_around_image>", "<image>", "<global-img>", "<pad>"]
    tiles = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
    words = tokenizer([*marks, *tiles], bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<pad>")
    config = hf.Idefics3Config(
        text_config=hf.LlamaConfig(vocab_size=len(words), pad_token_id=words.pad_token_id, **_TEXT),
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "initializer_range": 0.3,
        },
        image_token_id=words.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        initializer_range=0.3,
    )
    eye = hf.Idefics3ImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = hf.Idefics3Processor(eye, words, image_seq_len=4, chat_template=IDEFICS_TEMPLATE)
    _save(hf.Idefics3ForConditionalGeneration, config, processor, folder)


FAMILIES: dict[str, Callable[[Path], None]] = {"qwen": make_qwen, "llava": make_llava, "idefics": make_idefics}


def make(family: str, folder: Path) -> StoredModel:
    """Save a tiny model of a family, and return it as one of the store."""
    with contextlib.redirect_stderr(io.StringIO()):
        FAMILIES[family](folder)
    return StoredModel(id=f"tiny-{family}", role="llm", engine="transformers", folder=folder, digest="0" * 64)


def _save(kind: Any, config: Any, processor: Any, folder: Path, **ways: Any) -> None:
    torch.manual_seed(7)
    model = kind(config)
    model.generation_config = hf.GenerationConfig(eos_token_id=[processor.tokenizer.eos_token_id], **ways)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
