"""Labels of bare texts: those of the model, by id, with what a reader must know of each."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.stages.labels.tiny import WORDS, save_model
from valex_local.corpus import Text
from valex_local.errors import ConfigError, InputError, ModelError
from valex_local.records import Labels, LabelSource
from valex_local.settings import Settings, make_settings
from valex_local.stages.labels.encoder import EncoderRoute
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.routes import language_notices
from valex_local.stages.labels.texts import label_texts
from valex_local.states import draw
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)


def made(**labels: object) -> Settings:
    return make_settings({"labels": labels})


def texts(count: int, language: str | None = None) -> list[Text]:
    return [
        Text(f"t{n}", " ".join(WORDS[(i * 7 + n) % len(WORDS)] for i in range(3 * n + 1)), language)
        for n in range(count)
    ]


def test_they_are_those_of_the_model(tiny: StoredModel):
    given = texts(9)
    done: list[int] = []
    found = label_texts(given, tiny, settings=made(), device=CPU, on_progress=done.append)
    model = LabelModel(tiny.folder, device=CPU)
    expected = [
        draw(Labels(script="text", source=found.source, values=model.labels(scores)), None).values
        for scores in model.scores([text.text for text in given])
    ]
    assert found.answers.ids == tuple(text.id for text in given)
    for row, labels in enumerate(expected):
        assert [found.answers.state(row, column) for column in range(19)] == [label.state for label in labels]
        assert found.answers.probabilities[row, 4, 0] == labels[4].present
    assert sum(done) == 9
    assert len(done) > 1
    assert (found.source.route, found.source.model, found.source.domain) == ("encoder", tiny.id, "nonsense")
    assert found.notices == {}


def test_what_a_text_says_of_its_language_goes_before_what_is_said_of_all(tiny: StoredModel):
    given = [*texts(1, "de"), Text("en", "the cat", "en"), Text("none", "the cat")]
    plain = label_texts(given, tiny, settings=made(), device=CPU)
    assert set(plain.notices) == {"t0"}
    assert [notice.code for notice in plain.notices["t0"]] == ["language-not-covered"]
    french = label_texts(given, tiny, settings=made(), device=CPU, language="fr")
    assert set(french.notices) == {"t0", "none"}
    assert "language is de" in french.notices["t0"][0].text
    assert "language is fr" in french.notices["none"][0].text
    assert len(french.answers) == 3, "labelled all the same"


def test_what_is_said_of_a_language():
    source = LabelSource(route="encoder", model="m", domain="d", languages=("en", "nl"))
    assert language_notices(source, "en") == language_notices(source, None) == ()
    (notice,) = language_notices(source, "de")
    assert notice.text == "the text's language is de; the label model was made for: en, nl"
    assert language_notices(source.model_copy(update={"languages": ()}), "de") == ()


def test_8_bits_differ_a_little(tiny: StoredModel):
    import numpy as np

    exact, small = (
        label_texts(texts(6), tiny, settings=made(int8=flag), device=CPU).answers.probabilities
        for flag in (False, True)
    )
    assert np.array_equal(np.isnan(exact), np.isnan(small))
    assert 0 < np.nanmax(np.abs(exact - small)) < 0.2
    with pytest.raises(ConfigError, match="8-bit"):
        label_texts(texts(1), tiny, settings=made(int8=True), device=Device("cuda", 1))


def test_what_the_route_cannot_judge_stops_it(tiny: StoredModel, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(EncoderRoute, "__call__", lambda _, batch: [ModelError("not this one") for _ in batch])
    with pytest.raises(ModelError, match="not this one"):
        label_texts(texts(2), tiny, settings=made(), device=CPU)


def test_no_texts_are_refused(tiny: StoredModel):
    with pytest.raises(InputError, match="no texts"):
        label_texts([], tiny, settings=made(), device=CPU)


def test_a_model_for_any_language_says_nothing(tmp_path: Path):
    model = save_model(tmp_path / "model", languages=[])
    assert label_texts(texts(2, "xx"), model, settings=made(), device=CPU).notices == {}


def test_states_of_a_language_model_are_its_answers(tiny: StoredModel):
    with pytest.raises(ConfigError, match="gives answers"):
        label_texts(texts(2), replace(tiny, role="llm"), settings=made(), device=CPU, states="cautious")
