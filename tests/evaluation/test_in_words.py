"""Agreement and figures as paragraphs, compared with the records that tables are made from."""

from __future__ import annotations

import json
import re

from tests.cli.conftest import Call, call
from tests.cli.test_agreement import POSTS, erring, study
from valex_local.evaluation.in_words import in_words
from valex_local.exchange.gold import write_gold
from valex_local.records import Labels
from valex_local.study import Study

__all__ = ["call", "study"]  # fixtures

INTERVAL = r"(\d\.\d\d) \[(\d\.\d\d), (\d\.\d\d)\]"


def test_the_paragraphs_have_the_figures_of_the_tables(study: Study, call: Call):
    for seed, coder in enumerate(("anna", "ben"), 1):
        write_gold(study, coder, erring(seed, 0.04))
    agreement, figures = in_words(study)
    table = json.loads(call("agreement", "-s", study.root, "--json").out)["agreement"]["coders: anna, ben"][-1]
    alpha = table["alpha"]
    expected = tuple(f"{alpha[part]:.2f}" for part in ("value", "low", "high"))
    assert re.search(rf"present, all values: {INTERVAL} \((.+?)\)", agreement).groups() == (*expected, table["mark"])
    assert f"2 people gave gold labels to {len(POSTS)} posts" in agreement
    assert "conflicted, all values: not defined" in agreement
    found = json.loads(call("evaluate", study.root, "--as", "json").out)
    assert found["min_support"] == 30
    assert f"No value is shown by 30 of the {len(POSTS)} posts" in figures


def test_figures_of_labels_stand_beside_always_yes(study: Study, call: Call):
    gold = erring(1, 0.0)
    gold.labels[:, 0, 0] = [n % 2 for n in range(len(POSTS))]
    write_gold(study, "anna", gold)
    (figures,) = in_words(study)
    found = json.loads(call("evaluate", study.root, "--as", "json").out)
    routes = {route["name"]: route["polarities"][0]["averages"]["weighted_f1"]["value"] for route in found["routes"]}
    value, *_ = re.search(rf"`template\.encoder`, present: {INTERVAL} over 1 value", figures).groups()
    assert value == f"{routes['template.encoder']:.2f}"
    assert f"always-yes {routes['always-yes']:.2f}" in figures


def test_without_gold_or_labels_nothing_is_claimed(study: Study):
    assert in_words(study) == ()
    write_gold(study, "anna", erring(1, 0.0))
    for post in POSTS:
        (study.folder(post) / "labels.template.encoder.json").unlink()
    assert study.read(POSTS[0], "labels.template.encoder", Labels) is None
    assert in_words(study) == ("[The quality of labels by models is not known: this study has no labels.]",)
