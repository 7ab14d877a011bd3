"""The toy that comes along tells true lines from swapped ones, through the public path of a run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.grounding.posts import action, media, scene, script
from valex_local.config import Settings
from valex_local.devices import Device
from valex_local.grounding import GroundingStage
from valex_local.records import GroundedLine, Grounding, Post
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


@pytest.fixture(scope="module")
def scored(
    micro_clip: StoredModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[tuple[GroundedLine, ...], ...]]:
    """Own lines of drawn posts the model has never seen, those of the post before, and those of which nothing holds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).resolve().parents[2] / "scripts")
        found = records(micro_clip, tmp_path_factory.mktemp("posts"))
        yield tuple(zip(*(record.lines for record in found), strict=True))


def records(model: StoredModel, folder: Path) -> list[Grounding]:
    from drawn_statements import Facts, picture, sentence, whole
    from drawn_statements import scene as drawn

    dice = random.Random(0)
    scenes = [drawn(-1 - number) for number in range(POSTS)]
    told = [whole(one, dice) for one in scenes]
    items = []
    for number, one in enumerate(scenes):
        facts = Facts.of(one)
        false = next(text for text in told[number:] + told if not any(part.holds(facts) for part in text))
        lines = [action(sentence(text, dice), "K1") for text in (told[number], told[number - 1], false)]
        place = folder / str(number)
        (place / "keyframes").mkdir(parents=True)
        picture(one, dice, 216, 384).save(place / "keyframes/K1.jpg", quality=90)
        items.append(Item(Post(id=str(number)), place, {"media": media(1.0), "script.local": script(scene(*lines))}))
    stage = GroundingStage(Context(Settings(), {"clip": model}, Device("cpu", 2), "local"))
    return [output.record for output in stage([stage.prepare(item) for item in items])]


def auc(true: np.ndarray, false: np.ndarray) -> float:
    """Probability that a true line is above a false one; ties count half."""
    return float((true[:, None] > false).mean() + (true[:, None] == false).mean() / 2)


def test_true_lines_are_told_from_swapped_ones(scored: tuple[tuple[GroundedLine, ...], ...]):
    for figure in ("z", "percentile"):
        true, swapped, _ = (np.array([getattr(line, figure) for line in lines]) for lines in scored)
        assert auc(true, swapped) >= LEAST_AUC, figure


def test_false_lines_are_marked_and_true_ones_are_not(scored: tuple[tuple[GroundedLine, ...], ...]):
    true, _, false = (np.array([line.below_chance for line in lines]) for lines in scored)
    assert true.mean() <= 0.1
    assert false.mean() >= 0.5
