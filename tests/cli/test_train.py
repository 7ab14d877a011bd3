"""`valex train` on a corpus shaped like the paper's, from the label sheet to labels by the model it makes."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests import commands
from tests.commands import Done
from tests.stages.labels.tiny import save_encoder
from tests.training.paper_corpus import COUNTS, POSTS, make, word_of, words
from valex_local.schwartz import CIRCLE, Polarity, Value
from valex_local.stages.labels.card import read_card

OPTIONS = shlex.split(
    "--domain 'made-up posts' --language en --learning-rate 6e-3 --set head_learning_rate=0.1 --batch 16 --window 64 "
    "--seeds 1 --device cpu"
)
WHOLE = [*OPTIONS, "--folds", "3", "--epochs", "6"]
SMALL = [*OPTIONS, "--folds", "2", "--epochs", "3", "--min-support", "10"]
SOME = 182
"""Posts of a corpus that is quick to read and to learn from: two of each author."""


def valex(*arguments: object, store: Path) -> Done:
    return commands.valex(*arguments, VALEX_MODELS=str(store))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make(tmp_path_factory.mktemp("paper"), posts=SOME)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(
        tmp_path_factory.mktemp("encoder") / "tiny", hidden=96, words=words(), positions=128, spread=0.1,
        num_hidden_layers=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    folder = tmp_path_factory.mktemp("trained")
    sheet, texts = make(folder / "paper")
    done = valex(
        "train", "--labels", sheet, "--texts", texts, "--encoder", encoder, "-o", folder / "model", *WHOLE,
        store=folder / "store",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "model", done


@pytest.mark.slow
def test_the_whole_way_on_a_corpus_like_the_papers(trained: tuple[Path, Done]) -> None:
    folder, done = trained
    card = read_card(folder)
    assert f"{POSTS} texts with labels" in done.stderr
    assert (card.domain, card.languages) == ("made-up posts", ("en",))
    supports = {(v, p): o.support for (v, p), o in card.rows.items()}
    assert supports[Value.ACHIEVEMENT, Polarity.PRESENT] == 306
    assert supports[Value.HUMILITY, Polarity.CONFLICTED] == 218
    expected = {(v, Polarity.PRESENT) for v, (present, _, _) in COUNTS.items() if present >= 30}
    expected |= {(v, Polarity.CONFLICTED) for v, (_, _, conflicted) in COUNTS.items() if conflicted >= 30}
    assert set(supports) == expected
    left = {(item.value, item.polarity): item.support for item in card.left_out}
    assert left[Value.UNIVERSALISM_NATURE, Polarity.PRESENT] == 9
    assert len(left) + len(supports) == 2 * len(CIRCLE)
    readme = (folder / "README.md").read_text("utf-8")
    assert "Universalism: nature, present: 9 texts" in readme


@pytest.mark.slow
def test_what_words_decide_is_learnt_and_beats_always_yes(trained: tuple[Path, Done], tmp_path: Path) -> None:
    folder, _ = trained
    done = valex("evaluate", folder, "--as", "json", store=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["items"] == POSTS
    by_name = {route["name"]: route for route in found["routes"]}
    assert set(by_name) >= {"model", "always-yes", "majority", "dictionary", "tfidf"}
    for at, polarity in enumerate(Polarity):
        model, yes = (by_name[n]["polarities"][at]["averages"]["weighted_f1"]["value"] for n in ("model", "always-yes"))
        assert model > 0.9, f"{polarity}: {model}"
        # Always yes is what the paper's counts make it.
        assert round(yes, 2) == (0.34, 0.25)[at]


@pytest.mark.slow
def test_the_store_takes_the_model_and_it_labels(trained: tuple[Path, Done], tmp_path: Path) -> None:
    folder, _ = trained
    assert valex("models", "add", folder, store=tmp_path / "store").returncode == 0
    assert not list((tmp_path / "store").rglob("*.csv")), "no post of the training data goes into the store"
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "one.txt").write_text('SPEAKER: "we refusehumility here."', "utf-8")
    done = valex("label", tmp_path / "texts", "-o", tmp_path / "out.csv", "--model", "model", store=tmp_path / "store")
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines())
    assert row["1_Value1_Humility_values"] == "-1"
    assert row["1_Value1_Universalism_Nature_values"] == "", "not assessed is not absent"
    assert "made-up posts" in row["notes"]


def sentences_of_documents(folder: Path) -> Path:
    """Write sentences of two languages in the shape of ValueEval'24, of which words tell two values."""
    random = np.random.default_rng(0)
    told = {Value.HUMILITY: (1, -1), Value.FACE: (1, -1)}
    head = ("Text-ID", "Sentence-ID", *(f"{value} {end}" for value in CIRCLE for end in ("attained", "constrained")))
    for code in ("EL", "EN"):
        labels, sentences = [head], [("Text-ID", "Sentence-ID", "Text")]
        for number in range(100):
            document, sentence, phrases, cells = f"{code}_{number // 5:03}", str(number % 5 + 1), [], []
            for value in CIRCLE:
                says = int(random.choice([0, *told[value]])) if value in told else 0
                phrases += [f"we {word_of(value, says)} here"] if says else ["it is noon now"] if value in told else []
                cells += ["0.5", "0.5"] if number == 7 and value in told else [str(int(says == c)) for c in (1, -1)]
            labels.append((document, sentence, *cells))
            sentences.append((document, sentence, " ".join(phrases)))
        labels.append((f"{code}_999", "1", *["0"] * 38))
        (folder / code).mkdir(parents=True)
        for name, rows in (("labels.tsv", labels), ("sentences.tsv", sentences)):
            (folder / code / name).write_text("".join("\t".join(row) + "\n" for row in rows), "utf-8")
    return folder


