"""Proof of honesty: what is scored has no say in how it is scored, and figures mean what they say."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from tests.stages.labels.tiny import save_encoder
from valex_local.corpus import Corpus, Text
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.evaluation.evaluate import EvaluatedRoute, evaluate
from valex_local.pipeline.progress import NullProgress
from valex_local.schwartz import CIRCLE, Polarity
from valex_local.stages.labels.text_encoder import TextEncoder
from valex_local.system.devices import Device
from valex_local.training.cross_validation import Trainer
from valex_local.training.data import Data, Split
from valex_local.training.options import TrainingOptions

WORDS = (
    "the",
    "lamp",
    "and",
    "table",
    "walk",
    "door",
    "noon",
    "phone",
    "chair",
    "page",
    "late",
    "bus",
    "zebra",
    "quartz",
)
OPTIONS = TrainingOptions(
    mode="full", epochs=6, learning_rate=3e-3, head_learning_rate=3e-2, batch=16, folds=3, seeds=1, min_support=20,
    window=32, overlap=8,
)  # fmt: skip
PRESENT, CONFLICTED = (0, 0), (4, 1)
"""Places of the two outputs there are: Self-direction: thought is present, Achievement conflicted."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    return save_encoder(folder, words=WORDS, hidden=48, spread=0.1)


def corpus(*, seed: int = 0, shuffled: bool = False, texts: int = 240, words: int = 20) -> Corpus:
    """Return texts in which one word alone decides a value, and another its conflict; or labels that are shuffled."""
    random = np.random.default_rng(seed)
    ids = tuple(f"user{i % 40}_{7300000000000000000 + i}" for i in range(texts))
    gold = LabelMatrix.empty(ids)
    gold.labels[:] = 0
    written = []
    for row in range(texts):
        said = list(random.choice(WORDS[:12], random.integers(4, words)))
        for place, word, share in ((PRESENT, "zebra", 0.4), (CONFLICTED, "quartz", 0.3)):
            if random.random() < share:
                said.insert(int(random.integers(len(said) + 1)), word)
                gold.labels[(row, *place)] = 1
        written.append(" ".join(said))
    if shuffled:
        gold.labels[:] = gold.labels[random.permutation(texts)]
    found = tuple(
        Text(name, text, groups={"author": name.partition("_")[0]}) for name, text in zip(ids, written, strict=True)
    )
    return Corpus(found, gold)


def judge(made: Corpus, encoder: Path, work: Path, options: TrainingOptions = OPTIONS) -> LabelMatrix:
    data = Data.of(made, options)

    def load() -> TextEncoder:
        return TextEncoder(encoder, pooling="mean", normalise=False, window=32, overlap=8, device=Device("cpu", 1))

    judged = Trainer(data, options, load, work=work, progress=NullProgress()).cross_validate()
    return judged[0].answers


def averages(made: Corpus, answers: LabelMatrix) -> dict[Polarity, tuple[float, float]]:
    """Return macro F1 of the answers and of always yes, by polarity."""
    found = evaluate(made.gold, [EvaluatedRoute("encoder", (answers,))], min_support=20, resamples=0)
    by_name = {route.name: route for route in found.routes}
    pairs = {}
    for polarity in Polarity:
        each = [by_name[name].of(polarity).averages for name in ("encoder", "always-yes")]
        assert all(average is not None for average in each)
        pairs[polarity] = tuple(average.macro_f1.value for average in each if average is not None)
    return pairs


@pytest.mark.slow
def test_a_word_that_decides_alone_is_learnt_in_both_polarities(encoder: Path, tmp_path: Path) -> None:
    made = corpus()
    for polarity, (route, yes) in averages(made, judge(made, encoder, tmp_path)).items():
        assert route > 0.95, polarity
        assert yes < 0.65, polarity


