"""Tiny encoders that can fill gaps, and texts, labels and options to try training with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from valex_local.corpus import Corpus, Text
from valex_local.corpus.label_matrix import POLARITIES, LabelMatrix
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.system.devices import Device
from valex_local.training.network import LabelNetwork
from valex_local.training.options import TrainingOptions

CPU = Device("cpu", 1)
WORDS = ("we", "go", "home", "now", "and", "then", "it", "rains", "help", "win", "zebra", "lake", "tea", "red", ".")
WINDOW, OVERLAP, HIDDEN = 16, 4, 16

PRESENT, CONFLICTED = POLARITIES
Output = tuple[Value, Polarity]


def save_encoder(
    folder: Path, *, kind: str = "bert", head: bool = True, mask: bool = True, dropout: float = 0.1
) -> Path:
    """Save a randomly initialised encoder, with its masked-language head (then without a pooler) or without."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    by_word = Tokenizer(models.WordLevel({w: i for i, w in enumerate((*special, *WORDS))}, unk_token="[UNK]"))
    by_word.pre_tokenizer = pre_tokenizers.Whitespace()
    by_word.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    marks = {"mask_token": "[MASK]"} if mask else {}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=by_word,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=WINDOW * 2,
        **marks,
    )
    name = {"bert": "Bert", "roberta": "Roberta", "mpnet": "MPNet"}[kind]
    config = getattr(transformers, f"{name}Config")(
        vocab_size=len(special) + len(WORDS), hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=64, pad_token_id=0, initializer_range=0.2,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    torch.manual_seed(3)
    model = getattr(transformers, f"{name}ForMaskedLM" if head else f"{name}Model")(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def load(folder: Path, **changes: Any) -> TextEncoder:
    """Load an encoder as training does."""
    given: dict[str, Any] = {"pooling": "mean", "window": WINDOW, "overlap": OVERLAP, **changes}
    return TextEncoder(folder, normalise=False, device=CPU, **given)


def options(**changes: Any) -> TrainingOptions:
    """Return options under which a tiny network learns in a second."""
    given = {"learning_rate": 3e-3, "head_learning_rate": 1e-2, "epochs": 3, "batch": 4, "window": WINDOW}
    return TrainingOptions(**(given | changes))


def network(folder: Path, outputs: int, given: TrainingOptions, *, seed: int = 0) -> LabelNetwork:
    """Return a network that has learnt nothing; the head is random, so that it says something."""
    torch.manual_seed(seed)
    made = LabelNetwork(load(folder), outputs, given)
    with torch.no_grad():
        made.head.weight.normal_()
        made.head.bias.normal_()
    return made


def sentences(count: int, *, seed: int = 0, longest: int = 40) -> list[str]:
    """Return texts of random words, of 1 to `longest` words: one to four windows."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(1, longest + 1))) for _ in range(count)]


def corpus(
    texts: Sequence[str], said: Mapping[Output, Sequence[float]], authors: Sequence[str] | None = None
) -> Corpus:
    """Return texts with what is known of some outputs; of the others nobody said anything."""
    ids = [f"t{i:03}" for i in range(len(texts))]
    gold = LabelMatrix.empty(ids)
    for (value, polarity), column in said.items():
        gold.labels[:, CIRCLE.index(value), POLARITIES.index(polarity)] = column
    groups: list[dict[str, str]] = [{} if authors is None else {"author": author} for author in authors or ids]
    return Corpus(tuple(Text(i, t, groups=g) for i, t, g in zip(ids, texts, groups, strict=True)), gold)


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Say whether two sets of tensors are equal to the last bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
