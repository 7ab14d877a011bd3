"""Further labels that the encoder learns besides the values."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given as drawn
from hypothesis import strategies as st

from tests.training.tiny import CPU, PRESENT, corpus, load, options, same, save_encoder, sentences
from valex_local.corpus import Corpus
from valex_local.errors import ConfigError, InputError, ModelError
from valex_local.pipeline.progress import NullProgress
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.card import read_card
from valex_local.store import StoredModel
from valex_local.training.auxiliary import Auxiliary, read_auxiliary
from valex_local.training.data import Data
from valex_local.training.model import Facts
from valex_local.training.network import LabelNetwork, parameter_groups
from valex_local.training.train import Base, train_model
from valex_local.training.trainer import predict_logits, train

TEXTS = sentences(18, seed=4, longest=10)
TRUTH = np.array([[float("zebra" in text), float("lake" in text)] for text in TEXTS])
MORE = np.array([[float("tea" in text), float("win" in text), float("red" in text)] for text in TEXTS])


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder without dropout, so that what it learns depends on the loss alone."""
    return save_encoder(tmp_path_factory.mktemp("steady") / "tiny", dropout=0.0)


def made(count: int = 6) -> Corpus:
    return corpus(TEXTS[:count], {(CIRCLE[0], PRESENT): [1.0, 0.0] * (count // 2)})


def trained(folder: Path, work: Path, more: np.ndarray | None, say: Any = lambda _: None, **changes: Any) -> Any:
    given = options(**{"dropout": 0.0, "epochs": 2, **changes})
    torch.manual_seed(0)
    network = LabelNetwork(load(folder), 2, given, 0 if more is None else more.shape[1])
    windows = [load(folder).windows(text) for text in TEXTS]
    train(network, windows, TRUTH, given, seed=0, folder=work, say=say, auxiliary=more)
    return network, predict_logits(network, windows, given)


def weights(network: LabelNetwork) -> dict[str, torch.Tensor]:
    named = network.named_parameters()
    return {n: p.detach() for n, p in named if not n.startswith("auxiliary.") and "pooler" not in n}


def test_the_encoder_learns_them_and_predictions_leave_them_out(steady: Path, tmp_path: Path) -> None:
    alone, logits = trained(steady, tmp_path / "alone", None)
    both, found = trained(steady, tmp_path / "both", MORE)
    assert found.shape == logits.shape == TRUTH.shape
    assert not same(weights(alone), weights(both))
    assert both.auxiliary.weight.any()
    assert both.tuned().keys() == alone.tuned().keys(), "nothing of them is kept"


def test_unknown_ones_teach_nothing_and_their_weight_counts(steady: Path, tmp_path: Path) -> None:
    alone, _ = trained(steady, tmp_path / "alone", None)
    unknown, _ = trained(steady, tmp_path / "unknown", np.full_like(MORE, np.nan))
    for name, tensor in weights(alone).items():
        assert torch.allclose(tensor, weights(unknown)[name], atol=1e-5), name
    light, heavy = (weights(trained(steady, tmp_path / str(w), MORE, auxiliary_weight=w)[0]) for w in (0.1, 3.0))
    assert not same(light, heavy)


def test_the_loss_is_the_weighted_mean(steady: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    more = MORE.copy()
    more[:5] = np.nan
    changes = {"epochs": 1, "batch": len(TEXTS), "class_weights": "sqrt", "auxiliary_weight": 0.25}
    trained(steady, tmp_path, more, heard.append, **changes)
    truth = np.hstack([TRUTH, more])
    known = ~np.isnan(truth) * np.array([1.0] * 2 + [0.25] * 3)
    positives, counts = np.nansum(truth, axis=0), (~np.isnan(truth)).sum(axis=0)
    each = np.log(2) * np.where(truth == 1, np.sqrt((counts - positives) / positives), 1.0)
    assert float(heard[0].split()[-1]) == pytest.approx((each * known).sum() / known.sum(), abs=1e-4)


def test_an_interrupted_training_with_them_ends_as_it_would_have(steady: Path, tmp_path: Path) -> None:
    expected, _ = trained(steady, tmp_path / "whole", MORE, average=0.9)

    def cut(text: str) -> None:
        if text.startswith("epoch 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(steady, tmp_path / "cut", MORE, cut, average=0.9)
    resumed, _ = trained(steady, tmp_path / "cut", MORE, average=0.9)
    assert same(weights(expected), weights(resumed))


def test_their_outputs_learn_at_the_rate_of_the_head(steady: Path) -> None:
    network = LabelNetwork(load(steady), 2, options(), 3)
    rates = {id(p): g["lr"] for g in parameter_groups(network, options(head_learning_rate=0.5)) for p in g["params"]}
    assert {rates[id(p)] for n, p in network.named_parameters() if n.startswith(("auxiliary.", "head."))} == {0.5}


def test_they_are_part_of_what_a_training_is_resumed_by(tmp_path: Path, steady: Path) -> None:
    given = options(min_support=2, folds=2, seeds=1, epochs=1, inner=2, group="none")
    base = Base(StoredModel("tiny", "encoder", "transformers", steady, "0" * 64))
    facts = Facts(name="tiny", domain="sentences", data=("six sentences",))

    def run(more: Auxiliary | None, **changes: Any) -> Any:
        changed = given.model_copy(update=changes)
        return train_model(
            made(), base, tmp_path / "model", options=changed, facts=facts, device=CPU,
            progress=NullProgress(), auxiliary=more,
        )  # fmt: skip

    more = Auxiliary(MORE[:6], "3 auxiliary labels of 6 texts, from more.tsv")
    with pytest.raises(ConfigError, match="do nothing for a frozen encoder"):
        run(more, mode="frozen")
    run(more)
    assert read_card(tmp_path / "model").data == ("six sentences", more.about)
    run(more)
    for other in (None, replace(more, labels=1 - more.labels)):
        with pytest.raises(ModelError, match="a training with other data"):
            run(other)


def test_part_of_the_texts_has_its_part_of_them() -> None:
    data = Data.of(made(), options(min_support=2, group="none"), MORE[:6])
    taken = data.take(np.array([4, 1])).auxiliary
    assert taken is not None
    assert np.array_equal(taken, MORE[[4, 1]])
    assert Data.of(made(), options(min_support=2, group="none")).digest() != data.digest()


def table(folder: Path, text: str, name: str = "more.tsv") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


@drawn(cells=st.lists(st.lists(st.sampled_from(["0", "1", "", " 1 "]), min_size=2, max_size=2), max_size=6))
def test_tables_are_matched_by_id(tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("tables")
    rows = ["t999\t1\t0", *(f"t{row:03}\t" + "\t".join(of_text) for row, of_text in reversed(list(enumerate(cells))))]
    path = table(folder, "\n".join(["Argument ID\tBe kind\tBe just", *rows]) + "\n")
    if not cells:
        with pytest.raises(InputError, match="no row is of a text that is trained on"):
            read_auxiliary([path], made())
        return
    found = read_auxiliary([path], made())
    expected = np.full((6, 2), np.nan)
    expected[: len(cells)] = [[float(cell) if cell.strip() else np.nan for cell in of_text] for of_text in cells]
    assert np.array_equal(found.labels, expected, equal_nan=True)
    known = sum(any(cell.strip() for cell in of_text) for of_text in cells)
    assert found.about == f"2 auxiliary labels of {known} texts, from more.tsv"
    assert found.notices == ("more.tsv: rows of no text that is trained on: 1",)


def test_tables_with_columns_in_common_are_joined(tmp_path: Path) -> None:
    one = table(tmp_path, "id\ta\tb\nt000\t1\t0\n", "one.tsv")
    other = table(tmp_path, "id\tb\tc\nt001\t1\t1\nt000\t\t0\n", "other.tsv")
    found = read_auxiliary([one, other], made()).labels
    assert np.array_equal(found[:3], [[1, 0, 0], [np.nan, 1, 1], [np.nan] * 3], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\ta\nt000\tyes\n", "row 2: the cell of 'a' is neither 0 nor 1 nor empty"),
        ("a\tb\n0\t1\n", "no column of ids was recognised"),
        ("id\nt000\n", "no column of labels was recognised"),
        ("", "no column of ids was recognised"),
        ("id\ta\nt000\t1\nt000\t0\n", "two rows of t000 differ in 'a'"),
    ],
)
def test_tables_that_are_something_else_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_auxiliary([table(tmp_path, text)], made())
