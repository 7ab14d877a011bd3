"""The toy that comes along tells true lines from swapped ones, through the public path of a run."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.grounding.posts import action, media, scene, script
from valex_local.config import Settings
from valex_local.devices import Device
from valex_local.grounding import GroundingStage
from valex_local.records import Grounding, Post
from valex_local.stages import Context, Item
from valex_local.store import Store, StoredModel

MODEL = "micro-clip"
POSTS = 40
LEAST_AUC = 0.9


@pytest.fixture(scope="module")
def micro_clip(store: Store) -> StoredModel:
    """The model; skipped while none comes along, and one that does must be there."""
    if MODEL not in store.shipped:
        pytest.skip(f"{MODEL} does not come along yet")
    return store.find(MODEL)


@pytest.fixture
def scored(micro_clip: StoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Grounding, ...]:
    """Drawn posts the model has never seen, each with its own line and with that of the post before it."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "scripts")
    from drawn_statements import picture, sentence, whole
    from drawn_statements import scene as drawn

    dice = random.Random(0)
    scenes = [drawn(-1 - number) for number in range(POSTS)]
    lines = [sentence(whole(one, dice), dice) for one in scenes]
    items = []
    for number, one in enumerate(scenes):
        folder = tmp_path / str(number)
        (folder / "keyframes").mkdir(parents=True)
        picture(one, dice, 216, 384).save(folder / "keyframes/K1.jpg", quality=90)
        told = script(scene(action(lines[number], "K1"), action(lines[number - 1], "K1")))
        items.append(Item(Post(id=str(number)), folder, {"media": media(1.0), "script.local": told}))
    stage = GroundingStage(Context(Settings(), {"clip": micro_clip}, Device("cpu", 2), "local"))
    outputs = stage([stage.prepare(item) for item in items])
    return tuple(output.record for output in outputs)


def auc(true: np.ndarray, false: np.ndarray) -> float:
    """Probability that a true line is above a false one; ties count half."""
    return float((true[:, None] > false).mean() + (true[:, None] == false).mean() / 2)


def test_true_lines_are_told_from_swapped_ones(scored: tuple[Grounding, ...]):
    for figure in ("percentile", "z"):
        true, swapped = np.array([[getattr(line, figure) for line in record.lines] for record in scored]).T
        assert auc(true, swapped) >= LEAST_AUC, figure


def test_swapped_lines_are_marked_and_true_ones_are_not(scored: tuple[Grounding, ...]):
    true, swapped = np.array([[line.below_chance for line in record.lines] for record in scored]).T
    assert true.mean() <= 0.1
    assert swapped.mean() >= 0.5
