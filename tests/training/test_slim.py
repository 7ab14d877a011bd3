"""What a slim model keeps of a training, and what it says about the rest."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.test_model import CALIBRATION, TEXTS, judged, learnt, write
from tests.training.tiny import load
from valex_local.stages.labels import text_encoder
from valex_local.stages.labels.text_encoder import LEFT, RIGHT
from valex_local.store import Store
from valex_local.store.intake import add
from valex_local.training.model import write_weights
from valex_local.training.slim import slim_figures, slim_tensors, whole_tensors

Tensors = dict[str, torch.Tensor]


def changed(rank: int | None) -> tuple[Tensors, Tensors]:
    """Return tensors before and after a training whose change has a rank."""
    torch.manual_seed(0)
    own = {"wide": torch.randn(20, 50), "small": torch.randn(4, 4), "bias": torch.randn(20)}
    noise = {name: 0.01 * torch.randn_like(tensor) for name, tensor in own.items()}
    if rank is not None:
        noise["wide"] = 0.01 * torch.randn(20, rank) @ torch.randn(rank, 50)
    return own, {name: tensor + noise[name] for name, tensor in own.items()}


def error(own: Tensors, tuned: Tensors, slim: Tensors) -> float:
    change = tuned["wide"] - own["wide"]
    return float((change - slim["wide" + LEFT].float() @ slim["wide" + RIGHT].float()).norm() / change.norm())


def test_only_matrices_that_get_smaller_become_factors() -> None:
    own, tuned = changed(None)
    slim = slim_tensors(tuned, own, 3)
    assert {name: tuple(tensor.shape) for name, tensor in slim.items()} == {
        "wide.left": (20, 3),
        "wide.right": (3, 50),
        "small": (4, 4),
        "bias": (20,),
    }
    assert all(tensor.dtype == torch.float16 for tensor in slim.values())
    for rank in (None, 15):  # 15 * (20 + 50) > 20 * 50
        whole = slim_tensors(tuned, own, rank)
        assert whole.keys() == tuned.keys()
        assert all(torch.equal(tensor, tuned[name].half()) for name, tensor in whole.items())


def test_a_change_of_low_rank_is_kept_and_another_as_far_as_the_rank_goes() -> None:
    for rank in (1, 3):
        own, tuned = changed(rank)
        assert error(own, tuned, slim_tensors(tuned, own, 3)) < 2e-3, "but for half precision"
    own, tuned = changed(None)
    errors = [error(own, tuned, slim_tensors(tuned, own, rank)) for rank in (1, 3, 9, 14)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] > 0.1
    sizes = torch.linalg.svdvals(tuned["wide"] - own["wide"])
    assert errors[1] == pytest.approx(float(sizes[3:].norm() / sizes.norm()), abs=1e-3), "no matrix of rank 3 is nearer"


@pytest.mark.parametrize("rank", [None, 3, 9])
def test_what_a_slim_model_stands_for_is_what_it_is_loaded_as(rank: int | None) -> None:
    own, tuned = changed(None)
    slim = slim_tensors(tuned, own, rank)
    found = whole_tensors(slim, own)
    assert found.keys() == tuned.keys()
    for name, tensor in found.items():
        factors = (slim.get(name + end) for end in ("", LEFT, RIGHT))
        loaded = text_encoder._tuned(own[name], *factors)
        assert loaded is not None
        assert torch.equal(tensor, loaded.float())


def test_a_tensor_that_did_not_change_becomes_zero_factors() -> None:
    own, _ = changed(None)
    slim = slim_tensors(own, own, 3)
    assert not slim["wide.left"].any()
    assert not slim["wide.right"].any()


@pytest.mark.parametrize(
    ("mode", "rank", "lost"),
    [("lora", 2, lambda lost: lost < 5e-3), ("full", 2, lambda lost: 0.05 < lost < 0.9)],
)
def test_a_model_of_low_rank_says_what_it_leaves_out(
    encoder_folder: Path, tmp_path: Path, mode: str, rank: int, lost: Callable[[float], bool]
) -> None:
    store = Store(tmp_path / "store")
    base = add(store, encoder_folder, model_id="small-encoder", role="encoder")
    found = learnt(base.folder, tmp_path / "work", mode=mode, lora_rank=2)
    out = write(tmp_path / "slim", found, base.folder, encoder="small-encoder")
    whole = (out / "tuned.safetensors").stat().st_size
    write_weights(out, found.trained, CALIBRATION, partial(load, base.folder), slim=True, rank=rank)
    assert (out / "tuned.safetensors").stat().st_size < whole
    figures = slim_figures(
        out, found.trained.tuned, TEXTS, CALIBRATION.thresholds, make_encoder=partial(load, base.folder), rank=rank
    )
    left_out, equal, difference = (figure.value for figure in figures)
    assert lost(left_out)
    by_slim = judged(add(store, out))
    assert difference == pytest.approx(np.abs(by_slim - found.probabilities).mean(), abs=1e-4)
    same = (by_slim >= CALIBRATION.thresholds) == (found.probabilities >= CALIBRATION.thresholds)
    assert equal == pytest.approx(same.mean(), abs=1e-4)
    if mode == "lora":
        assert by_slim == pytest.approx(found.probabilities, abs=2e-3)
