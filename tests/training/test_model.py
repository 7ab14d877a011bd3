from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.tiny import CONFLICTED, CPU, OVERLAP, PRESENT, WINDOW, corpus, load, options, sentences
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.card import CardFigure, UnassessedPolarity, read_card
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.store import Store, StoredModel
from valex_local.store.intake import add
from valex_local.store.manifests import read_manifest
from valex_local.training import model as package
from valex_local.training.calibrate import Calibrator
from valex_local.training.cross_validation import Trained
from valex_local.training.data import Data
from valex_local.training.model import Facts, calibrated_head, make_card, readme, write_description, write_weights
from valex_local.training.network import LabelNetwork
from valex_local.training.trainer import predict_logits, train

THOUGHT, FACE = CIRCLE[0], CIRCLE[7]
KEYS = [(THOUGHT, PRESENT), (FACE, PRESENT), (FACE, CONFLICTED)]
TEXTS = sentences(24, seed=2)
CALIBRATION = Calibrator(
    slopes=np.array([0.5, 2.0, 1.3]), intercepts=np.array([-0.4, 0.7, 0.0]), thresholds=np.array([0.31, 0.5, 0.42345])
)
FACTS = Facts(
    name="Tiny labels",
    domain="made-up sentences",
    languages=("en",),
    data=("24 sentences, CC0-1.0",),
    limits=("It knows fifteen words",),
    licence="CC0-1.0",
)
MEASURED = (
    CardFigure(on="cross-validation", figure="macro F1", value=0.5, low=0.41, high=0.59),
    CardFigure(on="cross-validation", figure="macro F1 of the baseline always-yes", value=0.4),
)


@dataclass(frozen=True)
class Learnt:
    """A training's outcome, and the probabilities it stands for."""

    data: Data
    trained: Trained
    probabilities: np.ndarray


def learnt(folder: Path, work: Path, **changes: Any) -> Learnt:
    random = np.random.default_rng(1)
    said = {key: random.integers(0, 2, len(TEXTS)).astype(float).tolist() for key in KEYS}
    said[THOUGHT, CONFLICTED] = [1.0] * 2 + [0.0] * (len(TEXTS) - 2)
    given = options(min_support=5, group="none", **changes)
    data = Data.of(corpus(TEXTS, said), given)
    assert list(data.outputs) == KEYS
    torch.manual_seed(0)
    network = LabelNetwork(load(folder), len(KEYS), given)
    windows = [load(folder).windows(text) for text in TEXTS]
    train(network, windows, data.truth, given, seed=0, folder=work)
    network.merge()
    probabilities = CALIBRATION.probabilities(predict_logits(network, windows, given))
    head = (network.head.weight.detach(), network.head.bias.detach())
    return Learnt(data, Trained(*head, network.tuned()), probabilities)


def write(
    out: Path, found: Learnt, folder: Path, *, encoder: str = ".", calibration: Calibrator = CALIBRATION, **facts: Any
) -> Path:
    (out / "training").mkdir(parents=True, exist_ok=True)
    for name in ("recipe.json", "gold.csv", "predictions.csv"):
        (out / "training" / name).write_text("{}", "utf-8")
    write_weights(out, found.trained, calibration, partial(load, folder), slim=encoder != ".")
    card = make_card(
        replace(FACTS, **facts), found.data, options(min_support=5), calibration, encoder=encoder, window=WINDOW,
        overlap=OVERLAP, measured=MEASURED,
    )  # fmt: skip
    write_description(out, card, replace(FACTS, **facts))
    return out


def judged(model: StoredModel) -> np.ndarray:
    loaded = LabelModel(model.folder, requires=model.requires, device=CPU)
    return np.array([[scores.probabilities[key] for key in KEYS] for scores in loaded.scores(TEXTS)])


