"""8 bits: near the exact vectors, equal states, refused where it would be wrong, and no trace left."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages.labels.tiny import HIDDEN, WORDS, save_encoder, save_head, save_model
from valex_local.errors import ConfigError, ModelError
from valex_local.stages.labels import int8
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import StoredModel
from valex_local.system.devices import Device

CPU = Device("cpu", 1)
TEXTS = [" ".join(WORDS[(i * 7 + n * n) % len(WORDS)] for i in range(n)) for n in (0, 1, 5, 12, 29, 30, 31, 75)]

# RoBERTa and its kin count positions from after the padding index, which is 1 in all that are known.
KINDS = {
    "bert": {},
    "distilbert": {"dim": HIDDEN, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    "roberta": {"pad_token_id": 1},
    "xlm-roberta": {"pad_token_id": 1},
    "camembert": {"pad_token_id": 1},
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary files go to."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(temporary: Path) -> list[str]:
    """Return what is left there, but for the folder that torch makes once."""
    return [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor")]


def encoder(folder: Path, **changes: object) -> TextEncoder:
    options: dict[str, object] = {"pooling": "mean", "normalise": False, "window": 32, "overlap": 8, "device": CPU}
    return TextEncoder(folder, **(options | changes))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_near_the_exact_ones(tmp_path: Path, temporary: Path, kind: str, pooling: str):
    import torch
    from torch.nn.functional import cosine_similarity

    folder = save_encoder(tmp_path / "encoder", kind=kind, spread=0.1, **KINDS[kind])
    exact = encoder(folder, pooling=pooling).vectors(TEXTS)
    small = encoder(folder, pooling=pooling, int8=True).vectors(TEXTS)
    assert [rows.shape for rows in small] == [rows.shape for rows in exact]
    assert len(exact[-1]) > 1, "a text of several windows is among them"
    for one, other in zip(exact, small, strict=True):
        assert other.dtype is torch.float32
        assert cosine_similarity(one, other).min() > 0.99
    assert not all(torch.equal(one, other) for one, other in zip(exact, small, strict=True))
    assert left(temporary) == []


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_states_are_those_of_the_exact_model(tmp_path: Path, kind: str):
    folder = save_model(tmp_path / "model").folder
    # As wide as the smallest encoders in use: in fewer numbers errors have no room to cancel out.
    save_encoder(folder, kind=kind, hidden=384, spread=0.05, **KINDS[kind])
    save_head(folder, hidden=384)
    texts = [" ".join(WORDS[(i * k + k) % len(WORDS)] for i in range(5 + k)) for k in range(1, 120)]
    exact, small = (LabelModel(folder, device=CPU, int8=flag) for flag in (False, True))
    states = [
        [label.state for scores in model.scores(texts) for label in model.labels(scores)[:5]]
        for model in (exact, small)
    ]
    assert len(set(states[0])) == 3
    same = sum(one is other for one, other in zip(*states, strict=True))
    assert same / len(states[0]) >= 0.99


def test_a_text_is_judged_alone(tmp_path: Path):
    import torch

    made = encoder(save_encoder(tmp_path / "encoder"), int8=True)
    for text, found in zip(TEXTS, made.vectors(TEXTS), strict=True):
        assert torch.equal(made.vectors([text])[0], found)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("electra", {"embedding_size": HIDDEN}),
        ("deberta-v2", {}),
        ("bert", {"hidden_act": "mish"}),
        ("roberta", {"pad_token_id": 0}),
    ],
)
def test_an_encoder_without_an_8_bit_form_is_refused(
    tmp_path: Path, temporary: Path, kind: str, changes: dict[str, object]
):
    folder = save_encoder(tmp_path / "encoder", kind=kind, **changes)
    encoder(folder)
    with pytest.raises(ModelError, match=f"encoders of the type {kind} cannot be converted to 8 bits") as caught:
        encoder(folder, int8=True)
    assert caught.value.path == str(folder)
    assert "--no-int8" in str(caught.value.hint)
    assert left(temporary) == []


def test_a_card_is_refused_before_anything_is_loaded(tmp_path: Path):
    with pytest.raises(ConfigError, match="8-bit labels work only on the CPU") as caught:
        encoder(tmp_path / "nowhere", int8=True, device=Device("cuda", 1))
    assert "--device cpu" in str(caught.value.hint)


def test_a_full_disk_is_said(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = save_encoder(tmp_path / "encoder")
    monkeypatch.setattr(int8, "_convert", full)
    with pytest.raises(ModelError, match=r"cannot be converted to 8 bits .*No space left") as caught:
        encoder(folder, int8=True)
    assert caught.value.path == str(temporary)
    assert left(temporary) == []


def test_it_says_nothing_on_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    folder = save_encoder(tmp_path / "encoder")
    capfd.readouterr()
    encoder(folder, int8=True)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_the_shipped_model_in_8_bits(stored_model: Callable[[str], StoredModel]):
    stored = stored_model("minilm-definitions")
    texts = [
        "We picked up all the plastic at the lake so that the fish can live there.",
        "Every Easter our whole family bakes this bread as my great-grandparents did. " * 20,
        "The lamp stands on the left and the chair on the right.",
    ]
    models = [LabelModel(stored.folder, requires=stored.requires, device=CPU, int8=flag) for flag in (False, True)]
    labels = [[label for scores in model.scores(texts) for label in model.labels(scores)] for model in models]
    assert sum(a.state is b.state for a, b in zip(*labels, strict=True)) >= 0.96 * len(labels[0])
    assert max(abs(a.present - b.present) for a, b in zip(*labels, strict=True)) < 0.05
