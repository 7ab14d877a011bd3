"""Encoders other than BERT and RoBERTa: tiny random weights of the kinds of DeBERTa v3, ModernBERT and mmBERT."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tests.stages.labels.tiny import POSITIONS, save_encoder
from valex_local.errors import MissingExtra, ModelError
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.system.devices import Device

DEBERTA: dict[str, Any] = {
    "kind": "deberta-v2", "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "pos_att_type": "p2c|c2p", "position_biased_input": False, "max_relative_positions": -1,
    "type_vocab_size": 0,
}  # fmt: skip
MODERN: dict[str, Any] = {
    "kind": "modernbert", "local_attention": 8, "global_attn_every_n_layers": 2, "num_hidden_layers": 3,
    "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3,
}  # fmt: skip
MULTILINGUAL = MODERN | {"position_embedding_type": "sans_pos", "global_rope_theta": 160000, "local_rope_theta": 160000}
FAMILIES = {"deberta-v3": DEBERTA, "modernbert": MODERN, "mmbert": MULTILINGUAL}
TEXT = " ".join(["the cat sat on the mat and then it rained ."] * 20)


def encoder(folder: Path, **changes: Any) -> TextEncoder:
    options: dict[str, Any] = {"pooling": "mean", "normalise": False, "window": 48, "overlap": 8}
    return TextEncoder(folder, device=Device("cpu", 1), **(options | changes))


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("encoder"), **FAMILIES[request.param])


def test_the_limit_is_the_length_of_the_encoder(folder: Path):
    assert encoder(folder, window=POSITIONS).limit == POSITIONS
    with pytest.raises(ModelError, match=f"longer than the encoder's {POSITIONS}"):
        encoder(folder, window=POSITIONS + 1)


def test_vectors_are_those_of_the_library(folder: Path):
    import torch
    from transformers import AutoModel, AutoTokenizer

    made = encoder(folder)
    windows = made.windows(TEXT)
    assert len(windows) > 3
    model = AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = torch.stack([model(torch.tensor([w])).last_hidden_state[0].mean(0) for w in windows])
    (found,) = made.vectors([TEXT])
    assert torch.allclose(found, expected, atol=1e-5)
    assert AutoTokenizer.from_pretrained(folder).is_fast


def test_padded_windows_give_the_same_vectors(folder: Path):
    import torch

    made = encoder(folder)
    texts = [TEXT, "the cat", TEXT[:90]]
    alone = made.vectors(texts)
    made._batch_size = 8  # as on a GPU
    for one, batched in zip(alone, made.vectors(texts), strict=True):
        assert torch.allclose(one, batched, atol=1e-5)


def test_weights_of_before_safetensors_are_plain_tensors(tmp_path: Path):
    import torch
    from safetensors.torch import load_file

    folder = save_encoder(tmp_path / "encoder", **DEBERTA)
    expected = encoder(folder).vectors([TEXT])
    path = folder / "model.safetensors"
    # As published: with the prefix of the pretraining model, and with its head.
    tensors = {f"deberta.{name}": tensor for name, tensor in load_file(path).items()}
    torch.save(tensors | {"lm_predictions.lm_head.bias": torch.zeros(19)}, folder / "pytorch_model.bin")
    path.unlink()
    (found,) = encoder(folder).vectors([TEXT])
    assert torch.equal(found, expected[0])


def test_a_tokenizer_of_sentencepiece_takes_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = save_encoder(tmp_path / "encoder", **DEBERTA)
    (folder / "tokenizer.json").unlink()
    (folder / "spm.model").write_bytes(b"x")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r'sentencepiece is not installed.*"valex_local\[train\]"'):
        encoder(folder)


def test_the_tokenizer_of_deberta_is_read_as_published(tmp_path: Path):
    """From ``spm.model`` and ``tokenizer_config.json``; the rest of the vocabulary is the library's own."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = save_encoder(tmp_path / "encoder", **DEBERTA)
    for path in folder.glob("*token*"):
        path.unlink()
    words = [f"{one}{two}" for one in "bcdfghklmn" for two in ("at", "an", "it", "og")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(words[at:] + words[:at]) for at in range(len(words))]),
        model_prefix=str(folder / "spm"), vocab_size=40, minloglevel=2, bos_id=1, eos_id=2, unk_id=3, pad_id=0,
        pad_piece="[PAD]", bos_piece="[CLS]", eos_piece="[SEP]", unk_piece="[UNK]",
    )  # fmt: skip
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    made = encoder(folder)
    assert type(made.tokenizer).__name__ == "DebertaV2Tokenizer"
    (window,) = made.windows("hit bat dog cat")
    tokens = made.tokenizer.convert_ids_to_tokens(window)
    assert (tokens[0], tokens[-1]) == ("[CLS]", "[SEP]")
    own = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    assert tokens[1:-1] == own.encode("hit bat dog cat", out_type=str)
