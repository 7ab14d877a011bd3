"""The clips that come with the project, and the world they are drawn in."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import av
import numpy as np
import pytest

from valex_local.posts import discover

ROOT = Path(__file__).resolve().parents[2]
CLIPS = sorted((ROOT / "models" / "demo" / "clips").glob("*.mp4"))
TEXTS = tomllib.loads((ROOT / "scripts" / "demo_assets" / "demo_clips.toml").read_text("utf-8"))["clip"]


def truth_of(clip: Path) -> dict:
    return json.loads(clip.with_suffix(".truth.json").read_text("utf-8"))


def test_there_are_three_and_they_are_small() -> None:
    assert {clip.stem for clip in CLIPS} == {plan["stem"] for plan in TEXTS}
    assert sum(clip.stat().st_size for clip in CLIPS) <= 3_000_000
    assert "CC0 1.0" in (CLIPS[0].parent / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("plan", TEXTS, ids=lambda plan: plan["stem"])
def test_the_truth_holds_exactly_the_fixed_texts(plan: dict) -> None:
    clip = next(c for c in CLIPS if c.stem == plan["stem"])
    said = [sentence for shot in plan["shot"] for sentence in shot.get("say", ())]
    shown = [c["text"] for shot in plan["shot"] for c in shot.get("captions", ())]
    shown += [s for shot in plan["shot"] if shot.get("subtitles") for s in shot["say"]]
    truth = truth_of(clip)
    assert [s["text"] for s in truth["speech"]] == said
    assert sorted(c["text"] for c in truth["captions"]) == sorted(shown)
    assert len(truth["cuts"]) == len(plan["shot"]) - 1


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_a_clip_is_what_its_truth_says(clip: Path) -> None:
    truth = truth_of(clip)
    with av.open(str(clip)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height) == (truth["width"], truth["height"])
        assert container.duration / 1e6 == pytest.approx(truth["duration"], abs=0.1)
    assert 12 <= truth["duration"] <= 30
    times = [t for s in truth["speech"] for t in (s["start"], s["end"])]
    assert times == sorted(times) and times[-1] < truth["duration"]
    assert all(0 <= c["start"] < c["end"] <= truth["duration"] for c in truth["captions"])


def test_short_growing_and_repeating_captions_are_among_them() -> None:
    captions = [c for clip in CLIPS for c in truth_of(clip)["captions"]]
    spoken = {s["text"] for clip in CLIPS for s in truth_of(clip)["speech"]}
    assert min(c["end"] - c["start"] for c in captions) == pytest.approx(0.8)
    assert any(c["style"] == "karaoke" for c in captions)
    assert {c["text"] in spoken for c in captions} == {True, False}


def test_posts_are_recognised_with_their_text() -> None:
    found = discover([CLIPS[0].parent])
    assert not found.failures
    texts = {plan["stem"]: plan["post"] for plan in TEXTS}
    assert len(found.posts) == len(texts)
    for post in found.posts:
        expected = texts[Path(post.video.path).stem]
        assert post.text.caption == expected["description"]
        assert post.text.author == expected["uploader"]
        assert post.text.sound_title == expected["track"]
        assert post.text.genre == expected["genre"]
        assert post.text.posted_at.replace("-", "").startswith(expected["upload_date"])
        assert set(post.text.hashtags) == {w[1:] for w in expected["description"].split() if w.startswith("#")}


class TestWorld:
    @pytest.fixture(autouse=True)
    def _scripts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(ROOT / "scripts" / "demo_assets")

    def test_equal_scenes_give_equal_pictures_that_move(self) -> None:
        from drawn_world import draw, sample

        scene = sample(5)
        first = draw(scene, 0.5, 72, 128)
        assert first.shape == (128, 72, 3)
        assert first.dtype == np.uint8
        assert np.array_equal(first, draw(sample(5), 0.5, 72, 128))
        moving = [s for s in map(sample, range(8)) if s.camera != "still"]
        assert all(not np.array_equal(draw(s, 0.0, 72, 128), draw(s, 1.5, 72, 128)) for s in moving)

    def test_every_thing_pose_and_place_can_be_drawn(self) -> None:
        from drawn_places import PLACES
        from drawn_things import MOODS, POSES, THINGS
        from drawn_world import LIGHTS, Person, Scene, Thing, draw

        empty = {place: draw(Scene(place), 0.0, 36, 64) for place in PLACES}
        for kind in THINGS:
            with_it = draw(Scene("plain", (Thing(kind, "red", size=0.6),)), 0.0, 36, 64)
            assert not np.array_equal(with_it, empty["plain"]), kind
        for pose in POSES:
            for mood in MOODS:
                with_them = draw(Scene("plain", (Person("red", pose=pose, mood=mood),)), 0.0, 36, 64)
                assert not np.array_equal(with_them, empty["plain"]), pose
        assert len({picture.tobytes() for picture in empty.values()}) == len(PLACES)
        assert len({draw(Scene("park", light=light), 0.0, 36, 64).tobytes() for light in LIGHTS}) == len(LIGHTS)

    def test_colour_of_a_thing_is_the_colour_told(self) -> None:
        from drawn_pen import COLORS
        from drawn_world import Scene, Thing, describe, draw

        for name, color in COLORS.items():
            scene = Scene("plain", (Thing("circle", name, size=0.8),), camera="still")
            middle = draw(scene, 0.0, 60, 60)[30, 30].astype(int)
            assert np.abs(middle - color).max() <= 3, name
            assert describe(scene) == f"one {name} circle"

    def test_equal_things_are_told_together(self) -> None:
        from drawn_world import Person, Scene, Thing, describe

        stars = (Thing("star", "red"), Thing("star", "red", count=2), Thing("dress", "blue"))
        assert describe(Scene("plain", stars)) == "three red stars and one blue dress"
        someone = Person("green", mood="sad", pose="sitting")
        assert describe(Scene("park", (someone,))) == "a sad person in a green shirt sitting in a park"
