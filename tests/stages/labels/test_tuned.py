"""Tuned tensors: what training changed of an encoder of the store stands beside the head, and takes its place."""

import json
from pathlib import Path

import pytest

from tests.stages.labels.tiny import WORDS, card, save_encoder, save_head, stored
from valex_local.errors import ModelError
from valex_local.stages.labels.card import TUNED
from valex_local.stages.labels.model import LabelModel, Scores
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)
TEXTS = [" ".join(WORDS[(i * 7 + n) % len(WORDS)] for i in range(n)) for n in (1, 9, 70)]


@pytest.fixture
def base(tmp_path: Path) -> StoredModel:
    return stored(save_encoder(tmp_path / "encoder"))


def save_slim(folder: Path, base: StoredModel, *, half: bool) -> Path:
    """Save a label model over `base` whose second layer and word vectors were changed."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir()
    save_head(folder)
    (folder / "labels.json").write_text(json.dumps(card(encoder="small-encoder")), "utf-8")
    generator = torch.Generator().manual_seed(7)
    tuned = {
        name: tensor + 0.2 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in load_file(base.folder / "model.safetensors").items()
        if ".layer.1." in name or "word_embeddings" in name
    }
    assert len(tuned) > 10
    save_file({name: t.half() if half else t for name, t in tuned.items()}, folder / TUNED)
    return folder


def save_whole(folder: Path, base: StoredModel, slim: Path) -> Path:
    """Save the same model with its encoder in one directory."""
    from safetensors.torch import load_file, save_file

    save_encoder(folder)
    save_head(folder)
    (folder / "labels.json").write_text(json.dumps(card()), "utf-8")
    tensors = load_file(base.folder / "model.safetensors")
    tuned = {name: tensor.float() for name, tensor in load_file(slim / TUNED).items()}
    save_file(tensors | tuned, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def scores(folder: Path, base: StoredModel, *, int8: bool = False) -> list[Scores]:
    return LabelModel(folder, requires={"small-encoder": base}, device=CPU, int8=int8).scores(TEXTS)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("int8", [False, True])
def test_a_tuned_encoder_of_the_store_says_what_the_whole_model_says(
    tmp_path: Path, base: StoredModel, half: bool, int8: bool
):
    slim = save_slim(tmp_path / "slim", base, half=half)
    whole = save_whole(tmp_path / "whole", base, slim)
    found = scores(slim, base, int8=int8)
    assert found == scores(whole, base, int8=int8)
    (slim / TUNED).unlink()
    assert found != scores(slim, base, int8=int8), "the tensors count"


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("encoder.layer.9.output.dense.bias", (32,), r"encoder\.layer\.9\.output\.dense\.bias"),
        ("encoder.layer.1.output.dense.bias", (31,), r"encoder\.layer\.1\.output\.dense\.bias"),
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_by_its_name(
    tmp_path: Path, base: StoredModel, name: str, shape: tuple[int, ...], said: str
):
    import torch
    from safetensors.torch import load_file, save_file

    slim = save_slim(tmp_path / "slim", base, half=False)
    save_file({**load_file(slim / TUNED), name: torch.zeros(shape)}, slim / TUNED)
    with pytest.raises(ModelError, match=f"1 tuned tensors do not fit the encoder, for example {said}") as caught:
        scores(slim, base)
    assert caught.value.path == str(slim / TUNED)
    assert caught.value.hint


def factors(out: int, rank: int, into: int, name: str = "encoder.layer.1.output.dense.weight"):
    import torch

    generator = torch.Generator().manual_seed(1)
    left, right = (0.3 * torch.randn(*shape, generator=generator) for shape in ((out, rank), (rank, into)))
    return {f"{name}.left": left.half(), f"{name}.right": right.half()}


@pytest.mark.parametrize("int8", [False, True])
def test_two_factors_are_added_to_the_encoders_own_matrix(tmp_path: Path, base: StoredModel, int8: bool):
    from safetensors.torch import load_file, save_file

    name = "encoder.layer.1.output.dense.weight"
    own = load_file(base.folder / "model.safetensors")[name]
    pair = factors(own.shape[0], 3, own.shape[1])
    slim = save_slim(tmp_path / "slim", base, half=True)
    others = {other: tensor for other, tensor in load_file(slim / TUNED).items() if other != name}
    left, right = (tensor.float() for tensor in pair.values())
    save_file({**others, name: own + left @ right}, slim / TUNED)
    expected = scores(slim, base, int8=int8)
    save_file({**others, **pair}, slim / TUNED)
    assert scores(slim, base, int8=int8) == expected
    save_file(others, slim / TUNED)
    assert scores(slim, base, int8=int8) != expected, "the factors count"


WEIGHT, BIAS = "encoder.layer.1.output.dense.weight", "encoder.layer.1.output.dense.bias"


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda pair, own: {f"{WEIGHT}.left": pair[f"{WEIGHT}.left"]}, WEIGHT),
        (lambda pair, own: {f"{WEIGHT}.right": pair[f"{WEIGHT}.right"]}, WEIGHT),
        (lambda pair, own: {**pair, WEIGHT: own}, WEIGHT),
        (lambda pair, own: {**pair, f"{WEIGHT}.left": pair[f"{WEIGHT}.left"][:, :2].clone()}, WEIGHT),
        (lambda pair, own: {**pair, f"{WEIGHT}.left": pair[f"{WEIGHT}.left"][:-1].clone()}, WEIGHT),
        (lambda pair, own: {**pair, f"{WEIGHT}.right": pair[f"{WEIGHT}.right"][0].clone()}, WEIGHT),
        (lambda pair, own: factors(own.shape[0], 3, 1, BIAS), BIAS),
        (lambda pair, own: factors(*own.shape[:1], 3, own.shape[1], "encoder.layer.9.x"), "encoder.layer.9.x"),
    ],
    ids=["no right", "no left", "also whole", "ranks", "rows", "not a matrix", "own is a vector", "unknown"],
)
def test_factors_that_do_not_fit_are_refused_by_the_name_of_their_tensor(
    tmp_path: Path, base: StoredModel, change, name: str
):
    from safetensors.torch import load_file, save_file

    own = load_file(base.folder / "model.safetensors")[WEIGHT]
    slim = save_slim(tmp_path / "slim", base, half=False)
    others = {other: tensor for other, tensor in load_file(slim / TUNED).items() if other not in (WEIGHT, BIAS)}
    save_file({**others, **change(factors(own.shape[0], 3, own.shape[1]), own)}, slim / TUNED)
    with pytest.raises(ModelError, match=f"1 tuned tensors do not fit the encoder, for example {name} ") as caught:
        scores(slim, base)
    assert caught.value.path == str(slim / TUNED)


def test_a_broken_file_is_refused(tmp_path: Path, base: StoredModel):
    slim = save_slim(tmp_path / "slim", base, half=False)
    (slim / TUNED).write_bytes((slim / TUNED).read_bytes()[:100])
    with pytest.raises(ModelError, match="tuned tensors cannot be read") as caught:
        scores(slim, base)
    assert caught.value.path == str(slim / TUNED)
