"""The bundled toy distinguishes true lines from swapped ones, through the public path of a run."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.clips import make_clip
from valex_local.records import GroundedLine, Grounding
from valex_local.study import Study

POSTS = 40
LEAST_AUC = 0.9
OWN, SWAPPED, FALSE = "own", "swapped", "false"

pytestmark = pytest.mark.slow

Lines = dict[str, list[GroundedLine]]


@pytest.fixture(scope="module")
def scored(drawn: ModuleType, valex: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Videos of scenes the model has never seen, each with three scripts of one line, and how these lines fit."""
    folder = tmp_path_factory.mktemp("posts")
    draw(drawn, folder)
    valex(folder, "run", "videos", "-s", "study", "--profile", "demo", "--only", "media")
    for name in (OWN, SWAPPED, FALSE):
        valex(folder, "import", "scripts", name, "--name", name, "-s", "study")
    scripts = f'labels.scripts=["{OWN}","{SWAPPED}","{FALSE}"]'
    valex(folder, "run", "-s", "study", "--only", "grounding", "--set", scripts)
    study = Study(folder / "study")
    lines = {
        name: [line for post in study.post_ids() for line in study.require(post, f"grounding.{name}", Grounding).lines]
        for name in (OWN, SWAPPED, FALSE)
    }
    assert {name: len(found) for name, found in lines.items()} == dict.fromkeys(lines, POSTS)
    return lines


def draw(drawn: ModuleType, folder: Path) -> None:
    """Write the videos, and for each its own line, that of the one before, and one of which nothing is true."""
    dice = random.Random(0)
    scenes = [drawn.scene(-1 - number) for number in range(POSTS)]
    told = [drawn.whole(one, dice) for one in scenes]
    for name in ("videos", OWN, SWAPPED, FALSE):
        (folder / name).mkdir()
    for number, one in enumerate(scenes):
        facts = drawn.Facts.of(one)
        false = next(text for text in told[number:] + told if all(part.holds(facts) is False for part in text))
        frame = np.asarray(drawn.picture(one, dice, 216, 384))
        make_clip(folder / "videos" / f"post-{number}.mp4", frames=[frame] * 4, rate=10)
        for name, text in ((OWN, told[number]), (SWAPPED, told[number - 1]), (FALSE, false)):
            (folder / name / f"post-{number}.txt").write_text(drawn.sentence(text, dice).capitalize() + "\n", "utf-8")


def auc(true: np.ndarray, false: np.ndarray) -> float:
    """Probability that a true line is above a false one; ties count half."""
    return float((true[:, None] > false).mean() + (true[:, None] == false).mean() / 2)


@pytest.mark.parametrize("figure", ["z", "percentile"])
def test_true_lines_are_told_from_swapped_ones(scored: Lines, figure: str):
    own, swapped = (np.array([getattr(line, figure) for line in scored[name]]) for name in (OWN, SWAPPED))
    found = auc(own, swapped)
    print(f"\nAUC of {figure}: {found:.3f}")
    assert found >= LEAST_AUC


def test_swapped_and_false_lines_are_marked_and_true_ones_are_not(scored: Lines):
    marked = {name: float(np.mean([line.below_chance for line in lines])) for name, lines in scored.items()}
    print(f"\nbelow chance: {marked}")
    assert marked[OWN] <= 0.1
    assert marked[SWAPPED] >= 0.5
    assert marked[FALSE] >= 0.5
