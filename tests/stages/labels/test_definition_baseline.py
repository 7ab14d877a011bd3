"""The shipped baseline: it is what its recipe makes, it runs through the stage, and it does not pretend."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.labels.test_label_stage import run, script, stage
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.stages.labels.card import read_card
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import StoredModel
from valex_local.system.devices import Device

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "models" / "minilm-definitions"


def test_the_card_says_what_it_is():
    card = read_card(FOLDER)
    assert card.baseline == "similarity to the value definitions, not trained"
    assert card.languages == ("en",)
    assert set(card.outputs) == set(CIRCLE)
    assert all(outputs.conflicted is None for outputs in card.outputs.values())
    figures = {measured.figure: measured.value for measured in card.measured}
    assert figures["macro F1"] > figures["macro F1 of always answering yes"]
    assert "weighted F1" in figures, "also the figure that speaks against it"


def test_the_definitions_cover_the_values():
    written = tomllib.loads((FOLDER / "definitions.toml").read_text("utf-8"))
    assert list(written["values"]) == [value.value for value in CIRCLE]
    sentences = [sentence for of_value in written["values"].values() for sentence in of_value]
    assert len(set(sentences)) == len(sentences)
    assert len(set(written["neutral"]["texts"])) == len(written["neutral"]["texts"]) >= 40


@pytest.mark.slow
def test_the_recipe_makes_the_shipped_head(stored_model: Callable[[str], StoredModel], monkeypatch: pytest.MonkeyPatch):
    import torch
    from safetensors.torch import load_file

    monkeypatch.syspath_prepend(ROOT / "scripts")
    recipe = __import__("make_definition_baseline")
    base = stored_model("minilm-l6")
    encoder = TextEncoder(base.folder, pooling="mean", normalise=True, window=128, overlap=64, device=Device("cpu", 2))
    made = recipe.make_head(FOLDER / "definitions.toml", encoder)
    shipped = load_file(FOLDER / "head.safetensors")
    for name, tensor in shipped.items():
        assert torch.allclose(made[name], tensor, atol=1e-3), name
    assert read_card(FOLDER).model_copy(update={"measured": ()}) == recipe.CARD_WITHOUT_FIGURES
    sys.modules.pop("make_definition_baseline")


@pytest.mark.slow
def test_plain_cases_get_the_value_they_are_about(stored_model: Callable[[str], StoredModel]):
    plain = {
        Value.UNIVERSALISM_NATURE: "We picked up all the plastic at the lake so that the fish can live there.",
        Value.HEDONISM: "Mmm, this chocolate ice cream is heavenly, I could eat it all day long.",
        Value.TRADITION: "Every Easter our whole family bakes this bread as my great-grandparents did.",
        Value.POWER_RESOURCES: "This is how I made my first million dollars and bought three houses.",
        Value.BENEVOLENCE_CARING: "My sister was ill, so I stayed with her all week and cooked for her.",
    }
    model = stored_model("minilm-definitions")
    judged = run(stage(model), [script(text) for text in plain.values()])
    for value, labels in zip(plain, judged, strict=True):
        assert labels.values[CIRCLE.index(value)].state is State.PRESENT, value
        assert labels.source.baseline
    (nothing,) = run(stage(model), [script("The lamp stands on the left and the chair on the right.")])
    assert sum(label.state is State.PRESENT for label in nothing.values) <= 1
