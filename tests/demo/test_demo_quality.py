"""The whole pipeline on the bundled clips, compared with their ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.metrics import caption_errors, match_captions, missed, speech_errors, total
from valex_local.records import Labels, Media, ScreenText, Script, Transcript
from valex_local.study import Study

CLIPS = Path(__file__).resolve().parents[2] / "models" / "demo" / "clips"
MOST_WORD_ERRORS = 0.10
MOST_CHARACTER_ERRORS = 0.05

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(demo_study: Path) -> Study:
    return Study(demo_study)


@pytest.fixture(scope="module")
def truths(study: Study) -> dict[str, dict]:
    """Post id to ground truth."""
    videos = {post_id: Path(study.post(post_id).video.path) for post_id in study.post_ids()}
    return {
        post_id: json.loads(video.with_suffix(".truth.json").read_text("utf-8")) for post_id, video in videos.items()
    }


def test_speech_is_heard(study: Study, truths: dict[str, dict], record_property: Callable[[str, object], None]) -> None:
    heard = {post_id: study.require(post_id, "transcript", Transcript) for post_id in truths}
    errors = {post_id: speech_errors(truth, heard[post_id]) for post_id, truth in truths.items()}
    rate = total(errors.values()).rate
    record_property("word_error_rate", rate)
    print(f"\nword error rate {rate:.1%}: " + ", ".join(f"{post} {e.edits}/{e.length}" for post, e in errors.items()))
    assert rate <= MOST_WORD_ERRORS
    assert all(t.language == "en" and t.sound.has_speech and t.sound.has_verbal_sound for t in heard.values())


def test_captions_are_read(
    study: Study, truths: dict[str, dict], record_property: Callable[[str, object], None]
) -> None:
    read = {post_id: study.require(post_id, "text", ScreenText) for post_id in truths}
    errors = {post_id: caption_errors(truth, read[post_id]) for post_id, truth in truths.items()}
    rate = total(errors.values()).rate
    record_property("character_error_rate", rate)
    print(f"\ncharacter error rate {rate:.1%}: " + ", ".join(f"{p} {e.edits}/{e.length}" for p, e in errors.items()))
    for post_id, truth in truths.items():
        readings, invented = match_captions(truth, read[post_id])
        print(*(f"  {r.edits:2} {r.text!r} <- {r.read!r}" for r in readings if r.edits), sep="\n")
        print(*(f"  invented: {track.text!r} at {track.start}" for track in invented), sep="\n")
    assert rate <= MOST_CHARACTER_ERRORS


def test_captions_have_their_times(study: Study, truths: dict[str, dict]) -> None:
    for post_id, truth in truths.items():
        readings, _ = match_captions(truth, study.require(post_id, "text", ScreenText))
        for reading, caption in zip(readings, truth["captions"], strict=True):
            assert reading.tracks, f"{reading.text!r} was not read"
            # One that grows may begin with any of its words.
            last_start = caption.get("word_starts", [reading.start])[-1]
            assert reading.start - 0.5 <= min(t.start for t in reading.tracks) <= last_start + 0.5, reading.text
            assert max(t.end for t in reading.tracks) == pytest.approx(reading.end, abs=0.5), reading.text


def test_cuts_are_found_and_every_shot_has_a_keyframe(study: Study, truths: dict[str, dict]) -> None:
    for post_id, truth in truths.items():
        media = study.require(post_id, "media", Media)
        assert missed(truth["cuts"], [shot.start for shot in media.shots], within=0.1) == []
        assert {keyframe.shot for keyframe in media.keyframes} == set(range(len(media.shots)))


def test_scripts_and_labels_are_there(study: Study, truths: dict[str, dict]) -> None:
    for post_id in truths:
        script = study.require(post_id, "script.template", Script)
        transcript = study.require(post_id, "transcript", Transcript)
        said = [e.ref for scene in script.scenes for e in scene.elements if e.kind == "dialogue"]
        assert said == [segment.id for segment in transcript.segments]
        labels = study.require(post_id, "labels.template.encoder", Labels)
        assert len(labels.values) == 19
        assert labels.source.domain == "English arguments"
