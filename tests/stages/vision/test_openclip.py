"""The engine: batches of one size, half precision and its way out, memory."""

from __future__ import annotations

import pytest

from valex_local.stages.vision.openclip import OpenClip, image_batch_size
from valex_local.store import StoredModel
from valex_local.system.devices import Device


@pytest.fixture(scope="module")
def engine(clip: StoredModel) -> OpenClip:
    return OpenClip(clip, Device("cpu", 1))


def noise(count: int, size: int = 32):
    import torch

    return list(torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0)))


def test_the_bits_of_a_vector_do_not_depend_on_the_pictures_beside_it(engine: OpenClip):
    import torch

    pictures = noise(11)
    alone = torch.cat([engine.images([picture]) for picture in pictures])
    assert torch.equal(engine.images(pictures), alone)
    assert torch.equal(engine.images(pictures[::-1]), alone.flip(0))
    assert alone.shape == (11, 16)
    assert torch.allclose(alone.norm(dim=1), torch.ones(11), atol=1e-6)


def test_no_pictures_are_no_vectors(engine: OpenClip):
    assert len(engine.images([])) == 0


def test_what_half_precision_cannot_hold_is_computed_again(engine: OpenClip, monkeypatch: pytest.MonkeyPatch):
    import torch

    asked = []
    encode = engine._encode

    def overflowing(pictures: torch.Tensor, *, half: bool) -> torch.Tensor:
        asked.append(half)
        return encode(pictures, half=False) * (torch.inf if len(asked) == 1 else 1)

    monkeypatch.setattr(engine, "_encode", overflowing)
    assert bool(engine.images(noise(2)).isfinite().all())
    assert len(asked) == 2
    assert not asked[1]


def test_a_full_card_halves_the_batch(engine: OpenClip, monkeypatch: pytest.MonkeyPatch):
    import torch

    sizes = []
    encode = engine._encode

    def full(pictures: torch.Tensor, *, half: bool) -> torch.Tensor:
        sizes.append(len(pictures))
        if len(pictures) > 3:
            raise torch.OutOfMemoryError("full")
        return encode(pictures, half=half)

    monkeypatch.setattr(engine, "image_batch_size", 16)
    monkeypatch.setattr(engine, "_encode", full)
    assert len(engine.images(noise(5))) == 5
    assert sizes == [16, 8, 4, 2, 2, 2]
    monkeypatch.setattr(engine, "image_batch_size", 1)
    monkeypatch.setattr(engine, "_encode", lambda *_, **__: (_ for _ in ()).throw(torch.OutOfMemoryError("full")))
    with pytest.raises(torch.OutOfMemoryError):
        engine.images(noise(1))


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (Device("cpu", 8, 64 << 30), 4),
        (Device("cuda", 8, 1 << 30), 8),
        (Device("cuda", 8, 8 << 30), 64),
        (Device("cuda", 8, 80 << 30), 128),
    ],
)
def test_batches_by_memory(device: Device, expected: int):
    assert image_batch_size(device) == expected
