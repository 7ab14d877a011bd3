"""Vectors of texts are computed once and kept in the store, and never trusted blindly."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from valex_local.stages.vision.text_vectors import text_vectors
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)
TEXTS = ["a dog", "a cat", "a bird"]


class Counting:
    """An engine that counts how often it is asked."""

    def __init__(self, size: int = 8) -> None:
        self.asked = 0
        self._size = size

    def texts(self, texts):
        import torch

        self.asked += 1
        rows = [torch.randn(self._size, generator=torch.Generator().manual_seed(sum(map(ord, t)))) for t in texts]
        return torch.nn.functional.normalize(torch.stack(rows), dim=1)


@pytest.fixture
def model(tmp_path: Path) -> StoredModel:
    return StoredModel("c", "clip", "open_clip", tmp_path / "c", "a" * 64, cache=tmp_path / ".cache")


def files(model: StoredModel) -> list[Path]:
    return sorted(model.cache.iterdir())


def test_they_are_computed_once(model: StoredModel):
    import torch

    clip = Counting()
    first = text_vectors(clip, TEXTS, model=model, device=CPU)
    assert torch.equal(first, clip.texts(TEXTS))
    clip.asked = 0
    assert torch.equal(text_vectors(clip, TEXTS, model=model, device=CPU), first)
    assert clip.asked == 0
    assert len(files(model)) == 1


@pytest.mark.parametrize("other", ["texts", "order", "model", "device"])
def test_other_texts_models_and_devices_have_their_own(model: StoredModel, other: str):
    clip = Counting()
    text_vectors(clip, TEXTS, model=model, device=CPU)
    texts = {"texts": [*TEXTS[:2], "a fish"], "order": TEXTS[::-1]}.get(other, TEXTS)
    changed = dataclasses.replace(model, digest="b" * 64) if other == "model" else model
    device = Device("cuda", 1) if other == "device" else CPU
    text_vectors(clip, texts, model=changed, device=device)
    assert clip.asked == 2
    assert len(files(model)) == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "swapped", "not numbers"])
def test_damaged_files_are_made_again(model: StoredModel, damage: str):
    import torch
    from safetensors.torch import save_file

    clip = Counting()
    right = text_vectors(clip, TEXTS, model=model, device=CPU)
    (path,) = files(model)
    if damage == "swapped":
        text_vectors(clip, TEXTS[:2], model=model, device=CPU)
        (other,) = set(files(model)) - {path}
        path.write_bytes(other.read_bytes())
    elif damage == "not numbers":
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            metadata = file.metadata()
        save_file({"vectors": right * torch.nan}, path, metadata=metadata)
    else:
        path.write_bytes({"cut": path.read_bytes()[:-9], "empty": b"", "garbage": b"no tensors at all"}[damage])
    clip.asked = 0
    assert torch.equal(text_vectors(clip, TEXTS, model=model, device=CPU), right)
    assert torch.equal(text_vectors(clip, TEXTS, model=model, device=CPU), right)
    assert clip.asked == 1


def test_a_store_that_cannot_be_written_to_does_no_harm(model: StoredModel, tmp_path: Path):
    import torch

    clip = Counting()
    blocked = dataclasses.replace(model, cache=tmp_path / "none" / ".cache")  # no store there: none is made
    first = text_vectors(clip, TEXTS, model=blocked, device=CPU)
    assert torch.equal(text_vectors(clip, TEXTS, model=blocked, device=CPU), first)
    assert clip.asked == 2
    assert not (tmp_path / "none").exists()
    model.cache.write_text("a file where the folder would be")
    assert torch.equal(text_vectors(clip, TEXTS, model=model, device=CPU), first)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_of_somebody_else_does_no_harm(model: StoredModel):
    model.cache.mkdir(mode=0o500)
    text_vectors(Counting(), TEXTS, model=model, device=CPU)
    assert not files(model)


def test_without_a_store_nothing_is_kept(model: StoredModel, tmp_path: Path):
    text_vectors(Counting(), TEXTS, model=dataclasses.replace(model, cache=None), device=CPU)
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_nothing_behind(model: StoredModel, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    text_vectors(Counting(), TEXTS, model=model, device=CPU)
    assert not files(model)
