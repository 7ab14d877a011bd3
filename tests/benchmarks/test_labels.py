"""Labels without padding: all ways say the same, and one that does not is noticed."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import labels as bench
from benchmarks.environment import Environment
from benchmarks.measure import Cost
from tests.stages.labels.tiny import save_model
from valex_local.stages.labels.card import read_card
from valex_local.stages.labels.model import LabelModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)


def test_texts_are_made_alike_and_of_the_length_that_is_said():
    def tokenizer(text):
        return {"input_ids": text.split()}

    texts = bench.make_texts(30, tokenizer)
    assert texts == bench.make_texts(30, tokenizer)
    assert texts != bench.make_texts(30, tokenizer, seed=4)
    assert len(set(texts)) == 30
    assert all(50 <= len(text.split()) <= 300 for text in texts)


def test_every_way_says_what_the_model_says(tmp_path):
    from safetensors.torch import load_file

    stored = save_model(tmp_path / "model")
    card, head = read_card(stored.folder), load_file(stored.folder / "head.safetensors")
    texts = ["the cat", "", "help it then " * 30, "win", "it rained and then it rained " * 7]
    _, ways = bench.ways(card, stored, window=card.window, device=CPU)
    assert list(ways) == ["unpadded", "padded", "sorted", "int8"]
    model = LabelModel(stored.folder, device=CPU)
    expected = [list(scores.probabilities.values()) for scores in model.scores(texts)]
    vectors = {name: way(texts) for name, way in ways.items()}
    said = {name: bench.probabilities(card, head, found) for name, found in vectors.items()}
    for name, found in said.items():
        assert found.shape == (5, 19, 2)
        given = found[~np.isnan(found)].reshape(5, 9)
        np.testing.assert_allclose(given, expected, atol=0.2 if name == "int8" else 1e-5)
    states = bench.states(card, said["unpadded"])
    assert states == [label.state for scores in model.scores(texts) for label in model.labels(scores)[:5]]

    env = Environment(None, CPU, tmp_path, quick=True)
    costs = {"unpadded": 1.0, "padded": 3.0, "sorted": 2.0, "int8": 0.5}
    costs = {name: Cost(seconds, seconds) for name, seconds in costs.items()}
    ratio, near = bench._checks(costs, said, env)
    assert (ratio.value, ratio.held, near.held) == (3.0, True, True)
    assert not bench._checks(costs, said | {"unpadded": said["unpadded"] + 0.002}, env)[1].held
    full = bench._checks(costs, said, replace(env, quick=False))
    assert [check.what.split(",")[0] for check in full[:2]] == ["CPU time", "wall time"]
    assert bench.equal_states(card, said["sorted"], said["padded"]) == 1
    assert bench.equal_states(card, 1 - said["sorted"], said["padded"]) < 0.9


@pytest.mark.slow
def test_padding_changes_nothing(store, stored_model, tmp_path):
    stored_model("minilm-arguments")
    result = bench.labels(Environment(store, Device("cpu", 2), tmp_path, quick=True))
    _, near = result.checks
    assert next(iter(result.costs)) == "unpadded"
    assert near.held, near
    assert result.facts["share_of_equal_states_int8"] >= 0.97
