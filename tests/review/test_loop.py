"""The whole loop on a made study: a sample, a plan, two coders in the page, agreement, an estimate, and methods."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.commands import PROGRAM, valex
from tests.inference.test_questions import KEY, POSTS, VALUE, is_present, study
from valex_local.corpus.study_labels import gold_files
from valex_local.inference.questions import prevalence, read_material
from valex_local.records import Scene, Script
from valex_local.review.plan import progress
from valex_local.study import Study

__all__ = ["study"]  # a fixture

SAMPLE = 60
pytestmark = pytest.mark.slow


def code_all(study: Study, coder: str, chromium: Any, errors: frozenset[int]) -> int:
    """Let a coder code every post of their share in the page, and return how many keys were pressed."""
    command = [*PROGRAM, "review", "start", "-s", str(study.root), "--coder", coder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    pressed = 0
    try:
        address = next(found[0] for line in process.stdout or () if (found := re.search(r"http://\S+", line)))
        page = chromium.new_context().new_page()
        page.goto(address)
        page.click("#start")
        while True:
            page.wait_for_selector("body[data-ready]")
            post = page.inner_text("h1")
            number = int(post[4:])
            keys = ["h", "1", "Enter"] if is_present(number) != (number in errors) else ["Enter"]
            for key in keys:
                page.keyboard.press(key)
            pressed += len(keys)
            page.wait_for_function("post => document.querySelector('h1').innerText !== post", arg=post)
            if page.locator(".work").count():
                return pressed
    finally:
        process.kill()
        process.wait()


def test_from_a_sample_to_a_finding(study: Study, tmp_path: Path, browser: Any):
    for post in study.post_ids():
        scene = Scene(start=None, end=None, written_by="template")
        study.write(post, "script.template", Script(name="template", scenes=(scene,)))
    common = ("-s", study.root)
    assert valex("sample", "first", "--size", SAMPLE, *common).returncode == 0
    words = ("--coders", "anna,ben", "--overlap", "0.6", "--sample", "first")
    assert valex("review", "plan", *words, *common).returncode == 0
    keys = [code_all(study, coder, browser, errors) for coder, errors in CODERS.items()]
    found = progress(study)
    assert [(one.done, one.begun) for one in found] == [(one.posts, 0) for one in found]
    assert sum(keys) / sum(one.posts for one in found) < 3, "keys for a post with a value or none"
    assert [file.name for file in gold_files(study)] == ["anna.csv", "ben.csv"]
    agreed = json.loads(valex("agreement", "--labels", KEY, "--json", *common).stdout)
    row = row_of(agreed, VALUE)
    assert row["items"] == round(0.6 * SAMPLE)
    assert row["alpha"]["value"] > 0.6
    assert agreed["alternative_annotator"][str(KEY)]["winning_rate"] == 0.0, "the model errs about half of the posts"
    (answer,) = prevalence(read_material(study, KEY, "first", annotator="anna"), [VALUE])
    truth = np.mean([is_present(n) for n in range(POSTS)])
    (_, low, high), (_, wrong_low, _) = (answer.methods[method] for method in ("corrected", "machine labels alone"))
    assert low <= truth <= high
    assert wrong_low > truth
    done = valex("estimate", "prevalence", "--labels", KEY, "--sample", "first", "--value", VALUE, *common)
    assert done.returncode == 0
    said = valex("methods", *common).stdout
    assert "2 people coded posts by hand" in said
    assert f"present, all values: {row_of(agreed, 'all values')['alpha']['value']:.2f} [" in said


def row_of(agreed: Any, name: str) -> Any:
    return next(row for row in agreed["agreement"]["coders: anna, ben"] if row["of"] == name)


CODERS = {"anna": frozenset[int](), "ben": frozenset(range(0, POSTS, 19))}
"""Two coders, and the posts about which they err."""
