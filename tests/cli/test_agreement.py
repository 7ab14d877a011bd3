"""`valex agreement`: coders, models and label files, from the files of a study to the printed tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call
from valex_local.corpus import write_long
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.exchange.gold import write_gold
from valex_local.records import Labels, LabelSource, Post, ValueLabel
from valex_local.schwartz import CIRCLE, State
from valex_local.study import Study

pytest.importorskip("krippendorff")

POSTS = tuple(f"ann_73000000000000{n:05}" for n in range(60))


def erring(seed: int, error: float) -> LabelMatrix:
    """Return labels of all posts with errors about a common truth."""
    truth = np.random.default_rng(0).uniform(size=(len(POSTS), len(CIRCLE))) < 0.2
    rng = np.random.default_rng(seed)
    found = LabelMatrix.empty(POSTS)
    found.labels[:, :, 0] = truth ^ (rng.uniform(size=truth.shape) < error)
    found.labels[:, :, 1] = 0
    return found


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of 60 posts with labels by a model."""
    made = Study(tmp_path / "study", create=True)
    labels = erring(9, 0.03)
    source = LabelSource(route="encoder", model="m@1", domain="made up", languages=("en",))
    for row, post in enumerate(POSTS):
        made.write(post, "post", Post(id=post))
        values = tuple(
            ValueLabel(
                value=value,
                present=0.9 if labels.labels[row, at, 0] else 0.1,
                conflicted=0.1,
                state=State.PRESENT if labels.labels[row, at, 0] else State.ABSENT,
            )
            for at, value in enumerate(CIRCLE)
        )
        made.write(post, "labels.template.encoder", Labels(script="template", source=source, values=values))
    return made


def test_coders_models_and_files(call: Call, study: Study, tmp_path: Path):
    for seed, coder in enumerate(("anna", "ben", "cem"), 1):
        write_gold(study, coder, erring(seed, 0.04))
    paraphrase = tmp_path / "reworded.csv"
    write_long(paraphrase, {"": erring(5, 0.3)})
    words = ("agreement", "-s", study.root, "--labels", "template.encoder", f"other={paraphrase}")
    done = call(*words, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    titles = ["coders: anna, ben, cem", "anna and ben", "anna and cem", "ben and cem"]
    titles += [f"{model} and {coder}" for model in ("template.encoder", "other") for coder in ("anna", "ben", "cem")]
    assert list(found["agreement"]) == [*titles, "models: template.encoder, other"]
    alphas = {title: rows[-1]["alpha"]["value"] for title, rows in found["agreement"].items()}
    assert alphas["anna and ben"] > 0.6 > alphas["other and anna"]
    passed = found["alternative_annotator"]
    assert passed["template.encoder"]["winning_rate"] == 1.0
    assert passed["other"]["winning_rate"] == 0.0
    assert not passed["other"]["blank_passes"]
    printed = call(*words).out
    assert "template.encoder may stand in for a coder" in printed
    assert "other may not stand in for a coder" in printed
    assert printed.count("Hedonism") == 2, "of all coders, and of all models"
    assert "two by two" in printed
    assert call(*words, "--per-value").out.count("Hedonism") == len(titles) + 1
    assert max(map(len, printed.splitlines())) <= 120


def test_two_coders_are_said_to_be_few(call: Call, study: Study):
    for seed, coder in enumerate(("anna", "ben"), 1):
        write_gold(study, coder, erring(seed, 0.04))
    printed = call("agreement", "-s", study.root, "--labels", "template.encoder").out
    assert "ask for three" in " ".join(printed.split())


def test_models_without_coders(call: Call, study: Study, tmp_path: Path):
    """The stability of a prompt: the same question in other words, without any gold labels."""
    for name, error in (("one", 0.02), ("two", 0.02)):
        write_long(tmp_path / f"{name}.csv", {"": erring(3 if name == "one" else 4, error)})
    done = call("agreement", "-s", study.root, tmp_path / "one.csv", tmp_path / "two.csv", "--json")
    assert done.code == 0, done.err
    (title,) = json.loads(done.out)["agreement"]
    assert title == "models: one, two"


def test_what_cannot_be_compared_is_said(call: Call, study: Study, tmp_path: Path):
    assert "no two sources" in call("agreement", "-s", study.root, "--labels", "template.encoder").err
    strange = tmp_path / "strange.csv"
    other = LabelMatrix.empty(["zoe_7300000000000099999"])
    other.labels[:] = 0
    write_long(strange, {"": other})
    assert "none of the posts" in call("agreement", "-s", study.root, strange).err
    write_long(tmp_path / "one.csv", {"": erring(3, 0.1)})
    twice = call("agreement", "-s", study.root, tmp_path / "one.csv", tmp_path / "one.csv")
    assert (twice.code, "NAME=FILE" in twice.err) == (2, True)
    assert "no post has labels" in call("agreement", "-s", study.root, "--labels", "gemini.encoder").err