@pytest.fixture(scope="module")
def full(encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Learnt:
    return learnt(encoder_folder, tmp_path_factory.mktemp("full"), mode="full")


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_the_directory_says_what_the_network_said(encoder_folder: Path, tmp_path: Path, mode: str) -> None:
    found = learnt(encoder_folder, tmp_path / "work", mode=mode)
    out = write(tmp_path / "model", found, encoder_folder)
    assert np.ptp(found.probabilities, axis=0).min() > 0.01, "it says different things of different texts"
    loaded = judged(Store(tmp_path / "store").local(out, "labels"))
    assert loaded == pytest.approx(found.probabilities, abs=1e-5)
    assert not (out / "tuned.safetensors").exists()


@pytest.mark.parametrize("mode", ["frozen", "lora", "full"])
def test_a_slim_model_says_nearly_the_same(encoder_folder: Path, tmp_path: Path, mode: str) -> None:
    store = Store(tmp_path / "store")
    base = add(store, encoder_folder, model_id="small-encoder", role="encoder")
    found = learnt(base.folder, tmp_path / "work", mode=mode)
    out = write(tmp_path / "slim", found, base.folder, encoder="small-encoder")
    assert not (out / "model.safetensors").exists()
    assert not (out / "tokenizer.json").exists()
    assert (out / "tuned.safetensors").exists() == (mode != "frozen")
    stored = add(store, out)
    assert list(stored.requires) == ["small-encoder"]
    assert judged(stored) == pytest.approx(found.probabilities, abs=2e-3)
    if mode != "frozen":
        assert judged(stored) != pytest.approx(judged_without_tuning(out, base), abs=2e-3)


def judged_without_tuning(out: Path, base: StoredModel) -> np.ndarray:
    (out / "tuned.safetensors").unlink()
    return judged(StoredModel("x", "labels", "encoder", out, "0" * 64, requires={"small-encoder": base}))


def test_the_store_takes_the_model_and_leaves_the_labels_of_posts_behind(
    encoder_folder: Path, tmp_path: Path, full: Learnt
) -> None:
    out = write(tmp_path / "Our Model", full, encoder_folder)
    stored = add(Store(tmp_path / "store"), out)
    assert (stored.id, stored.role, stored.engine) == ("our-model", "labels", "encoder")
    names = {path.relative_to(stored.folder).as_posix() for path in stored.folder.rglob("*") if path.is_file()}
    assert {"labels.json", "head.safetensors", "model.safetensors", "config.json", "tokenizer.json"} <= names
    assert {"README.md", "training/recipe.json", "model.toml"} <= names
    assert not any(name.endswith(".csv") for name in names)
    assert judged(stored) == pytest.approx(full.probabilities, abs=1e-5)


def test_calibration_is_in_the_head(full: Learnt) -> None:
    head = calibrated_head(full.trained, CALIBRATION)
    hidden = torch.randn(4, full.trained.weight.shape[1])
    before = (hidden @ full.trained.weight.T + full.trained.bias).double().numpy()
    after = torch.sigmoid(hidden @ head["weight"].T + head["bias"]).numpy()
    assert after == pytest.approx(CALIBRATION.probabilities(before), abs=1e-5)


def test_the_card_says_what_was_learnt(encoder_folder: Path, tmp_path: Path, full: Learnt) -> None:
    card = read_card(write(tmp_path / "model", full, encoder_folder))
    assert list(card.rows) == KEYS
    assert [output.support for output in card.rows.values()] == list(full.data.support.values())
    assert [output.threshold for output in card.rows.values()] == [0.31, 0.5, 0.4234]
    assert [output.row for output in card.rows.values()] == [0, 1, 2]
    assert card.left_out == (UnassessedPolarity(value=THOUGHT, polarity=CONFLICTED, support=2),)
    assert (card.name, card.domain, card.languages) == (FACTS.name, FACTS.domain, FACTS.languages)
    assert (card.encoder, card.window, card.overlap, card.pooling) == (".", WINDOW, OVERLAP, "mean")
    assert (card.pool_windows, card.normalise, card.baseline) == ("max", False, None)
    assert (card.data, card.limits, card.measured) == (FACTS.data, FACTS.limits, MEASURED)


def test_the_papers_say_it_to_people(encoder_folder: Path, tmp_path: Path, full: Learnt) -> None:
    out = write(tmp_path / "model", full, encoder_folder)
    said = (out / "README.md").read_text("utf-8")
    for expected in (
        "# Tiny labels",
        "*made-up sentences* (en).",
        "and whether as conflicted",
        "Licence: CC0-1.0",
        "- 24 sentences, CC0-1.0",
        "- It knows fifteen words",
        "- Self-direction: thought, conflicted: 2 texts",
        "| macro F1 | 0.500 | 0.410 to 0.590 | cross-validation |",
        "| macro F1 of the baseline always-yes | 0.400 |  | cross-validation |",
        f"| Face | conflicted | {full.data.support[FACE, CONFLICTED]} | 0.42 |",
    ):
        assert expected in said
    manifest = read_manifest(out / "model.toml")
    assert manifest.description == "Tiny labels: made-up sentences"
    assert (manifest.licence, manifest.requires) == ("CC0-1.0", ())
    assert {"labels.json", "README.md", "training/recipe.json"} <= {file.name for file in manifest.files}


def test_what_is_not_assessed_at_all_is_said(full: Learnt) -> None:
    present = replace(full.data, outputs=tuple(key for key in KEYS if key[1] == PRESENT), left_out=())
    facts = Facts(name="Half", domain="sentences")
    card = make_card(
        facts, present, options(), CALIBRATION, encoder=".", window=WINDOW, overlap=OVERLAP, measured=()
    )  # fmt: skip
    said = readme(card, facts)
    assert "*conflicted* is not assessed" in said
    assert "A label model for *sentences*." in said
    for absent in ("Licence", "## Limits", "## Figures", "Left out"):
        assert absent not in said


def test_the_card_comes_last(
    encoder_folder: Path, tmp_path: Path, full: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    there: dict[str, bool] = {}
    write_text = Path.write_text

    def noted(path: Path, *given: Any) -> int:
        there[path.name] = (out / "labels.json").exists()
        return write_text(path, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", noted)
        write(out, full, encoder_folder)
    assert there["README.md"] is there["model.toml"] is False
    assert "labels.json" not in there, "it is written under another name"
    newest = max((path for path in out.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "labels.json"
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_papers_that_were_cut_off_are_written_anew(
    encoder_folder: Path, tmp_path: Path, full: Learnt, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def cut(path: Path, target: Path) -> Path:
        if target.name == "labels.json":
            raise KeyboardInterrupt
        return replace(path, target)

    out = tmp_path / "model"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", cut)
        write(out, full, encoder_folder)
    assert not (out / "labels.json").exists()
    write(out, full, encoder_folder)
    assert not any(file.name.startswith(".") for file in read_manifest(out / "model.toml").files)
    add(Store(tmp_path / "store"), out)


def test_the_same_training_leaves_the_same_files(encoder_folder: Path, tmp_path: Path, full: Learnt) -> None:
    # The encoder's files lack a pooler: what stands in its place is noise.
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        out = write(tmp_path / str(seed) / "model", full, encoder_folder)
        found.append({p.relative_to(out): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()})
    assert found[0] == found[1]


def test_the_encoder_of_the_model_can_be_trained_from_again(encoder_folder: Path, tmp_path: Path, full: Learnt) -> None:
    out = write(tmp_path / "model", full, encoder_folder)
    encoder = TextEncoder(out, pooling="mean", normalise=False, window=WINDOW, overlap=OVERLAP, device=CPU)
    before = load(encoder_folder)
    assert encoder.windows(TEXTS[0]) == before.windows(TEXTS[0])
    assert encoder.limit == before.limit
    for name, tensor in full.trained.tuned.items():
        assert torch.equal(encoder.model.state_dict()[name], tensor)


def test_the_room_names_what_it_writes() -> None:
    for name in ("labels.json", "head.safetensors", "tuned.safetensors", "README.md", "model.toml", "recipe.json"):
        assert name in (package.__doc__ or "")
