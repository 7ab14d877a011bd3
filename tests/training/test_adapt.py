from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.tiny import CPU, WORDS, load, options, same, save_encoder
from valex_local.errors import ModelError
from valex_local.training.adapt import adapt

# What comes next follows from what came before: there is something to learn.
TEXTS = [" ".join(WORDS[(start + i) % 8] for i in range(12)) for start in range(8)] * 4


class Cut(Exception):
    """The process is gone."""


def adapted(folder: Path, work: Path, *, say: Callable[[str], None] = lambda _: None, **changes: Any) -> Path:
    given = options(**{"adapt": 2, "batch": 8, **changes})
    return adapt(folder, TEXTS, given, make_encoder=partial(load, folder), device=CPU, work=work, say=say)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {n: t for n, t in load(folder).model.state_dict().items() if "pooler" not in n}


def loss_of_gaps(body: Path, head: Path) -> float:
    """Return the masked-language loss over gaps at every third word, with the body of one directory and the head of
    another."""
    from transformers import AutoModelForMaskedLM

    model = AutoModelForMaskedLM.from_pretrained(head).eval()
    model.base_model.load_state_dict(weights(body), strict=False)
    encoder = load(head)
    ids = torch.tensor([encoder.windows(text)[0] for text in TEXTS[:8]])
    labels = torch.full_like(ids, -100)
    labels[:, 2:-1:3] = ids[:, 2:-1:3]
    masked = torch.where(labels == -100, ids, encoder.tokenizer.mask_token_id)
    with torch.inference_mode():
        return float(model(input_ids=masked, labels=labels).loss)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_encoder_learns_to_fill_gaps(tmp_path: Path, kind: str) -> None:
    folder = save_encoder(tmp_path / "encoder", kind=kind)
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("valex_local.training.adapt._RATE", 1e-2)
        made = adapted(folder, tmp_path / "work", adapt=15, say=said.append)
    assert loss_of_gaps(made, folder) < loss_of_gaps(folder, folder) - 0.3
    assert said == ["adapting the encoder: 32 windows, 15 epochs"], "its files hold a head"
    before, after = weights(folder), weights(made)
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[n], after[n]) for n in before if n.endswith("query.weight"))
    assert load(made).windows(TEXTS[0]) == load(folder).windows(TEXTS[0])
    assert load(made).limit == load(folder).limit
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["adapted"]


def test_the_same_seed_gives_the_same_encoder(encoder_folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = weights(adapted(encoder_folder, tmp_path / "one"))
    torch.manual_seed(2)
    again = weights(adapted(encoder_folder, tmp_path / "again"))
    other = weights(adapted(encoder_folder, tmp_path / "other", seed=5))
    assert same(one, again)
    assert not same(one, other)


def test_it_is_done_once(encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = adapted(encoder_folder, tmp_path)
    monkeypatch.setattr("valex_local.training.adapt._trainer", None)
    assert adapted(encoder_folder, tmp_path) == made


@pytest.mark.parametrize("moment", ["between states", "while a state is written"])
def test_an_interrupted_adaptation_goes_on_and_ends_as_it_would_have(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    import transformers

    expected = weights(adapted(encoder_folder, tmp_path / "whole", adapt=3))
    steps: list[int] = []
    step = transformers.Trainer.training_step
    keep = transformers.TrainerState.save_to_json

    def cut_step(trainer: Any, *given: Any, **more: Any) -> Any:
        steps.append(trainer.state.global_step)
        if moment == "between states" and len(steps) == 10:  # four an epoch
            raise Cut
        return step(trainer, *given, **more)

    def cut_state(state: Any, path: str) -> None:
        if moment == "while a state is written" and state.global_step == 8:
            raise Cut
        keep(state, path)

    with monkeypatch.context() as patch:
        patch.setattr(transformers.Trainer, "training_step", cut_step)
        patch.setattr(transformers.TrainerState, "save_to_json", cut_state)
        with pytest.raises(Cut):
            adapted(encoder_folder, tmp_path / "work", adapt=3)
        assert not (tmp_path / "work" / "adapted").exists()
    torch.manual_seed(99)
    with monkeypatch.context() as patch:
        moment = "nothing is cut"
        steps.clear()
        patch.setattr(transformers.Trainer, "training_step", cut_step)
        found = weights(adapted(encoder_folder, tmp_path / "work", adapt=3))
    assert steps[0] > 0, "it went on"
    assert len(steps) < 12
    assert same(expected, found)


def test_small_steps_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    folder = save_encoder(tmp_path / "encoder", dropout=0.0)
    sizes: list[int] = []
    step = transformers.Trainer.training_step

    def noted(trainer: Any, model: Any, inputs: Any, *given: Any) -> Any:
        sizes.append(inputs["input_ids"].numel())
        return step(trainer, model, inputs, *given)

    monkeypatch.setattr(transformers.Trainer, "training_step", noted)
    adapted(folder, tmp_path / "large", adapt=1, batch=8)
    assert sizes == [8 * 14] * 4
    sizes.clear()
    adapted(folder, tmp_path / "small", adapt=1, batch=8, step_tokens=64)
    assert sizes == [4 * 14] * 8
    sizes.clear()
    adapted(folder, tmp_path / "smallest", adapt=1, batch=2, step_tokens=64)
    assert sizes == [2 * 14] * 16


def test_an_encoder_without_its_head_is_said(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "encoder", head=False)
    said: list[str] = []
    made = adapted(folder, tmp_path / "work", adapt=1, say=said.append)
    assert any("no masked-language head" in text for text in said)
    assert not same(weights(made), weights(folder))


def test_a_tokenizer_without_a_mask_is_refused(tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "encoder", mask=False)
    with pytest.raises(ModelError, match="no mask token") as caught:
        adapted(folder, tmp_path / "work")
    assert "--adapt" in (caught.value.hint or "")


def test_an_encoder_of_a_kind_that_fills_no_gaps_is_refused(
    encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("Unrecognized configuration class")

    monkeypatch.setattr(transformers.AutoModelForMaskedLM, "from_pretrained", refuse)
    with pytest.raises(ModelError, match="does not support masked-language training"):
        adapted(encoder_folder, tmp_path)


def test_labels_are_not_needed(encoder_folder: Path, tmp_path: Path) -> None:
    # The adapted encoder is one that training can begin from.
    made = load(adapted(encoder_folder, tmp_path, adapt=1))
    (vectors,) = made.vectors(["we go home"])
    assert torch.isfinite(vectors).all()
