"""scripts/bench_labels: all its ways say the same, and it notices where one does not."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.labels.tiny import save_model
from valex_local.devices import Device
from valex_local.labels.card import read_card
from valex_local.labels.model import LabelModel

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "bench_labels"
CPU = Device("cpu", 1)


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    loader = SourceFileLoader("bench_labels", str(SCRIPT))
    spec = importlib.util.spec_from_loader("bench_labels", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_labels"] = module
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    loader.exec_module(module)
    sys.dont_write_bytecode = writes
    yield module
    del sys.modules["bench_labels"]


def test_it_can_be_called():
    assert os.access(SCRIPT, os.X_OK)


def test_texts_are_made_alike_and_of_the_length_that_is_said(bench: ModuleType):
    def tokenizer(text: str) -> dict[str, list[str]]:
        return {"input_ids": text.split()}

    texts = bench.make_texts(30, tokenizer)
    assert texts == bench.make_texts(30, tokenizer)
    assert texts != bench.make_texts(30, tokenizer, seed=4)
    assert len(set(texts)) == 30
    assert all(50 <= len(text.split()) <= 300 for text in texts)


def test_every_way_says_what_the_model_says(
    bench: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    from safetensors.torch import load_file

    monkeypatch.setattr(bench, "ROUNDS", 1)
    stored = save_model(tmp_path / "model")
    card, head = read_card(stored.folder), load_file(stored.folder / "head.safetensors")
    texts = ["the cat", "", "help it then " * 30, "win", "it rained and then it rained " * 7]
    _, found = bench.ways(card, stored, window=card.window, device=CPU)
    measured = bench.measure(found, texts)
    assert list(measured) == ["padded", "unpadded", "sorted", "int8"]
    model = LabelModel(stored.folder, device=CPU)
    expected = [list(scores.probabilities.values()) for scores in model.scores(texts)]
    for name, way in measured.items():
        result = bench.probabilities(card, head, way.vectors)
        assert result.shape == (5, 19, 2)
        given = result[~np.isnan(result)].reshape(5, 9)
        np.testing.assert_allclose(given, expected, atol=0.2 if name == "int8" else 1e-5)
        assert way.cpu > 0
        assert way.wall > 0
    states = bench.states(card, bench.probabilities(card, head, measured["unpadded"].vectors))
    assert states == [label.state for scores in model.scores(texts) for label in model.labels(scores)[:5]]

    capsys.readouterr()
    exact = {name: way for name, way in measured.items() if name != "int8"}
    assert bench.report(card, head, exact)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[1:]] == list(exact)
    assert printed[1].split()[3:] == ["1.00", "1.00", "0.0e+00", "100.00", "%"]
    shifted = [rows + 1 for rows in measured["sorted"].vectors]
    assert not bench.report(card, head, exact | {"sorted": replace(measured["sorted"], vectors=shifted)})
    assert not bench.report(card, head, exact | {"int8": replace(measured["int8"], vectors=shifted)})