@pytest.mark.slow
def test_sentences_of_documents_teach_both_polarities(encoder: Path, tmp_path: Path) -> None:
    data = sentences_of_documents(tmp_path / "valueeval24")
    options = shlex.split("--domain 'made-up news' --min-support 5% --folds 2 --epochs 6 --seeds 1 --window 64")
    done = valex(
        "train", "--labels", data, "--texts", data, "--encoder", encoder, "-o", tmp_path / "model", *options,
        *shlex.split("--learning-rate 6e-3 --set head_learning_rate=0.1 --device cpu"), store=tmp_path / "store",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "200 texts with labels" in done.stderr
    assert "2 × labels without a text: EL_999:1; EN_999:1" in done.stderr
    assert "(0.5 and 0.5), which count as not assessed: 2" in done.stderr
    card = read_card(tmp_path / "model")
    assert set(card.rows) == {(v, p) for v in (Value.HUMILITY, Value.FACE) for p in Polarity}
    assert card.languages == ("el", "en")
    assert any("a support of 10 or more: 5 % of 200 texts" in line for line in card.data)
    recipe = json.loads((tmp_path / "model" / "training" / "recipe.json").read_text("utf-8"))
    assert (recipe["options"]["min_support"], recipe["options"]["group"]) == ("5%", "document")
    learnt = json.loads((tmp_path / "model" / "learnt-from.json").read_text("utf-8"))
    assert len(learnt["posts"]) >= recipe["data"]["texts"]
    assert 'name = "learnt-from.json"' in (tmp_path / "model" / "model.toml").read_text("utf-8")
    done = valex(
        "evaluate", tmp_path / "model", "--as", "json", "--resamples", "9", "--min-support", "5%", store=tmp_path
    )
    found = json.loads(done.stdout)
    assert (found["groups"], found["grouped_by"], found["min_support"]) == (40, "document", 10)
    for of_polarity in found["routes"][0]["polarities"]:
        assert of_polarity["averages"]["macro_f1"]["value"] > 0.9
    folds = list(csv.DictReader((tmp_path / "model" / "training" / "folds.csv").read_text("utf-8").splitlines()))
    assert len({(row["post"].partition(":")[0], row["seed 0"]) for row in folds}) == 40, "a document is in one fold"


@pytest.mark.slow
def test_interrupted_it_goes_on_and_ends_the_same(corpus: tuple[Path, Path], encoder: Path, tmp_path: Path) -> None:
    sheet, texts = corpus
    whole, out = (tmp_path / name / "model" for name in ("whole", "interrupted"))
    command = ["train", "--labels", sheet, "--texts", texts, "--encoder", encoder, *SMALL, "-o"]
    assert valex(*command, whole, store=tmp_path / "store").returncode == 0
    command.append(out)
    process = subprocess.Popen(
        [*commands.PROGRAM, *map(str, command)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "VALEX_MODELS": str(tmp_path / "store")},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "fold 2: epoch 2" in line:
            process.send_signal(signal.SIGINT)
            break
    said = process.stderr.read()
    assert process.wait(60) == 130, said
    assert not (out / "labels.json").exists()
    done = valex(*command, store=tmp_path / "store")
    assert done.returncode == 0, done.stderr
    assert "fold 1: epoch" not in done.stderr.partition("seed 1")[0], "a finished fold is not done again"
    for name in ("head.safetensors", "model.safetensors", "labels.json", "training/predictions.csv"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    started = time.perf_counter()
    again = valex(*command, store=tmp_path / "store")
    assert again.returncode == 0
    assert "epoch" not in again.stderr, f"a finished model is not trained again ({time.perf_counter() - started:.0f} s)"
    other = valex(*command, "--seed", "7", store=tmp_path / "store")
    assert other.returncode == 2
    assert "a training with other options" in other.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--encoder", "nothing-here"], "there is no model nothing-here"),
        (["--mode", "most"], "most"),
        (["--set", "epochz=3"], "did you mean epochs?"),
        (["--folds", "1"], "folds"),
        (["--group", "mood"], "cannot be grouped by 'mood'"),
        (["--min-support", "800"], "no polarity of any value is shown by at least 800 texts"),
        (["--folds", "200"], "91 groups cannot be split into 200 folds"),
        (["--without", "action"], "--without is for the scripts of a study"),
        (["--slim"], "a slim model needs an encoder that is in the store"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    corpus: tuple[Path, Path], encoder: Path, tmp_path: Path, change: list[str], said: str
) -> None:
    sheet, texts = corpus
    command = ["train", "--labels", sheet, "--texts", texts, "-o", tmp_path / "model", "--encoder", encoder, *SMALL]
    done = valex(*command, *change, store=tmp_path / "store")
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_labels_of_other_posts_are_refused(corpus: tuple[Path, Path], encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "@someone_video_7100000000000000001.txt").write_text("Hello", "utf-8")
    done = valex(
        "train", "--labels", corpus[0], "--texts", tmp_path / "texts", "--encoder", encoder, "-o", tmp_path / "m",
        *SMALL, store=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no post in common" in done.stderr


def test_an_encoder_without_a_tokenizer_is_refused(corpus: tuple[Path, Path], tmp_path: Path) -> None:
    folder = save_encoder(tmp_path / "encoder", words=words())
    (folder / "tokenizer.json").unlink()
    sheet, texts = corpus
    done = valex(
        "train", "--labels", sheet, "--texts", texts, "--encoder", folder, "-o", tmp_path / "m", *SMALL,
        store=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no tokenizer" in done.stderr
