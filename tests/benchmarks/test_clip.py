"""Pictures in batches and one by one: all ways say the same, and one that does not is noticed."""

from dataclasses import replace

import pytest
import torch

from benchmarks import clip as bench
from benchmarks.environment import Environment
from benchmarks.measure import Cost, Measurement
from valex_local.system.devices import Device


class Doubling:
    """Stands in for CLIP: the vector of a picture is its mean colour."""

    def __init__(self):
        self.image_batch_size, self.sizes = 0, []

    def preprocess(self, image):
        import numpy as np

        return torch.from_numpy(np.array(image, np.float32))

    def images(self, inputs):
        self.sizes.append(len(inputs))
        return torch.stack([picture.mean((0, 1)) for picture in inputs])


@pytest.mark.parametrize("jobs", [0, 1, 3])
@pytest.mark.parametrize("size", [1, 4, 9])
def test_every_way_sees_every_picture_once_in_order(tmp_path, size, jobs):
    paths = bench.make_pictures(7, tmp_path)
    expected = bench.encode_images(Doubling(), paths, size=1, jobs=0).vectors
    assert len(torch.unique(expected, dim=0)) == 7
    clip = Doubling()
    seen = bench.encode_images(clip, paths, size=size, jobs=jobs)
    assert torch.equal(seen.vectors, expected)
    assert clip.sizes == [min(size, 7 - at) for at in range(0, 7, size)]
    assert 0 <= seen.waited <= 1


def test_a_way_that_says_something_else_is_noticed(tmp_path):
    env = Environment(None, Device("cpu", 1), tmp_path)
    seen = bench.ClipResult(torch.ones(2, 3), 0.0)
    found = {way: Measurement(Cost(2.0, 3.0), seen) for way in (bench.OURS, bench.BATCHED, bench.ONE_PREFETCHED)}
    found[bench.ONE] = Measurement(Cost(3.0, 3.0), seen)
    assert [check.value for check in bench.checks(found, env)] == [1.5, 1.0, 0.0]
    other = Measurement(Cost(2.0, 3.0), bench.ClipResult(torch.ones(2, 3) + 1e-3, 0.0))
    assert [c.held for c in bench.checks(found | {bench.BATCHED: other}, env)] == [True, True, False]
    assert len(bench.checks(found, replace(env, quick=True))) == 2
    card = bench.checks(found | {bench.BATCHED: other}, replace(env, device=Device("cuda", 1)))
    assert [c.held for c in card] == [True, True]
    assert card[0].what.startswith("wall")


@pytest.mark.slow
def test_batches_change_nothing(store, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "QUICK_PICTURES", {"cpu": 5})
    result = bench.clip(Environment(store, Device("cpu", 2), tmp_path, quick=True))
    _, near = result.checks
    assert next(iter(result.costs)) == bench.OURS
    assert near.held, near
