import json
from pathlib import Path

import pytest

from tests.stages.labels.tiny import card
from valex_local.errors import ModelError
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.stages.labels.card import ModelCard, read_card

SD_THOUGHT = CIRCLE[0].value


def test_the_rows_are_in_circle_order_and_only_those_there_are():
    read = ModelCard.model_validate(card())
    assert list(read.rows)[:2] == [(CIRCLE[0], Polarity.PRESENT), (CIRCLE[0], Polarity.CONFLICTED)]
    assert len(read.rows) == 9
    assert (CIRCLE[4], Polarity.CONFLICTED) not in read.rows


def test_a_card_survives_writing_and_reading(tmp_path: Path):
    read = ModelCard.model_validate(card())
    (tmp_path / "labels.json").write_text(read.to_json(), "utf-8")
    assert read_card(tmp_path) == read


def _changed(path: list[str], value: object) -> str:
    data = card()
    table = data
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "should be an object"),
        (_changed(["format"], 2), "format"),
        (_changed(["pooling"], "sum"), "pooling"),
        (_changed(["poolin"], "mean"), "unknown key poolin; did you mean pooling?"),
        (_changed(["window"], 2), "window"),
        (_changed(["overlap"], 17), "overlap must be at most half the window, 16"),
        (_changed(["outputs"], {}), "outputs"),
        (_changed(["outputs"], {SD_THOUGHT: {}}), "no value has an output"),
        (_changed(["outputs", "Hedonismus"], {}), "unknown key outputs.Hedonismus; did you mean outputs.Hedonism?"),
        (
            _changed(["outputs", SD_THOUGHT, "presnt"], None),
            "thought.presnt; did you mean outputs.Self-direction: thought.present?",
        ),
        (
            _changed(["outputs", SD_THOUGHT, "present", "treshold"], 1),
            "did you mean outputs.Self-direction: thought.present.threshold?",
        ),
        (_changed(["outputs", SD_THOUGHT, "present", "threshold"], 1.5), "threshold"),
        (_changed(["outputs", SD_THOUGHT, "present", "row"], 3), "rows must be 0 to 8, each once"),
        (_changed(["outputs", SD_THOUGHT, "present", "row"], 9), "rows must be 0 to 8, each once"),
        (_changed(["languages"], ["English"]), "languages"),
    ],
)
def test_a_wrong_card_says_where(tmp_path: Path, text: str, said: str):
    path = tmp_path / "labels.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path)
    assert said in caught.value.what
    assert caught.value.path == str(path)
    assert caught.value.hint


def test_a_missing_card_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match=r"no labels\.json"):
        read_card(tmp_path)


def test_what_training_says_survives_writing_and_reading(tmp_path: Path):
    data = card(
        left_out=[{"value": CIRCLE[5].value, "polarity": "conflicted", "support": 7}],
        data=["888 scripts of short videos, from labels.csv"],
        limits=["Not for texts in other languages."],
        measured=[
            {"on": "5 folds", "figure": "weighted F1", "value": 0.49, "low": 0.46, "high": 0.52},
            {"on": "5 folds", "figure": "macro F1", "value": 0.4},
        ],
    )
    data["outputs"][SD_THOUGHT]["present"]["support"] = 120
    (tmp_path / "labels.json").write_text(json.dumps(data), "utf-8")
    read = read_card(tmp_path)
    assert (read.left_out[0].value, read.left_out[0].polarity, read.left_out[0].support) == (
        CIRCLE[5],
        Polarity.CONFLICTED,
        7,
    )
    assert read.rows[CIRCLE[0], Polarity.PRESENT].support == 120
    assert read.rows[CIRCLE[0], Polarity.CONFLICTED].support is None
    assert (read.measured[0].low, read.measured[0].high, read.measured[1].low) == (0.46, 0.52, None)
    text = read.to_json()
    assert "null" not in text
    assert ModelCard.model_validate_json(text) == read


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"left_out": [{"value": SD_THOUGHT, "polarity": "present", "suport": 3}]}, "did you mean left_out.0.support?"),
        ({"left_out": [{"value": SD_THOUGHT, "polarity": "present", "support": -1}]}, "left_out.0.support"),
        ({"left_out": [{"value": "Greed", "polarity": "present", "support": 1}]}, "left_out.0.value"),
        ({"measured": [{"on": "x", "figure": "F1", "value": 1, "hihg": 1}]}, "did you mean measured.0.high?"),
        ({"limit": ["none"]}, "did you mean limits?"),
    ],
)
def test_what_training_says_wrongly_is_named(tmp_path: Path, changes: dict[str, object], said: str):
    (tmp_path / "labels.json").write_text(json.dumps(card(**changes)), "utf-8")
    with pytest.raises(ModelError) as caught:
        read_card(tmp_path)
    assert said in caught.value.what
