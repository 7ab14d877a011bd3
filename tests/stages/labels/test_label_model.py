import json
from pathlib import Path

import pytest

from tests.stages.labels.tiny import WORDS, card, save_encoder, save_head, save_model, stored
from valex_local.errors import ModelError
from valex_local.schwartz import CIRCLE, Polarity, State
from valex_local.stages.labels.model import LabelModel
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 2)


def filler(words: int) -> str:
    return " ".join(WORDS[i % 8] for i in range(words))


def test_nineteen_labels_with_what_the_model_assesses(tiny: StoredModel):
    model = LabelModel(tiny.folder, device=CPU)
    (scores,) = model.scores(["the cat sat on the mat"])
    labels = model.labels(scores)
    assert tuple(label.value for label in labels) == CIRCLE
    for label in labels[:4]:
        assert label.present is not None
        assert label.conflicted is not None
    assert labels[4].conflicted is None
    assert labels[4].state in (State.PRESENT, State.ABSENT)
    assert all(label.state is State.NOT_ASSESSED and label.present is None for label in labels[5:])
    assert all(label.dominant is None for label in labels)


@pytest.mark.parametrize("pool", ["max", "mean"])
def test_the_windows_are_pooled_as_the_card_says(tmp_path: Path, pool: str):
    folder = save_model(tmp_path / "model", pool_windows=pool, window=16, overlap=0).folder
    model = LabelModel(folder, device=CPU)
    words = filler(20).split()
    # Without overlap the windows are texts of their own.
    whole, first, second = model.scores([" ".join(words), " ".join(words[:14]), " ".join(words[14:])])
    assert (whole.windows, first.windows, second.windows) == (2, 1, 1)
    for key, found in whole.probabilities.items():
        parts = first.probabilities[key], second.probabilities[key]
        expected = max(parts) if pool == "max" else sum(parts) / 2
        assert found == pytest.approx(expected, abs=1e-6)


def test_a_decisive_word_at_the_end_of_a_long_text_counts(tmp_path: Path):
    import torch
    from safetensors.torch import load_file, save_file

    folder = save_model(tmp_path / "model").folder
    with_it, without = filler(2000) + " zebra", filler(2001)
    # A head that asks for what the word does to the last window.
    encoder = LabelModel(folder, device=CPU)._encoder
    last = encoder.vectors([with_it])[0][-1]
    direction = last - encoder.vectors([without])[0].mean(0)
    head = load_file(folder / "head.safetensors")
    head["weight"][0] = direction / (direction @ direction) * 20
    head["bias"][0] = -(head["weight"][0] @ last) + 5
    save_file(head, folder / "head.safetensors")
    model = LabelModel(folder, device=CPU)
    labels = [model.labels(scores)[0].state for scores in model.scores([with_it, without])]
    assert torch.isfinite(head["bias"]).all()
    assert labels[0] is State.PRESENT
    assert labels[1] is not State.PRESENT


def test_the_state_follows_from_the_rounded_probabilities(tmp_path: Path):
    folder = save_model(tmp_path / "model").folder
    (scores,) = LabelModel(folder, device=CPU).scores(["help it then"])
    exact = scores.probabilities[CIRCLE[4], Polarity.PRESENT]
    outputs = card()["outputs"]
    outputs[CIRCLE[4].value]["present"]["threshold"] = round(exact, 4)
    (folder / "labels.json").write_text(json.dumps(card(outputs=outputs)), "utf-8")
    model = LabelModel(folder, device=CPU)
    label = model.labels(model.scores(["help it then"])[0])[4]
    assert label.present == round(exact, 4)
    assert label.state is State.PRESENT


def test_a_head_on_an_encoder_of_the_store(tmp_path: Path, tiny: StoredModel):
    encoder = stored(save_encoder(tmp_path / "encoder"))
    folder = tmp_path / "head"
    folder.mkdir()
    save_head(folder)
    (folder / "labels.json").write_text(json.dumps(card(encoder="small-encoder")), "utf-8")
    model = LabelModel(folder, requires={"small-encoder": encoder}, device=CPU)
    assert model.scores([filler(50)]) == LabelModel(tiny.folder, device=CPU).scores([filler(50)])
    with pytest.raises(ModelError, match="uses the encoder small-encoder") as caught:
        LabelModel(folder, requires={"another": encoder}, device=CPU)
    assert 'requires = ["small-encoder"]' in (caught.value.hint or "")


@pytest.mark.parametrize(("outputs", "hidden"), [(8, 32), (10, 32), (9, 16)])
def test_a_head_of_another_shape_is_refused(tmp_path: Path, outputs: int, hidden: int):
    folder = save_model(tmp_path / "model").folder
    save_head(folder, outputs=outputs, hidden=hidden)
    with pytest.raises(ModelError, match="shape") as caught:
        LabelModel(folder, device=CPU)
    assert caught.value.path == str(folder / "head.safetensors")
    assert caught.value.hint


def test_a_head_without_bias_a_broken_one_and_none_are_refused(tmp_path: Path):
    import torch
    from safetensors.torch import save_file

    folder = save_model(tmp_path / "model").folder
    save_file({"weight": torch.zeros(9, 32)}, folder / "head.safetensors")
    with pytest.raises(ModelError, match="bias"):
        LabelModel(folder, device=CPU)
    (folder / "head.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="cannot be read"):
        LabelModel(folder, device=CPU)
    (folder / "head.safetensors").unlink()
    with pytest.raises(ModelError, match="no head"):
        LabelModel(folder, device=CPU)
