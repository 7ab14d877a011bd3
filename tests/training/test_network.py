from pathlib import Path

import pytest
import torch

from tests.stages.labels import tiny
from tests.stages.labels.test_encoder_families import FAMILIES
from tests.training.tiny import CONFLICTED, CPU, HIDDEN, PRESENT, WORDS, load, network, options, save_encoder, sentences
from valex_local.errors import ModelError
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.card import ModelCard
from valex_local.stages.labels.model import LabelModel
from valex_local.training.network import Batch, LabelNetwork, parameter_groups
from valex_local.training.trainer import predict_logits, train

MODES = ["frozen", "lora", "full"]
OUTPUTS = 3
TEXTS = sentences(12)


def windows(folder: Path) -> list[list[list[int]]]:
    encoder = load(folder)
    return [encoder.windows(text) for text in TEXTS]


def learnt(folder: Path, work: Path, **changes: object) -> LabelNetwork:
    """Return a network that has learnt for a few steps."""
    given = options(epochs=2, **changes)
    made = network(folder, OUTPUTS, given)
    truth = (torch.arange(len(TEXTS) * OUTPUTS).reshape(len(TEXTS), OUTPUTS) % 2).double().numpy()
    train(made, windows(folder), truth, given, seed=0, folder=work)
    return made.eval()


