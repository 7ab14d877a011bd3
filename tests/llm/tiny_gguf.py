"""Tiny GGUF files with random weights: a chat model, and the vision half (mmproj) to go with it.

They say nothing sensible, but llama.cpp loads and runs them as it does real ones. What belongs together:

- ``llama`` with ``mlp``, as LLaVA 1.5: every picture is `SIDE` squared tokens, and as many positions;
- ``llama`` with ``gemma3``: four tokens, which see each other, and words as marks around them;
- ``qwen3vl`` with ``qwen3vl_merger``, as Qwen3-VL, with M-RoPE and deepstack: a picture is one token for every 32 x 32
  pixels, moves the position by less than that, and has special tokens as marks around it;
- ``qwen35`` with ``qwen3vl_merger`` without deepstack, as Qwen3.5: its first layer is a Gated DeltaNet, whose memory is
  one state, the second one has attention.

``gemma3`` has layers with sliding windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import gguf
import numpy as np

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
WORDS = ("Ġthe", "Ġand", "ing", "present", "absent", "conflicted", "user", "system", "assistant")

EMBEDDING, LAYERS, HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 128, 2048
VISION_EMBEDDING, VISION_LAYERS, VISION_HEADS, VISION_FEED_FORWARD = 32, 2, 4, 64
PATCH = {"mlp": 14, "gemma3": 14, "qwen3vl_merger": 16}
CONVOLUTION, INNER, STATE = 4, 64, 16
WINDOW = 32
"""Tokens of a sliding window."""
SIDE = 4
"""Patches along a side of the picture that the vision model was made for."""

Architecture = Literal["llama", "qwen3vl", "qwen35", "gemma3"]
Kind = Literal["mlp", "gemma3", "qwen3vl_merger"]
Shapes = Mapping[str, tuple[int, ...]]


def write_language_model(
    path: Path,
    architecture: Architecture = "llama",
    *,
    embedding: int = EMBEDDING,
    add_bos: bool = False,
    seed: int = 0,
) -> Path:
    """Write a chat model of two layers with a byte-level BPE tokenizer and a ChatML template.

    With `add_bos` the tokenizer begins every text with a token of its own, where it is let.
    """
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(embedding)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    head = embedding // HEADS
    if architecture in ("qwen3vl", "qwen35"):
        writer.add_rope_dimension_sections([head // 2 - 2 * (head // 8), head // 8, head // 8, 0])
    if architecture == "qwen3vl":
        writer.add_num_deepstack_layers(1)
    if architecture == "gemma3":
        writer.add_sliding_window(WINDOW)
        writer.add_key_length(head)
        writer.add_value_length(head)
    if architecture == "qwen35":
        _add_state(writer)
    tokens = _add_tokenizer(writer, add_bos)
    shapes: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (tokens, embedding),
        "output_norm.weight": (embedding,),
        "output.weight": (tokens, embedding),
    }
    for layer in range(LAYERS):
        parts = _layer(architecture, layer, embedding)
        shapes |= {f"blk.{layer}.{part}": shape for part, shape in parts.items()}
    return _finish(writer, path, shapes, np.random.default_rng(seed))


def _add_state(writer: gguf.GGUFWriter) -> None:
    writer.add_ssm_conv_kernel(CONVOLUTION)
    writer.add_ssm_inner_size(INNER)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(INNER // STATE)  # heads of values
    writer.add_ssm_group_count(INNER // STATE)  # heads of keys
    writer.add_full_attention_interval(LAYERS)


def _layer(architecture: Architecture, layer: int, embedding: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a layer's tensors."""
    before_ffn = "post_attention_norm" if architecture == "qwen35" else "ffn_norm"
    return {
        **{f"{norm}.weight": (embedding,) for norm in ("attn_norm", before_ffn)},
        **(
            _gated_delta_net(embedding)
            if architecture == "qwen35" and layer == 0
            else _attention(architecture, embedding)
        ),
        **{f"ffn_{part}.weight": (FEED_FORWARD, embedding) for part in ("gate", "up")},
        "ffn_down.weight": (embedding, FEED_FORWARD),
    }


