"""Models with random weights in the shapes of real ones: they cost as much time and memory, but their output is noise.

Whisper for CTranslate2, CLIP for open_clip, and a label model on RoBERTa. The vision-language model is in
random_vlm.py. Each function writes one model into an empty folder, in the form in which a lab adds the real one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from valex_local.schwartz import CIRCLE, Polarity

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import RobertaConfig, WhisperConfig

ROOT = Path(__file__).resolve().parent.parent
WORDS = 8000
"""Size of a tokenizer: with it a text has as many tokens as with the real ones, give or take a third."""


def tokenizer(special: Sequence[str]) -> Tokenizer:
    """Return a byte-level BPE tokenizer trained on our documentation; the special tokens come first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS, special_tokens=list(special), initial_alphabet=sorted(alphabet), show_progress=False
    )
    made.train_from_iterator([path.read_text("utf-8") for path in sorted(ROOT.glob("docs/*.md"))], trainer)
    return made


# --- speech ---------------------------------------------------------------------------------------------------------


WINDOW_TOKENS = 64
"""Tokens of a window of audio, including the prompt: about as many as 15 seconds of speech have."""


@dataclass(frozen=True)
class WhisperShape:
    """Layers of encoder and decoder, width and heads of both, and mel bands."""

    encoder: int
    decoder: int
    width: int
    heads: int
    mels: int = 128


def whisper_config(shape: WhisperShape, *, tokens: int) -> WhisperConfig:
    """Return the configuration of a Whisper."""
    from transformers import WhisperConfig

    return WhisperConfig(
        vocab_size=tokens, num_mel_bins=shape.mels, d_model=shape.width,
        encoder_layers=shape.encoder, encoder_attention_heads=shape.heads, encoder_ffn_dim=4 * shape.width,
        decoder_layers=shape.decoder, decoder_attention_heads=shape.heads, decoder_ffn_dim=4 * shape.width,
    )  # fmt: skip


def save_whisper(folder: Path, shape: WhisperShape) -> None:
    """Save a Whisper of 100 languages in float16, with the tokens of the real one."""
    import numpy as np
    import torch
    from ctranslate2.converters.transformers import WhisperLoader
    from transformers import WhisperForConditionalGeneration

    words = _whisper_tokenizer()
    tokens = [words.id_to_token(i) for i in range(words.get_vocab_size())]
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration._from_config(whisper_config(shape, tokens=len(tokens)), dtype=torch.float16)
    end, mark = _token(words, "<|endoftext|>"), _token(words, "<|2.00|>")
    _make_write(model.model.decoder, WINDOW_TOKENS, mark)
    _make_write(model.model.decoder, slice(WINDOW_TOKENS + 1, None), end)
    spec = WhisperLoader().get_model_spec(model)
    first = _token(words, "<|startoftranscript|>") + 1
    spec.config.lang_ids = list(range(first, first + 100))
    spec.config.suppress_ids = [words.token_to_id("<|startofprev|>")]
    spec.config.suppress_ids_begin = [end]
    last = shape.decoder - 1
    spec.config.alignment_heads = [(last, head) for head in range(min(6, shape.heads))]
    # Random timestamps would send the library through the audio in steps of any size. With one at the end of the text
    # and none within, it goes through each window once.
    bias = np.zeros(len(tokens), np.float16)
    bias[words.token_to_id("<|0.00|>") :] = -100
    bias[mark] = 0
    spec.decoder.projection.bias = bias
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize("float16")
    spec.save(str(folder))
    words.save(str(folder / "tokenizer.json"))
    sound = {"feature_size": shape.mels, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (folder / "preprocessor_config.json").write_text(json.dumps(sound), "utf-8")


def _make_write(decoder: Any, positions: int | slice, token: int) -> None:
    """Make the decoder write a token at some positions, whatever comes before."""
    import torch

    with torch.no_grad():
        wanted = decoder.embed_tokens.weight[token].float()
        decoder.embed_positions.weight[positions] = 100 * wanted / wanted.norm()


def _token(words: Tokenizer, text: str) -> int:
    number = words.token_to_id(text)
    if number is None:
        raise RuntimeError(f"Whisper has no token {text}")
    return number


def _whisper_tokenizer() -> Tokenizer:
    """Return the tokenizer of large-v3, converted from the tiktoken file in openai-whisper."""
    import whisper
    from transformers.convert_slow_tokenizer import TikTokenConverter
    from whisper.tokenizer import get_encoding

    encoding = get_encoding("multilingual", num_languages=100)
    special = sorted(encoding._special_tokens, key=encoding._special_tokens.__getitem__)
    ranks = Path(whisper.__file__).parent / "assets" / "multilingual.tiktoken"
    made = TikTokenConverter(str(ranks), encoding._pat_str, extra_special_tokens=special).converted()
    if made.get_vocab_size() != encoding.n_vocab or made.token_to_id(special[-1]) != encoding.n_vocab - 1:
        raise RuntimeError("the tokens of Whisper are in another order than expected")
    tokenizer: Tokenizer = made
    return tokenizer


# --- images ---------------------------------------------------------------------------------------------------------


def save_clip(folder: Path, shape: dict[str, Any]) -> None:
    """Save a CLIP model; `shape` is a `model_cfg` of open_clip."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "model_cfg": shape,
        "preprocess_cfg": {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config), "utf-8")
    torch.manual_seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "open_clip_model.safetensors")


# --- labels ---------------------------------------------------------------------------------------------------------


def roberta_config(shape: dict[str, int]) -> RobertaConfig:
    """Return the configuration of a RoBERTa with the keys in `shape`."""
    from transformers import RobertaConfig

    return RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, **shape)


def save_labels(folder: Path, shape: dict[str, int]) -> None:
    """Save a label model with its encoder, a RoBERTa: both polarities of all 19 values, windows of 512 tokens.

    `shape` has keys of the encoder's configuration.
    """
    import torch
    from safetensors.torch import save_file
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast, RobertaModel

    words = tokenizer(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    words.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    named = {"bos_token": "<s>", "cls_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "sep_token": "</s>"}
    PreTrainedTokenizerFast(
        tokenizer_object=words, model_max_length=512, unk_token="<unk>", mask_token="<mask>", **named
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = roberta_config(shape)
    RobertaModel(config).save_pretrained(folder)
    pairs = [(value, polarity) for value in CIRCLE for polarity in Polarity]
    head = {"weight": torch.randn(len(pairs), config.hidden_size) * 0.02, "bias": torch.zeros(len(pairs))}
    save_file(head, folder / "head.safetensors")
    outputs: dict[str, dict[str, Any]] = {value.value: {} for value in CIRCLE}
    for row, (value, polarity) in enumerate(pairs):
        outputs[value.value][polarity.value] = {"row": row, "threshold": 0.5}
    card = {
        "format": 1, "name": "random weights", "domain": "nothing: random weights", "languages": ["en"],
        "pooling": "cls", "window": 512, "overlap": 128, "outputs": outputs,
        "limits": ["its weights are random and its labels are noise"],
    }  # fmt: skip
    (folder / "labels.json").write_text(json.dumps(card, indent=1), "utf-8")
