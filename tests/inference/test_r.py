"""The table for other programs, read by R's package survey: its figures are those of gold labels alone."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.inference.test_questions import KEY, VALUE, call, code, study
from valex_local.cli.estimate import estimate
from valex_local.cli.sample import sample
from valex_local.inference.estimators import Method
from valex_local.inference.questions import difference, prevalence, read_material, regression
from valex_local.study import Study

__all__ = ["study"]  # a fixture

ROOT = Path(__file__).parents[2]
LIKELY = ("--likely", "--labels", str(KEY), "--value", str(VALUE))


@pytest.fixture(scope="module", autouse=True)
def survey() -> None:
    """Skip where R or its package survey is not installed."""
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (Debian: apt-get install r-base-core r-cran-survey)")
    if subprocess.run(["Rscript", "-e", "library(survey)"], capture_output=True, check=False).returncode:
        pytest.skip("R's package survey is not installed (Debian: apt-get install r-cran-survey)")


def lines() -> list[str]:
    """Return the lines for survey in the documentation; those that compute something print it with its interval."""
    (block,) = re.findall(r"library\(survey\)\n(.+?)```", (ROOT / "docs" / "estimate.md").read_text("utf-8"), re.DOTALL)
    read, design, mean, *models = block.strip().splitlines()
    printed = [f"m <- {mean}; show(rbind(c(coef(m), confint(m, df = degf(coded)))))"]
    printed += [f"m <- {model}; show(cbind(coef(m), confint(m))[-1, , drop = FALSE])" for model in models]
    show = (
        "show <- function(m) write.table(format(m, digits = 10), col.names = FALSE, row.names = FALSE, quote = FALSE)"
    )
    return ["suppressMessages(library(survey))", show, read, design, *printed]


@pytest.mark.parametrize("design", [(), LIKELY], ids=["random", "likely"])
def test_survey_reads_the_design(study: Study, tmp_path: Path, design: tuple[str, ...]):
    call(sample, "first", "-s", study.root, "--size", 60, *design)
    code(study, "first")
    common = ["-s", study.root, "--labels", KEY, "--sample", "first", "--value", VALUE]
    assert call(estimate, "table", *common, "-o", tmp_path / "hedonism.csv").exit_code == 0
    done = subprocess.run(
        ["Rscript", "-e", "\n".join(lines())], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    said = np.array([[float(cell) for cell in line.split()] for line in done.stdout.splitlines()])
    material = read_material(study, KEY, "first")
    answers = [
        *prevalence(material, [VALUE]),
        *difference(material, [VALUE], "genre", ("dance", "sport")),
        *regression(material, [VALUE], ["duration", "genre"]),
    ]
    own = np.array([answer.methods[Method.GOLD] for answer in answers])
    seconds = np.array([float(facts["duration"]) for facts in material.facts])
    own[2] /= seconds.std()  # a coefficient of ours is per standard deviation, one of R per second
    assert said.shape == own.shape
    assert said[:, 0] == pytest.approx(own[:, 0], rel=1e-5, abs=1e-7)
    widths = (own[:, 2] - own[:, 1]) / (said[:, 2] - said[:, 1])
    assert ((widths > 0.99) & (widths < 1.05)).all(), widths