@pytest.mark.slow
def test_shuffled_labels_give_no_more_than_always_yes(encoder: Path, tmp_path: Path) -> None:
    made = corpus(shuffled=True)
    for polarity, (route, yes) in averages(made, judge(made, encoder, tmp_path)).items():
        assert route < yes + 0.06, f"{polarity}: something leaks"
        assert route > 0.2, f"{polarity}: thresholds for F1 say yes rather too often than never"


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["frozen", "full"])
def test_labels_of_the_scored_fold_reach_nothing(encoder: Path, tmp_path: Path, mode: str) -> None:
    """Turn the labels of one fold round: what is said of that fold stays the same to the last bit."""
    made = corpus(texts=120)
    options = OPTIONS.model_copy(update={"mode": mode, "epochs": 2})
    folds = Data.of(made, options).folds(options, 0)
    before = judge(made, encoder, tmp_path / "before", options)
    turned = made.gold.take(range(len(made.gold)))
    scored = folds == 1
    for place in (PRESENT, CONFLICTED):
        turned.labels[(scored, *place)] = 1 - made.gold.labels[(scored, *place)]
    # The folds themselves follow the labels, so they are held.
    with mock.patch.object(Data, "folds", lambda *_: folds):
        after = judge(Corpus(made.texts, turned), encoder, tmp_path / "after", options)
    assert np.array_equal(before.probabilities[scored], after.probabilities[scored], equal_nan=True)
    assert np.array_equal(before.labels[scored], after.labels[scored], equal_nan=True)
    # The control: the other folds learnt from the turned labels.
    assert not np.array_equal(before.probabilities[~scored], after.probabilities[~scored], equal_nan=True)


@pytest.mark.parametrize("seed", range(5))
def test_no_author_stands_in_two_parts_of_a_fold(seed: int) -> None:
    data = Data.of(corpus(seed=seed), OPTIONS)
    folds = data.folds(OPTIONS, seed)
    for fold in range(3):
        split = Split.of(data, folds, fold, OPTIONS, seed)
        authors = [{data.groups[row] for row in rows} for rows in (split.learn, split.tune, split.score)]
        assert not authors[0] & authors[1]
        assert not authors[0] & authors[2]
        assert not authors[1] & authors[2]
        assert sorted(np.concatenate([split.learn, split.tune, split.score])) == list(range(len(data)))


def test_a_split_that_parts_a_group_is_refused() -> None:
    split = Split(np.array([0, 1]), np.array([2]), np.array([3]))
    split.check(["a", "a", "b", "c"])
    with pytest.raises(ValueError, match="share a group"):
        split.check(["a", "b", "b", "c"])


def test_nobody_outside_can_hand_in_a_threshold() -> None:
    """No name of the public ways in speaks of thresholds: they come from the inner part of a fold alone."""
    import inspect

    from valex_local.evaluation import evaluate
    from valex_local.training import cross_validation, train

    ways = [
        train.train_model,
        cross_validation.Trainer.__init__,
        cross_validation.Trainer.cross_validate,
        evaluate.evaluate,
    ]
    names = {name for way in ways for name in inspect.signature(way).parameters} | set(TrainingOptions.model_fields)
    assert not [name for name in names if "thresh" in name]


@pytest.mark.slow
def test_a_decisive_word_at_the_end_of_2000_tokens_counts_and_is_learnt(encoder: Path, tmp_path: Path) -> None:
    """Half of the texts are long, with the word last: a network that saw only the first window would miss those."""
    random = np.random.default_rng(4)
    made = corpus(texts=160, words=8)
    texts, holds = [], made.gold.labels.copy()
    for row, text in enumerate(made.texts):
        plain = [word for word in text.text.split() if word not in ("zebra", "quartz")]
        yes = row % 2 == 0
        filler = list(random.choice(WORDS[:12], 2000 if row % 8 < 2 else 10))
        words = [*plain, *filler, *(["zebra"] if yes else [])]
        holds[(row, *PRESENT)], holds[(row, *CONFLICTED)] = float(yes), 0.0
        texts.append(Text(text.id, " ".join(words), groups=text.groups))
    gold = LabelMatrix(made.gold.ids, holds, made.gold.probabilities, made.gold.dominant)
    options = OPTIONS.model_copy(update={"epochs": 10})
    answers = judge(Corpus(tuple(texts), gold), encoder, tmp_path, options)
    long = [row for row in range(160) if row % 8 < 2]
    right = [answers.labels[(row, *PRESENT)] == holds[(row, *PRESENT)] for row in long]
    assert np.mean(right) > 0.9
    assert CIRCLE[0].value == "Self-direction: thought"
