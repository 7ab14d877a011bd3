"""The whole training, in one process: options that change what is tested and what is written."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.training.tiny import CPU, PRESENT, corpus, options, sentences
from valex_local.corpus import Corpus
from valex_local.errors import ConfigError
from valex_local.pipeline.progress import NullProgress
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.card import read_card
from valex_local.stages.labels.text_encoder import LEFT, RIGHT, TextEncoder
from valex_local.store import Store
from valex_local.store.intake import add
from valex_local.training import cross_validation
from valex_local.training.model import Facts
from valex_local.training.network import LabelNetwork
from valex_local.training.options import TrainingOptions
from valex_local.training.slim import slim_tensors, whole_tensors
from valex_local.training.train import Base, train_model

COUNT = 48
FACTS = Facts(name="tiny", domain="made-up sentences")
ONE_OF_FOUR: dict[str, Any] = {"folds": 4, "tested_folds": 1, "seeds": 2, "epochs": 1, "min_support": 2, "inner": 3}


@pytest.fixture
def base(encoder_folder: Path, tmp_path: Path) -> Base:
    add(Store(tmp_path / "store"), encoder_folder, model_id="small-encoder", role="encoder")
    return Base.find(Store(tmp_path / "store"), "small-encoder", slim=True)


def made() -> Corpus:
    """Return texts of twelve authors, in which a word decides."""
    texts = sentences(COUNT, seed=3, longest=12)
    said = {(CIRCLE[0], PRESENT): [float("zebra" in text) for text in texts], (CIRCLE[5], PRESENT): [1.0, 0.0] * 24}
    return corpus(texts, said, [f"author{row % 12}" for row in range(COUNT)])


def run(base: Base, out: Path, given: TrainingOptions, texts: Corpus | None = None) -> Any:
    return train_model(
        texts or made(), base, out, options=given, facts=FACTS, device=CPU, progress=NullProgress()
    )  # fmt: skip


def column(path: Path, name: str) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_one_split_tests_only_its_texts_and_says_so(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    train = cross_validation.Trainer._train

    def noted(trainer: Any, name: str, *given: Any) -> Any:
        names.append(name)
        return train(trainer, name, *given)

    calibrated: list[int] = []
    calibrate = cross_validation.calibrate

    def counted(logits: np.ndarray, truth: np.ndarray) -> Any:
        assert not np.isnan(logits).any()
        calibrated.append(len(logits))
        return calibrate(logits, truth)

    monkeypatch.setattr(cross_validation.Trainer, "_train", noted)
    monkeypatch.setattr(cross_validation, "calibrate", counted)
    out = tmp_path / "model"
    found = run(base, out, options(**ONE_OF_FOUR, slim_rank=2))
    assert names == ["seed 0, fold 1", "seed 0, all texts", "seed 1, all texts"]
    folds = dict(zip(*(column(out / "training" / "folds.csv", name) for name in ("post", "seed 0")), strict=True))
    tested = {post for post, fold in folds.items() if fold == "0"}
    assert len(folds) == COUNT
    assert 0 < len(tested) < COUNT / 2
    for name in ("gold", "predictions", "baseline-always-yes", "baseline-tfidf"):
        path = out / "training" / f"{name}.csv"
        assert set(column(path, "post")) == tested, name
    assert {row for row in column(out / "training" / "predictions.csv", "run")} == {"0"}
    assert calibrated[-1] == found.items == len(tested)
    card = read_card(out)
    assert {figure.on for figure in card.measured if figure.low is not None or "F1" in figure.figure} == {
        f"only 1 of 4 folds by author tested, one seed, {len(tested)} of {COUNT} texts, 2 values, present"
    }
    assert card.limits == (
        f"Figures, calibration and thresholds rest on {len(tested)} of {COUNT} texts: only 1 of 4 folds by author "
        "tested, one seed",
    )
    assert any("slim model of rank 2" in figure.on for figure in card.measured)
    assert sum(output.support for output in card.rows.values()) > len(tested), "the model learns from all texts"


def test_a_slim_model_by_lora_keeps_the_factors_and_loses_nothing(base: Base, tmp_path: Path) -> None:
    out = tmp_path / "model"
    run(base, out, options(**ONE_OF_FOUR, mode="lora", lora_rank=1))
    tensors = load_file(out / "tuned.safetensors")
    assert tensors and all(name.endswith((LEFT, RIGHT)) for name in tensors), "no merged matrix"
    assert {min(tensor.shape) for tensor in tensors.values()} == {2}, "two seeds of rank 1"
    lost = [
        f.value for f in read_card(out).measured if f.on.startswith("slim model of rank 2") and "left out" in f.figure
    ]
    assert lost == [pytest.approx(0, abs=2e-3)], "but for half precision"


@pytest.mark.parametrize("mode", ["lora", "full"])
def test_what_is_tested_is_as_reduced_as_what_is_written(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    kept: list[dict[str, torch.Tensor]] = []
    predict = cross_validation.predict_logits

    def noted(network: LabelNetwork, *given: Any) -> np.ndarray:
        kept.append(network.tuned())
        return predict(network, *given)

    monkeypatch.setattr(cross_validation, "predict_logits", noted)
    run(base, tmp_path / "model", options(**ONE_OF_FOUR, slim_rank=2, mode=mode))
    own = TextEncoder(base.model.folder, pooling="mean", normalise=False, window=16, overlap=4, device=CPU)
    assert len(kept) == 2
    for tuned in kept:
        again = whole_tensors(slim_tensors(tuned, own.model.state_dict(), 2), own.model.state_dict())
        assert all(torch.allclose(tensor, again[name], atol=1e-3) for name, tensor in tuned.items())
        changes = (t - own.model.state_dict()[n] for n, t in tuned.items() if n.endswith("dense.weight"))
        assert max(int(torch.linalg.matrix_rank(change, rtol=1e-2)) for change in changes) == 2


def test_all_folds_are_tested_otherwise(base: Base, tmp_path: Path) -> None:
    out = tmp_path / "model"
    found = run(base, out, options(folds=2, seeds=1, epochs=1, min_support=2, inner=3))
    assert found.items == COUNT
    assert f"cross-validation, 2 folds by author, 1 seeds, {COUNT} texts" in read_card(out).measured[0].on
    assert set(column(out / "training" / "predictions.csv", "post")) == {text.id for text in made().texts}


def test_one_split_interrupted_ends_as_it_would_have(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = options(**ONE_OF_FOUR)
    run(base, tmp_path / "whole" / "model", given)
    out = tmp_path / "cut" / "model"
    for place in ("calibrate", "_mean"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(cross_validation, place, interrupt)
            run(base, out, given)
    run(base, out, given)
    for name in ("head.safetensors", "tuned.safetensors", "labels.json", "training/predictions.csv"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / "model" / name).read_bytes(), name


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_only_some_of_the_folds_there_are_can_be_tested() -> None:
    for given in ({"folds": 3, "tested_folds": 3}, {"folds": None, "tested_folds": 1}):
        with pytest.raises(ValueError, match="tested_folds must be less than folds"):
            TrainingOptions(**given)


def test_a_rank_without_a_slim_model_or_with_adaptation_is_refused(base: Base, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="slim_rank is for slim models"):
        run(replace(base, slim=False), tmp_path / "model", options(slim_rank=4))
    with pytest.raises(ConfigError, match="cannot contain what adaptation changes"):
        run(base, tmp_path / "model", options(slim_rank=4, adapt=1))
    assert not (tmp_path / "model").exists()
