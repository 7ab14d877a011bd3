"""A Qwen3-VL with random weights, in the shape of a real one: as GGUF with its mmproj, or as a Hugging Face folder.

All layers of the GGUF have the same numbers: loading, computing and memory cost as much as with different ones, and a
large model can be written without keeping it in memory.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.random_models import tokenizer

if TYPE_CHECKING:
    import gguf

PATCH, PATCHES, TILE = 16, 48, 2
"""Pixels per side of a patch, patches per side of the encoder's image, patches per side of a token."""

SPREAD = 0.02
"""Standard deviation of the weights."""

CHAT_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VISION_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

Shapes = dict[str, tuple[int, ...]]
Array = NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Layers, width, heads and feed-forward width of the language model or the vision encoder."""

    layers: int
    width: int
    heads: int
    feed_forward: int


@dataclass(frozen=True)
class VlmShape:
    """A Qwen3-VL.

    Attributes
    ----------
    text, vision : Part
        The language model and its vision encoder.
    kv_heads, head : int
        Number of key-value heads and width of a head, in the language model.
    deepstack : tuple of int
        Layers of the vision encoder whose output also goes into the first layers of the language model.
    vocabulary : int
        Number of tokens; 0 for as many as the tokenizer has.
    tied : bool
        Whether input and output embeddings share their weights.
    """

    text: Part
    vision: Part
    kv_heads: int
    head: int
    deepstack: tuple[int, ...]
    vocabulary: int = 151936
    tied: bool = False


# --- GGUF -----------------------------------------------------------------------------------------------------------


def save_gguf(folder: Path, shape: VlmShape) -> None:
    """Save a pair of files: the language model in Q8_0 and its vision encoder in float16."""
    _save_text(folder / "random-Q8_0.gguf", shape)
    _save_vision(folder / "mmproj-random-F16.gguf", shape)


def _save_text(path: Path, shape: VlmShape) -> None:
    import gguf

    text, head = shape.text, shape.head
    writer = gguf.GGUFWriter(path, "qwen3vl")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(32768)
    writer.add_embedding_length(text.width)
    writer.add_block_count(text.layers)
    writer.add_feed_forward_length(text.feed_forward)
    writer.add_head_count(text.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_rope_freq_base(5e6)
    quarter = head // 8
    writer.add_rope_dimension_sections([head // 2 - 2 * quarter, quarter, quarter, 0])
    writer.add_num_deepstack_layers(len(shape.deepstack))
    writer.add_layer_norm_rms_eps(1e-6)
    tokens = _add_tokens(writer, shape.vocabulary)
    ends: Shapes = {"token_embd.weight": (tokens, text.width), "output_norm.weight": (text.width,)}
    if not shape.tied:
        ends["output.weight"] = (tokens, text.width)
    random = np.random.default_rng(0)
    for name, weights in _filled(ends, random, quantised=True).items():
        _add(writer, name, weights)
    layer = _filled(_text_layer(shape), random, quantised=True)
    for at, (name, weights) in itertools.product(range(text.layers), layer.items()):
        _add(writer, f"blk.{at}.{name}", weights)
    _write(writer)


def _text_layer(shape: VlmShape) -> Shapes:
    text, asked, kept = shape.text, shape.text.heads * shape.head, shape.kv_heads * shape.head
    return {
        "attn_norm.weight": (text.width,),
        "attn_q.weight": (asked, text.width),
        "attn_k.weight": (kept, text.width),
        "attn_v.weight": (kept, text.width),
        "attn_output.weight": (text.width, asked),
        "attn_q_norm.weight": (shape.head,),
        "attn_k_norm.weight": (shape.head,),
        "ffn_norm.weight": (text.width,),
        "ffn_gate.weight": (text.feed_forward, text.width),
        "ffn_up.weight": (text.feed_forward, text.width),
        "ffn_down.weight": (text.width, text.feed_forward),
    }


def _save_vision(path: Path, shape: VlmShape) -> None:
    import gguf

    vision = shape.vision
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type("qwen3vl_merger")
    writer.add_vision_image_size(PATCHES * PATCH)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(vision.width)
    writer.add_vision_feed_forward_length(vision.feed_forward)
    writer.add_vision_block_count(vision.layers)
    writer.add_vision_head_count(vision.heads)
    writer.add_vision_projection_dim(shape.text.width)
    writer.add_vision_attention_layernorm_eps(1e-6)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    writer.add_vision_spatial_merge_size(TILE)
    writer.add_vision_is_deepstack_layers([at in shape.deepstack for at in range(vision.layers)])
    random = np.random.default_rng(1)
    for name, weights in _filled(_vision_ends(shape), random, quantised=False).items():
        _add(writer, name, weights)
    layer = _filled(_vision_layer(vision), random, quantised=False)
    for at, (name, weights) in itertools.product(range(vision.layers), layer.items()):
        _add(writer, f"v.blk.{at}.{name}", weights)
    _write(writer)


def _vision_ends(shape: VlmShape) -> Shapes:
    wide, merged, out = shape.vision.width, shape.vision.width * TILE**2, shape.text.width
    shapes: Shapes = {
        "v.patch_embd.weight": (wide, 3, PATCH, PATCH),
        "v.patch_embd.weight.1": (wide, 3, PATCH, PATCH),
        "v.patch_embd.bias": (wide,),
        "v.position_embd.weight": (PATCHES**2, wide),
        **_linear("v.post_ln", wide),
        **_linear("mm.0", merged, merged),
        **_linear("mm.2", out, merged),
    }
    for at in shape.deepstack:
        shapes |= _linear(f"v.deepstack.{at}.norm", merged)
        shapes |= _linear(f"v.deepstack.{at}.fc1", merged, merged)
        shapes |= _linear(f"v.deepstack.{at}.fc2", out, merged)
    return shapes


def _vision_layer(vision: Part) -> Shapes:
    wide, deep = vision.width, vision.feed_forward
    return {
        **_linear("ln1", wide),
        **_linear("ln2", wide),
        **_linear("attn_qkv", 3 * wide, wide),
        **_linear("attn_out", wide, wide),
        **_linear("ffn_up", deep, wide),
        **_linear("ffn_down", wide, deep),
    }


def _linear(name: str, *shape: int) -> Shapes:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _filled(shapes: Shapes, random: np.random.Generator, *, quantised: bool) -> dict[str, Array]:
    """Return weights: norms of ones and biases of zeros in float32, the others random, in Q8_0 or float16.

    Position embeddings of patches stay in float32, because llama.cpp interpolates them.
    """
    weights: dict[str, Array] = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            weights[name] = np.full(shape, name.endswith(".weight"), np.float32)
        elif quantised:
            weights[name] = _q8_0(shape, random)
        else:
            kind = np.float32 if "position" in name else np.float16
            weights[name] = (random.standard_normal(shape, np.float32) * SPREAD).astype(kind)
    return weights


def _q8_0(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return random weights as bytes of Q8_0: for every 32 numbers a scale in float16, then the numbers as int8."""
    rows, columns = shape
    blocks = random.integers(0, 256, (rows, columns // 32, 34), np.uint8)
    blocks[..., :2] = np.array([SPREAD / np.arange(-128, 128).std()], np.float16).view(np.uint8)
    return blocks.reshape(rows, -1)


def _add(writer: gguf.GGUFWriter, name: str, weights: Array) -> None:
    import gguf

    kind = gguf.GGMLQuantizationType.Q8_0 if weights.dtype == np.uint8 else None
    writer.add_tensor(name, weights, raw_dtype=kind)


def _write(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokens(writer: gguf.GGUFWriter, least: int) -> int:
    """Add a tokenizer, filled up to `least` tokens with words that never occur; return the number of tokens."""
    import gguf

    model = json.loads(tokenizer(CHAT_TOKENS + VISION_TOKENS).to_str())["model"]
    words: Mapping[str, int] = model["vocab"]
    tokens = sorted(words, key=words.__getitem__)
    letters = ("Ġ" + "".join(four) for four in itertools.product(ascii_lowercase, repeat=4))
    unread = (word for word in letters if word not in words)
    tokens += itertools.islice(unread, max(0, least - len(tokens)))
    special = len(CHAT_TOKENS + VISION_TOKENS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * special + [gguf.TokenType.NORMAL] * (len(tokens) - special))
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(CHAT_TOKENS.index("<|endoftext|>"))
    writer.add_eos_token_id(CHAT_TOKENS.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", ""))
    return len(tokens)


# --- Hugging Face ---------------------------------------------------------------------------------------------------


def save_hugging_face(folder: Path, shape: VlmShape) -> None:
    """Save the model in the format of Hugging Face, in bfloat16."""
    import torch
    import transformers as hf

    words = hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(CHAT_TOKENS + VISION_TOKENS), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    torch.manual_seed(0)
    model = hf.Qwen3VLForConditionalGeneration._from_config(
        _config(shape, words.convert_tokens_to_ids(list(VISION_TOKENS)), len(words)), dtype=torch.bfloat16
    )
    model.generation_config = hf.GenerationConfig(eos_token_id=[words.eos_token_id])
    model.save_pretrained(folder)
    pixels = {"patch_size": PATCH, "size": {"shortest_edge": 256 * 256, "longest_edge": 4096 * 4096}}
    hf.Qwen3VLProcessor(
        hf.Qwen2VLImageProcessor(**pixels), words, hf.Qwen3VLVideoProcessor(**pixels), chat_template=TEMPLATE
    ).save_pretrained(folder)


def _config(shape: VlmShape, vision_ids: list[int], tokens: int) -> Any:
    import transformers as hf

    quarter = shape.head // 8
    turns = {"rope_type": "default", "rope_theta": 5e6}
    text = {
        "hidden_size": shape.text.width, "intermediate_size": shape.text.feed_forward, "head_dim": shape.head,
        "num_hidden_layers": shape.text.layers, "num_attention_heads": shape.text.heads,
        "num_key_value_heads": shape.kv_heads, "vocab_size": max(tokens, shape.vocabulary),
        "max_position_embeddings": 32768, "tie_word_embeddings": shape.tied,
        "rope_parameters": turns | {"mrope_section": [shape.head // 2 - 2 * quarter, quarter, quarter]},
    }  # fmt: skip
    vision = {
        "depth": shape.vision.layers, "hidden_size": shape.vision.width, "num_heads": shape.vision.heads,
        "intermediate_size": shape.vision.feed_forward, "out_hidden_size": shape.text.width, "patch_size": PATCH,
        "num_position_embeddings": PATCHES**2, "deepstack_visual_indexes": list(shape.deepstack),
    }  # fmt: skip
    start, end, image, video = vision_ids
    return hf.Qwen3VLConfig(
        text_config=text, vision_config=vision, tie_word_embeddings=shape.tied,
        image_token_id=image, video_token_id=video, vision_start_token_id=start, vision_end_token_id=end,
    )  # fmt: skip
