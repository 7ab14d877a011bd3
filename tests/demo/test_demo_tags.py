"""What the toy image model says of the demo clips is what was drawn, and it reaches their scripts and their report."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from valex_local.records import Captions, Grounding, Media, Script
from valex_local.study import Study

ROOT = Path(__file__).resolve().parents[2]
CLIPS = tomllib.loads((ROOT / "scripts" / "demo_assets" / "demo_clips.toml").read_text("utf-8"))["clip"]
LEAST = 0.9
LEAST_OF_THINGS, LEAST_NAMED = 0.7, 0.5
"""Share of the names of things that are right, and of the keyframes with a thing that has a name that get it."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(demo_study: Path) -> Study:
    return Study(demo_study)


def looked_at(study: Study, drawn: ModuleType) -> Iterator[tuple[str, dict[str, set[str]], dict[str, set[str]]]]:
    """Return for each keyframe its name, the labels found and the true ones, by category."""
    from drawn_scenes import SCENES  # on the path while `drawn` is

    for clip in CLIPS:
        (post,) = (p for p in study.post_ids() if Path(study.post(p).video.path).stem == clip["stem"])
        media, captions = study.require(post, "media", Media), study.require(post, "captions", Captions)
        assert len(media.shots) == len(clip["shot"])
        for keyframe, said in zip(media.keyframes, captions.keyframes, strict=True):
            facts = drawn.Facts.of(SCENES[clip["shot"][keyframe.shot]["scene"]])
            found: dict[str, set[str]] = {"place": set(), "people": set(), "activity": set(), "objects": set()}
            for tag in said.tags:
                found[tag.category].add(tag.label)
            true = {
                "place": {drawn.PLACE_WORDS[facts.place]} - {drawn.PLACE_WORDS["plain"]},
                "people": {drawn.PEOPLE_WORDS[len(facts.deeds)]} - {drawn.PEOPLE_WORDS[0]},
                "activity": set(facts.deeds) - {"upright"},
                "objects": {f"{color} {kind}" for kind, color in facts.things},
            }
            yield f"{clip['stem'][:7]} {keyframe.id}", found, true


def test_places_people_and_what_they_do_are_told(study: Study, drawn: ModuleType):
    wrong, asked = [], 0
    for name, found, true in looked_at(study, drawn):
        for category in ("place", "people", "activity"):
            asked += 1
            if not found[category] <= true[category] or (true[category] and not found[category]):
                wrong.append((name, category, found[category], true[category]))
    print(f"\n{asked - len(wrong)} of {asked} right", *wrong, sep="\n  ")
    assert 1 - len(wrong) / asked >= LEAST, wrong


def test_things_that_are_named_are_there(study: Study, drawn: ModuleType):
    """Some things of the clips are small, or of a kind without a word: the toy may pass over them."""
    named = [(name, label in true["objects"], label) for name, found, true in looked_at(study, drawn)
             for label in found["objects"]]  # fmt: skip
    print(f"\n{sum(right for _, right, _ in named)} of {len(named)} right", *named, sep="\n  ")
    assert sum(right for _, right, _ in named) >= LEAST_OF_THINGS * len(named), named
    worded = [name for name, _, true in looked_at(study, drawn)
              if any(thing.split()[1] in drawn.KINDS for thing in true["objects"])]  # fmt: skip
    assert sum(right for _, right, _ in named) >= LEAST_NAMED * len(worded), worded


def test_scripts_have_headings_and_actions_and_the_record_says_toy(study: Study):
    for post in study.post_ids():
        script = study.require(post, "script.template", Script)
        assert all(scene.heading for scene in script.scenes)
        assert any(element.kind == "action" for scene in script.scenes for element in scene.elements)
        (notice,) = study.require(post, "captions", Captions).notices
        assert "toy" in notice.text
        grounding = study.require(post, "grounding.template", Grounding)
        assert grounding.lines
        assert not grounding.skipped
