"""The bundled toy names what drawn videos show that it has never seen, through the public path of a run."""

from __future__ import annotations

import dataclasses
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.clips import make_clip
from valex_local.records import Captions, Media, Post
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.vision import VisionStage
from valex_local.stages.vision.openclip import OpenClip
from valex_local.store import Store, StoredModel
from valex_local.store.manifests import profile_names, read_profile
from valex_local.study import Study
from valex_local.system.devices import Device

pytestmark = pytest.mark.slow

MODEL = "micro-clip"
VIDEOS = 120
LEAST = 0.9
SEEN, UNSEEN = "seen", "unseen"
CATEGORIES = ("place", "people", "activity", "objects")


class Share(NamedTuple):
    """How many answers were right of how many."""

    right: int
    asked: int

    @property
    def part(self) -> float:
        return self.right / self.asked


@pytest.fixture(scope="module")
def toy(store: Store) -> StoredModel:
    return store.find(MODEL)


def test_the_toy_belongs_to_the_demo_alone(toy: StoredModel):
    assert {name for name in profile_names() if read_profile(name).models.get("clip") == MODEL} == {"demo"}
    assert sum(path.stat().st_size for path in toy.folder.iterdir()) < 6_000_000


@pytest.fixture(scope="module")
def study(
    toy: StoredModel, drawn: ModuleType, valex: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Study:
    """Drawn videos, run through `valex run` with the profile of the demo as far as the tags."""
    folder = tmp_path_factory.mktemp("drawn")
    (folder / "videos").mkdir()
    for number in range(VIDEOS):
        for name in (SEEN, UNSEEN):
            scene, dice = scene_of(drawn, f"{name}-{number}"), random.Random(number)
            frame = np.asarray(drawn.picture(scene, dice, 216, 384))
            make_clip(folder / "videos" / f"{name}-{number}.mp4", frames=[frame] * 4, rate=10)
    for step, given in (("media", ["videos", "--keep-keyframes"]), ("vision", [])):
        valex(folder, "run", *given, "-s", "study", "--profile", "demo", "--only", step)
    return Study(folder / "study")


def scene_of(drawn: ModuleType, name: str):
    """Return the scene of a video: training takes the seeds from 0 on."""
    kind, number = name.split("-")
    return drawn.scene(-1000 - int(number), unseen=kind == UNSEEN)


def name_of(study: Study, post_id: str) -> str:
    return Path(study.post(post_id).video.path).stem


def labels(drawn: ModuleType, facts) -> dict[str, set[str | None]]:
    """Return the labels that are right in each category, None where no tag is; empty where there is no word for it."""
    return {
        "place": {None if facts.place == "plain" else drawn.PLACE_WORDS[facts.place]},
        "people": {drawn.PEOPLE_WORDS[len(facts.deeds)] if facts.deeds else None},
        "activity": {None if deed == "upright" else deed for deed in facts.deeds} or {None},
        "objects": {
            f"{color} {kind}" if kind in drawn.KINDS else None
            for kind, color in facts.things
            if kind not in drawn.LOOKALIKES and (kind not in drawn.KINDS or color in drawn.TINTS)
        }
        or ({None} if not facts.things else set()),
    }


def shares(drawn: ModuleType, seen: dict[str, Captions]) -> dict[tuple[str, str], Share]:
    """Return how many first tags are right, by the half of the videos and the category."""
    right, asked = Counter(), Counter()
    for name, record in seen.items():
        true = labels(drawn, drawn.Facts.of(scene_of(drawn, name)))
        for keyframe in record.keyframes:
            for category in CATEGORIES:
                if true[category]:
                    first = next((tag.label for tag in keyframe.tags if tag.category == category), None)
                    key = name.split("-")[0], category
                    asked[key] += 1
                    right[key] += first in true[category]
    return {key: Share(right[key], asked[key]) for key in asked}


def together(found: dict[tuple[str, str], Share], half: str) -> float:
    parts = [share for key, share in found.items() if key[0] == half]
    return sum(part.right for part in parts) / sum(part.asked for part in parts)


def recorded(study: Study) -> dict[str, Captions]:
    return {name_of(study, post): study.require(post, "captions", Captions) for post in study.post_ids()}


def looked_at(
    study: Study, model: StoredModel, posts: Sequence[str], *, swap: Path | None = None
) -> dict[str, Captions]:
    """Tag the videos again with a model; with `swap`, red and blue of the keyframes change places there."""
    items = []
    for post in posts:
        media, folder = study.require(post, "media", Media), study.folder(post)
        if swap is not None:
            for keyframe in media.keyframes:
                path = swap / post / keyframe.file
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.asarray(Image.open(folder / keyframe.file))[..., ::-1]).save(path, quality=95)
            folder = swap / post
        items.append(Item(Post(id=post), folder, {"media": media}))
    stage = VisionStage(Context(Settings(), {"clip": model}, Device("cpu", 2)))
    outputs = stage([stage.prepare(item) for item in items])
    stage.close()
    return {name_of(study, post): output.record for post, output in zip(posts, outputs, strict=True)}


def test_tags_of_videos_never_seen_are_right(study: Study, drawn: ModuleType):
    found = shares(drawn, recorded(study))
    assert sum(share.asked for share in found.values()) > VIDEOS * 2 * 3
    assert together(found, SEEN) >= LEAST, found
    assert together(found, UNSEEN) >= LEAST, found


def test_pairs_of_colour_and_thing_that_were_held_out_are_named(study: Study, drawn: ModuleType):
    found = shares(drawn, recorded(study))
    assert found[UNSEEN, "objects"].asked >= VIDEOS
    assert found[UNSEEN, "objects"].part >= LEAST, found
    assert all(any(drawn.held_out(*pair) for pair in drawn.Facts.of(scene_of(drawn, name)).things)
               for name in recorded(study) if name.startswith(UNSEEN))  # fmt: skip


def test_every_record_says_that_the_model_is_a_toy(study: Study):
    for record in recorded(study).values():
        assert [notice.code for notice in record.notices] == ["model-notice"]
        assert "toy" in record.notices[0].text


def test_words_it_does_not_know_change_next_to_nothing(toy: StoredModel):
    engine = OpenClip(toy, Device("cpu", 2))
    told = engine.texts(["a red star and a person sitting in a park."])
    more = engine.texts(["a shiny red star and somehow a person quietly sitting far off in a huge park."])
    other = engine.texts(["a blue sofa and a person falling in a park."])
    assert float(told @ more.T) > 0.95 > float(told @ other.T) + 0.2


def test_a_wrong_normalisation_would_be_noticed(study: Study, drawn: ModuleType, toy: StoredModel, tmp_path: Path):
    folder = shutil.copytree(toy.folder, tmp_path / "toy")
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text("utf-8"))
    config["preprocess_cfg"] |= {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    path.write_text(json.dumps(config), "utf-8")
    wrong = dataclasses.replace(toy, folder=folder, digest="0" * 64)
    found = shares(drawn, looked_at(study, wrong, study.post_ids()))
    assert max(together(found, SEEN), together(found, UNSEEN)) < LEAST, found


def test_swapped_colours_would_be_noticed(study: Study, drawn: ModuleType, toy: StoredModel, tmp_path: Path):
    posts = study.post_ids()
    again, told = looked_at(study, toy, posts), recorded(study)
    assert all(again[name].keyframes == told[name].keyframes for name in told), "the stage says what the run says"
    found = shares(drawn, looked_at(study, toy, posts, swap=tmp_path))
    # Places and people are told without their colours.
    assert found[SEEN, "objects"].part < LEAST, found
    assert found[UNSEEN, "objects"].part < 0.5, found