def test_the_largest_window_decides_as_in_the_label_model(encoder_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    made = network(encoder_folder, OUTPUTS, options(mode="full")).eval()
    folder = tmp_path / "model"
    made.encoder.save_pretrained(folder)
    load(encoder_folder).tokenizer.save_pretrained(folder)
    head = {"weight": made.head.weight.detach(), "bias": made.head.bias.detach()}
    save_file({name: tensor.contiguous() for name, tensor in head.items()}, folder / "head.safetensors")
    keys = [(CIRCLE[0], PRESENT), (CIRCLE[0], CONFLICTED), (CIRCLE[1], PRESENT)]
    outputs: dict[str, dict[str, object]] = {}
    for row, (value, polarity) in enumerate(keys):
        outputs.setdefault(value, {})[polarity] = {"row": row, "threshold": 0.5}
    card = ModelCard.model_validate(
        {"name": "tiny", "domain": "nonsense", "window": 16, "overlap": 4, "pool_windows": "max", "outputs": outputs}
    )
    (folder / "labels.json").write_text(card.to_json(), "utf-8")
    scores = LabelModel(folder, device=CPU).scores(TEXTS)
    assert {found.windows for found in scores} >= {1, 2, 3}
    with torch.inference_mode():
        found = torch.sigmoid(made(Batch.of(windows(encoder_folder))))
    expected = torch.tensor([[of_text.probabilities[key] for key in keys] for of_text in scores])
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_texts_do_not_hang_on_those_beside_them(encoder_folder: Path, pooling: str) -> None:
    torch.manual_seed(0)
    made = LabelNetwork(load(encoder_folder, pooling=pooling), OUTPUTS, options(mode="full")).eval()
    torch.nn.init.normal_(made.head.weight)
    inputs = windows(encoder_folder)
    with torch.inference_mode():
        together = made(Batch.of(inputs))
        alone = torch.cat([made(Batch.of([one])) for one in inputs])
    assert torch.allclose(together, alone, atol=1e-5)


def test_vectors_stand_for_windows(encoder_folder: Path) -> None:
    made = network(encoder_folder, OUTPUTS, options(mode="frozen"))
    inputs = windows(encoder_folder)
    vectors = load(encoder_folder).vectors(TEXTS)
    by_windows, by_vectors = (predict_logits(made, given, options()) for given in (inputs, vectors))
    assert by_vectors == pytest.approx(by_windows, abs=1e-5)


def test_a_frozen_encoder_stays_as_it_is(encoder_folder: Path, tmp_path: Path) -> None:
    made = network(encoder_folder, OUTPUTS, options(mode="frozen")).train()
    assert not made.encoder.training, "and drops nothing"
    made(Batch.of(windows(encoder_folder))).sum().backward()
    assert all(parameter.grad is None for parameter in made.encoder.parameters())
    assert made.head.weight.grad is not None
    made = learnt(encoder_folder, tmp_path, mode="frozen")
    before = load(encoder_folder).model.state_dict()
    named = {name: tensor for name, tensor in made.encoder.state_dict().items() if "pooler" not in name}
    assert all(torch.equal(tensor, before[name]) for name, tensor in named.items())
    made.merge()
    assert made.tuned() == {}


def test_a_frozen_head_learns_from_vectors(encoder_folder: Path, tmp_path: Path) -> None:
    given = options(mode="frozen", epochs=30)
    made = LabelNetwork(load(encoder_folder), 1, given)
    texts = [f"{word} it rains" for word in ("zebra", "lake") for _ in range(10)]
    vectors = load(encoder_folder).vectors(texts)
    truth = torch.tensor([[1.0]] * 10 + [[0.0]] * 10).numpy().astype(float)
    train(made, vectors, truth, given, seed=0, folder=tmp_path)
    logits = predict_logits(made, vectors, given)
    assert logits[:10].min() > 0 > logits[10:].max()


def test_merged_additions_give_what_they_gave(encoder_folder: Path, tmp_path: Path) -> None:
    made = learnt(encoder_folder, tmp_path, mode="lora")
    inputs = windows(encoder_folder)
    before = predict_logits(made, inputs, options())
    made.merge()
    assert predict_logits(made, inputs, options()) == pytest.approx(before, abs=1e-5)
    assert not any("lora" in name for name in made.encoder.state_dict())
    assert abs(predict_logits(network(encoder_folder, OUTPUTS, options()), inputs, options()) - before).max() > 1e-2


@pytest.mark.parametrize("kind", ["bert", "roberta", "mpnet"])
@pytest.mark.parametrize(
    "changes",
    [{"mode": "frozen"}, {"mode": "lora"}, {"mode": "full"}, {"mode": "full", "freeze_embeddings": True}],
    ids=["frozen", "lora", "full", "full but for embeddings"],
)
def test_tuned_names_what_has_changed_and_nothing_else(tmp_path: Path, kind: str, changes: dict[str, object]) -> None:
    # Saved with its pooler: where files lack one each load fills it with other noise.
    folder = save_encoder(tmp_path / "encoder", kind=kind, head=False)
    before = {name: tensor.clone() for name, tensor in load(folder).model.state_dict().items()}
    made = learnt(folder, tmp_path / "work", **changes)
    made.merge()
    after = made.encoder.state_dict()
    assert after.keys() == before.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    tuned = made.tuned()
    assert changed <= set(tuned)
    assert all(torch.equal(tensor, after[name]) for name, tensor in tuned.items())
    assert not any("pooler" in name for name in tuned)
    # Of what may change only rows of tokens that stand nowhere, or a bias without effect, may not have.
    assert {name for name in tuned if name not in changed} <= {n for n in before if n.endswith("key.bias")}
    if changes["mode"] == "lora":
        assert changed == {n for n, t in before.items() if n.endswith(".weight") and ".layer." in n and t.ndim == 2}
    if changes.get("freeze_embeddings"):
        assert changed
        assert not any(name.startswith("embeddings.") for name in changed)
    if changes == {"mode": "full"}:
        assert any(name.startswith("embeddings.") for name in changed)


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_of_encoders_learn_with_lora(tmp_path: Path, family: str) -> None:
    folder = tiny.save_encoder(tmp_path / "models" / "tiny", words=WORDS, **FAMILIES[family])
    (tmp_path / "work").mkdir()
    made = learnt(folder, tmp_path / "work", mode="lora")
    inputs = windows(folder)
    before = predict_logits(made, inputs, options())
    assert abs(predict_logits(network(folder, OUTPUTS, options()), inputs, options()) - before).max() > 1e-3
    made.merge()
    assert predict_logits(made, inputs, options()) == pytest.approx(before, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_the_pooler_never_learns(encoder_folder: Path, mode: str) -> None:
    made = network(encoder_folder, OUTPUTS, options(mode=mode))
    made(Batch.of(windows(encoder_folder))).sum().backward()
    poolers = [(n, p) for n, p in made.named_parameters() if "pooler" in n]
    assert poolers
    assert all(parameter.grad is None for _, parameter in poolers)


def test_all_seeds_begin_alike(encoder_folder: Path) -> None:
    for seed in range(2):
        torch.manual_seed(seed)
        made = LabelNetwork(load(encoder_folder), OUTPUTS, options(mode="lora")).eval()
        assert not made.head.weight.any()
        assert not made.head.bias.any()
        with torch.inference_mode():
            vectors = made._text_encoder.vectors(TEXTS[:2])
        assert all(
            torch.equal(one, other) for one, other in zip(vectors, load(encoder_folder).vectors(TEXTS[:2]), strict=True)
        )


def rates(made: LabelNetwork, **changes: object) -> dict[str, tuple[float, float]]:
    """Return rate and decay of everything that learns, by name."""
    names = {id(parameter): name for name, parameter in made.named_parameters()}
    groups = parameter_groups(made, options(**changes))
    found = {names[id(p)]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups), "each once"
    assert set(found) == {name for name, p in made.named_parameters() if p.requires_grad}
    return found


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_each_layer_learns_slower_than_the_one_above(encoder_folder: Path, mode: str) -> None:
    changes = {"mode": mode, "learning_rate": 1e-3, "head_learning_rate": 0.5, "layer_decay": 0.5, "weight_decay": 0.1}
    made = network(encoder_folder, OUTPUTS, options(**changes))
    for name, (rate, _) in rates(made, **changes).items():
        if name.startswith("head."):
            assert rate == 0.5
        elif "layer.1." in name:
            assert rate == 1e-3
        elif "layer.0." in name:
            assert rate == 5e-4
        elif "embeddings" in name:
            assert rate == 2.5e-4
        else:
            assert "pooler" in name


def test_what_all_layers_of_mpnet_share_learns_as_slowly_as_embeddings(tmp_path: Path) -> None:
    changes = {"mode": "full", "learning_rate": 1e-3, "layer_decay": 0.5, "freeze_embeddings": True}
    made = network(save_encoder(tmp_path / "mpnet", kind="mpnet"), OUTPUTS, options(**changes))
    found = {name: rate for name, (rate, _) in rates(made, **changes).items() if name.startswith("encoder.")}
    assert not any(".embeddings." in name for name in found)
    assert {rate for name, rate in found.items() if ".layer.1." in name} == {1e-3}
    assert {rate for name, rate in found.items() if ".layer.0." in name} == {5e-4}
    assert {name: rate for name, rate in found.items() if ".layer." not in name} == {
        "encoder.encoder.relative_attention_bias.weight": 2.5e-4
    }


def test_without_decay_all_layers_learn_alike_and_only_matrices_shrink(encoder_folder: Path) -> None:
    made = network(encoder_folder, OUTPUTS, options(mode="full"))
    shapes = {name: parameter.ndim for name, parameter in made.named_parameters()}
    for name, (rate, decay) in rates(made, mode="full", learning_rate=1e-3, weight_decay=0.1).items():
        assert rate == (1e-2 if name.startswith("head.") else 1e-3)
        assert decay == (0.1 if shapes[name] > 1 else 0.0)


def test_frozen_embeddings_get_no_gradient(encoder_folder: Path) -> None:
    made = network(encoder_folder, OUTPUTS, options(mode="full", freeze_embeddings=True))
    made(Batch.of(windows(encoder_folder))).sum().backward()
    moving = {name: p.grad is not None for name, p in made.named_parameters() if "pooler" not in name}
    assert not any(moves for name, moves in moving.items() if ".embeddings." in name)
    assert all(moves for name, moves in moving.items() if ".embeddings." not in name)


def test_an_encoder_without_linear_layers_is_refused(encoder_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import peft

    def refuse(*_: object) -> None:
        raise ValueError("Target modules not found")

    monkeypatch.setattr(peft, "get_peft_model", refuse)
    with pytest.raises(ModelError, match="LoRA does not support encoders of the type bert") as caught:
        LabelNetwork(load(encoder_folder), OUTPUTS, options(mode="lora"))
    assert "--mode full" in (caught.value.hint or "")


def test_a_batch_holds_all_windows_of_its_texts(encoder_folder: Path) -> None:
    inputs = windows(encoder_folder)
    batch = Batch.of(inputs)
    assert batch.texts == len(inputs)
    assert batch.windows == [ids for text in inputs for ids in text]
    assert batch.owners.tolist() == [row for row, text in enumerate(inputs) for _ in text]
    vectors = Batch.of([torch.ones(2, HIDDEN), torch.zeros(1, HIDDEN)])
    assert isinstance(vectors.windows, torch.Tensor)
    assert vectors.windows.shape == (3, HIDDEN)
    assert vectors.owners.tolist() == [0, 0, 1]
