"""The shipped trained models: they say what they are, are small, and one finds what plain cases are about."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.labels.test_label_stage import run, script, stage
from valex_local.schwartz import CIRCLE, Polarity, State, Value
from valex_local.stages.labels.card import read_card
from valex_local.store import StoredModel
from valex_local.store.manifests import built_in_folder, profile_names, read_profile

MODELS = Path(__file__).resolve().parents[3] / "models"
ENCODERS = {"minilm-arguments": "minilm-l6", "mpnet-arguments": "mpnet-base"}
MOST_BYTES = 25_000_000


each_model = pytest.mark.parametrize("name", ENCODERS)


@each_model
def test_the_card_says_what_it_is_and_whose_data_it_learnt_from(name: str) -> None:
    card = read_card(MODELS / name)
    assert (card.domain, card.languages, card.encoder) == ("English arguments", ("en",), ENCODERS[name])
    assert card.baseline is None
    assert set(card.outputs) == set(CIRCLE)
    assert all(outputs.conflicted is None for outputs in card.outputs.values()), "conflicted is not assessed"
    assert all(output.support and output.support >= 30 for output in card.rows.values())
    assert "CC BY-SA 4.0" in card.data[0]
    assert "10.5281/zenodo.6814563" in card.data[0]
    readme = (MODELS / name / "README.md").read_text("utf-8")
    for said in ("CC-BY-SA-4.0", "zenodo.6814563", "not on scripts of videos", "Universalism: objectivity"):
        assert said in readme
    manifest = tomllib.loads((built_in_folder() / f"{name}.toml").read_text("utf-8"))
    assert manifest["licence"] == "CC-BY-SA-4.0"
    assert manifest["requires"] == [ENCODERS[name]]


@each_model
def test_the_card_says_how_good_it_is_beside_the_baselines(name: str) -> None:
    macro = {m.figure: m for m in read_card(MODELS / name).measured if m.figure.startswith("macro F1")}
    own, words, yes = (macro[f"macro F1{of}"] for of in ("", " of the baseline tfidf", " of the baseline always-yes"))
    assert own.low is not None
    assert words.high is not None
    assert own.low > words.high > words.value > yes.value
    assert "Conclusion" in own.on


@each_model
def test_it_is_small(name: str) -> None:
    assert sum(path.stat().st_size for path in (MODELS / name).rglob("*")) <= MOST_BYTES
    assert not list((MODELS / name).rglob("*.csv"))


def test_the_demo_names_it_and_the_other_profiles_the_larger_one() -> None:
    named = {name: read_profile(name).models["labels"] for name in profile_names()}
    assert named.pop("demo") == "minilm-arguments"
    assert set(named.values()) == {"mpnet-arguments"}


@pytest.mark.slow
def test_plain_cases_get_the_value_they_are_about(stored_model: Callable[[str], StoredModel]) -> None:
    plain = {
        Value.UNIVERSALISM_NATURE: "We must stop plastic from polluting the sea, the animals and the planet suffer.",
        Value.HEDONISM: "People should be free to enjoy themselves, it is fun and gives so much pleasure.",
        Value.TRADITION: "Marriage is a sacred religious custom that our ancestors have always kept.",
        Value.POWER_RESOURCES: "It would make the country rich, it brings in a lot of money.",
        Value.SECURITY_PERSONAL: "It is dangerous for your health and people could be injured or die.",
    }
    judged = run(stage(stored_model("minilm-arguments")), [script(text) for text in plain.values()])
    for value, labels in zip(plain, judged, strict=True):
        assert labels.values[CIRCLE.index(value)].state is State.PRESENT, value
        assert labels.source.baseline is None
        assert labels.source.domain == "English arguments"
        assert all(label.conflicted is None for label in labels.values)
        assert sum(label.state is State.PRESENT for label in labels.values) <= 8, "not yes to everything"
    assert Polarity.CONFLICTED not in {polarity for _, polarity in read_card(MODELS / "minilm-arguments").rows}