def _attention(architecture: Architecture, embedding: int) -> dict[str, tuple[int, ...]]:
    shapes = {f"attn_{part}.weight": (embedding, embedding) for part in ("q", "k", "v", "output")}
    if architecture != "llama":
        shapes |= {f"attn_{part}_norm.weight": (embedding // HEADS,) for part in ("q", "k")}
    if architecture == "qwen35":  # its output is gated
        shapes["attn_q.weight"] = (2 * embedding, embedding)
    if architecture == "gemma3":
        shapes |= {f"post_{part}_norm.weight": (embedding,) for part in ("attention", "ffw")}
    return shapes


def _gated_delta_net(embedding: int) -> dict[str, tuple[int, ...]]:
    heads = INNER // STATE
    return {
        "attn_qkv.weight": (3 * INNER, embedding),
        "attn_gate.weight": (INNER, embedding),
        "ssm_conv1d.weight": (3 * INNER, CONVOLUTION),
        "ssm_dt.bias": (heads,),
        "ssm_a": (heads,),
        "ssm_beta.weight": (heads, embedding),
        "ssm_alpha.weight": (heads, embedding),
        "ssm_norm.weight": (STATE,),
        "ssm_out.weight": (embedding, INNER),
    }


def write_projector(
    path: Path, kind: Kind = "mlp", *, embedding: int = EMBEDDING, blank: bool = False, seed: int = 0
) -> Path:
    """Write an mmproj for a language model of that embedding; a blank one has zeros for weights, and sees nothing."""
    patch = PATCH[kind]
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_clip_has_vision_encoder(True)
    writer.add_clip_projector_type(kind)
    writer.add_vision_image_size(SIDE * patch)
    writer.add_vision_patch_size(patch)
    writer.add_vision_embedding_length(VISION_EMBEDDING)
    writer.add_vision_feed_forward_length(VISION_FEED_FORWARD)
    writer.add_vision_block_count(VISION_LAYERS)
    writer.add_vision_head_count(VISION_HEADS)
    writer.add_vision_projection_dim(embedding)
    writer.add_vision_attention_layernorm_eps(1e-5)
    writer.add_vision_image_mean([0.5, 0.5, 0.5])
    writer.add_vision_image_std([0.5, 0.5, 0.5])
    writer.add_vision_use_gelu(True)
    if kind == "qwen3vl_merger":
        writer.add_vision_spatial_merge_size(2)
        writer.add_vision_is_deepstack_layers([True, False])
    if kind == "gemma3":
        writer.add_vision_projector_scale_factor(2)
    shapes = _vision_blocks(kind, patch) | HEADS_OF[kind](embedding)
    return _finish(writer, path, shapes, None if blank else np.random.default_rng(seed))


def _vision_blocks(kind: str, patch: int) -> dict[str, tuple[int, ...]]:
    wide, deep = VISION_EMBEDDING, VISION_FEED_FORWARD
    shapes: dict[str, tuple[int, ...]] = {"v.patch_embd.weight": (wide, 3, patch, patch)}
    for layer in range(VISION_LAYERS):
        parts = {"attn_out": (wide, wide), "ffn_up": (deep, wide), "ffn_down": (wide, deep)}
        if kind == "qwen3vl_merger":
            parts["attn_qkv"] = (3 * wide, wide)
        else:
            parts |= {f"attn_{part}": (wide, wide) for part in ("q", "k", "v")}
        for part, shape in parts.items():
            shapes |= _linear(f"v.blk.{layer}.{part}", shape)
        for norm in ("ln1", "ln2"):
            shapes |= _linear(f"v.blk.{layer}.{norm}", (wide,))
    return shapes


def _mlp(embedding: int) -> dict[str, tuple[int, ...]]:
    wide = VISION_EMBEDDING
    return {
        "v.class_embd": (wide,),
        "v.position_embd.weight": (SIDE * SIDE + 1, wide),
        **_linear("v.pre_ln", (wide,)),
        **_linear("v.post_ln", (wide,)),
        **_linear("mm.0", (embedding, wide)),
        **_linear("mm.2", (embedding, embedding)),
    }


def _pooled(embedding: int) -> dict[str, tuple[int, ...]]:
    wide = VISION_EMBEDDING
    return {
        "v.patch_embd.bias": (wide,),
        "v.position_embd.weight": (SIDE * SIDE, wide),
        **_linear("v.post_ln", (wide,)),
        "mm.input_projection.weight": (wide, embedding),
        "mm.soft_emb_norm.weight": (wide,),
    }


def _merger(embedding: int) -> dict[str, tuple[int, ...]]:
    wide, merged = VISION_EMBEDDING, 4 * VISION_EMBEDDING
    return {
        "v.patch_embd.weight.1": (wide, 3, PATCH["qwen3vl_merger"], PATCH["qwen3vl_merger"]),
        "v.patch_embd.bias": (wide,),
        "v.position_embd.weight": (SIDE * SIDE, wide),
        **_linear("v.post_ln", (wide,)),
        **_linear("mm.0", (merged, merged)),
        **_linear("mm.2", (embedding, merged)),
        **_linear("v.deepstack.0.norm", (merged,)),
        **_linear("v.deepstack.0.fc1", (merged, merged)),
        **_linear("v.deepstack.0.fc2", (embedding, merged)),
    }


HEADS_OF = {"mlp": _mlp, "gemma3": _pooled, "qwen3vl_merger": _merger}


def _linear(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def _add_tokenizer(writer: gguf.GGUFWriter, add_bos: bool) -> int:
    """Add every byte, some words with the merges that make them, and the special tokens; return how many they are."""
    tokens = list(dict.fromkeys(_byte_letters()))
    merges: dict[str, None] = {}
    for word in WORDS:
        for end in range(2, len(word) + 1):
            merges[f"{word[: end - 1]} {word[end - 1]}"] = None
            if word[:end] not in tokens:
                tokens.append(word[:end])
    plain = len(tokens)
    tokens += SPECIAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * plain + [gguf.TokenType.CONTROL] * len(SPECIAL))
    writer.add_token_merges(list(merges))
    writer.add_bos_token_id(plain + SPECIAL.index("<|endoftext|>"))
    writer.add_eos_token_id(plain + SPECIAL.index("<|im_end|>"))
    writer.add_add_bos_token(add_bos)
    writer.add_chat_template(CHATML)
    return len(tokens)


def _byte_letters() -> list[str]:
    """Return the letters that stand for the 256 bytes in a byte-level BPE (GPT-2): printable ones are themselves."""
    own = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in own else next(others)) for byte in range(256)]


def _finish(writer: gguf.GGUFWriter, path: Path, shapes: Shapes, random: np.random.Generator | None) -> Path:
    """Add the tensors and write the file; without random numbers all are zero."""
    for name, shape in shapes.items():
        if random is None:
            values = np.zeros(shape, np.float32)
        elif name.endswith("ssm_a"):  # how fast states fade
            values = -random.uniform(0.1, 1, shape).astype(np.float32)
        elif len(shape) == 1 and name.endswith(".weight"):  # a norm
            values = np.ones(shape, np.float32)
        else:
            values = random.normal(0, 0.2, shape).astype(np.float32)
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
