"""Whole runs on bad input, with real models: the run goes on, nothing is lost, one clear line a post."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.clips import Scene, make_clip, silence, tone
from tests.commands import PROGRAM, valex
from valex_local.records import Labels, Media, ScreenText, Transcript
from valex_local.study import Study

pytestmark = pytest.mark.slow

CLIPS = Path(__file__).parent.parent / "models" / "demo" / "clips"

CPU = ("--profile", "cpu", "--set", "models.labels=minilm-arguments")
"""The profile cpu with the label model that tests have."""


def records(root):
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted((root / "posts").rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def bad(tmp_path_factory, demo_models):
    """A folder of everything that can be wrong, and a run over it."""
    folder = tmp_path_factory.mktemp("bad")
    sound = tone(1.0)
    good = make_clip(folder / "good.mp4", (Scene(1.0),), audio=sound)
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("Dear diary, this is no video.")
    (folder / "playlist.mp4").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    (folder / "truncated.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    make_clip(folder / "no-sound.mp4", (Scene(1.0, pattern=1),))
    make_clip(folder / "silent.mp4", (Scene(1.0, pattern=2),), audio=silence(1.0))
    make_clip(folder / "only-sound.mp4", (), audio=sound)
    make_clip(folder / "one-frame.mp4", (Scene(0.01, pattern=3),))
    make_clip(folder / "no-duration.mp4", (Scene(0.2, pattern=4),), times=[0.0] * 5)
    make_clip(folder / "turned.mp4", (Scene(1.0, pattern=5),), rotation=90)
    make_clip(folder / "big.mp4", (Scene(0.2, pattern=6),), width=3840, height=2160)
    make_clip(folder / "thin.mp4", (Scene(0.4, pattern=7),), width=1, height=64, pixel_format="yuv444p")
    make_clip(folder / "-a b\n😀.mp4", (Scene(0.4, pattern=8),))
    shutil.copy(good, folder / "twin.mp4")
    for i in (1, 2):
        (folder / str(i)).mkdir()
        make_clip(folder / str(i) / "@u_video_7000000000000000001.mp4", (Scene(0.2, pattern=8 + i),))
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.mp4").symlink_to(folder / "nowhere")
    (folder / "folder.mp4").mkdir()
    study = tmp_path_factory.mktemp("run") / "study"
    done = valex("run", folder, "-s", study, *CPU, "--json")
    return study, done, json.loads(done.stdout)


@pytest.fixture(scope="module")
def study(bad):
    return Study(bad[0])


def one(study, begins):
    (post_id,) = [p for p in study.post_ids() if p.startswith(begins)]
    return post_id


def test_the_run_goes_on_and_says_that_some_failed(bad):
    _, done, summary = bad
    assert done.returncode == 1
    assert not summary["ok"]
    failed = {f["post"].rpartition("-")[0] or f["post"]: f["what"] for f in summary["failures"]}
    assert failed.keys() == {"empty", "text", "playlist", "truncated", "dangling", "u_7000000000000000001"}
    assert all("\n" not in what for what in failed.values())
    assert summary["posts"] == 15


def test_one_id_with_two_files_names_both(bad):
    (what,) = [f["what"] for f in bad[2]["failures"] if f["post"] == "u_7000000000000000001"]
    assert what.count("@u_video_7000000000000000001.mp4") == 2


def test_everything_else_is_done(study, bad):
    labels = next(step for step in bad[2]["steps"] if step["step"].startswith("labels"))
    assert labels["current"] == 15 - 4
    assert labels["failed"] == labels["due"] == 0


def test_sound_that_is_missing_is_told_from_sound_that_is_silent(study):
    missing = study.require(one(study, "no-sound"), "transcript", Transcript)
    assert "no" in missing.skipped
    silent = study.require(one(study, "silent"), "transcript", Transcript)
    assert not silent.sound.has_sound
    assert silent.segments == ()
    tone_only = study.require(one(study, "good"), "transcript", Transcript)
    assert tone_only.sound.has_sound
    assert not tone_only.sound.has_verbal_sound


def test_posts_without_verbal_sound_get_no_labels(study, bad):
    post_id = one(study, "silent")
    (labels,) = study.labels(post_id, "template").values()
    assert isinstance(labels, Labels)
    assert labels.values == ()
    assert labels.skipped
    assert any(reason.startswith("labels") for reason in bad[2]["skipped"])


def test_pictures_of_all_shapes(study):
    only_sound = study.require(one(study, "only-sound"), "media", Media)
    assert only_sound.video is None
    assert study.require(one(study, "only-sound"), "text", ScreenText).skipped
    assert len(study.require(one(study, "one-frame"), "media", Media).keyframes) == 1
    turned = study.require(one(study, "turned"), "media", Media).video
    assert (turned.width, turned.height, turned.rotation) == (224, 128, 90)
    assert study.require(one(study, "big"), "media", Media).video.width == 3840
    assert study.require(one(study, "thin"), "media", Media).keyframes


def test_equal_bytes_share_what_was_perceived(study):
    for name in ("media.json", "transcript.json", "text.json"):
        twins = [study.folder(one(study, begin)) / name for begin in ("good", "twin")]
        assert twins[0].read_bytes() == twins[1].read_bytes()


def test_killed_in_every_stage_and_run_again_is_equal_to_the_byte(demo_study, tmp_path):
    post_id = Study(demo_study).post_ids()[0]
    videos = tmp_path / "videos"
    videos.mkdir()
    for path in CLIPS.glob(f"*{post_id.rpartition('_')[2]}*"):
        shutil.copy(path, videos)
    out = tmp_path / "study"
    run = [*PROGRAM, "run", videos, "-s", out, "--profile", "demo"]
    for stem in ("media", "transcript", "text", "script.template", "labels.template.encoder"):
        process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while not list(out.glob(f"posts/*/{stem}.json")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list(out.glob(f"posts/*/{stem}.json")), f"no {stem} before the deadline"
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    undisturbed = {
        name: raw for name, raw in records(demo_study).items() if post_id in name and not name.endswith("post.json")
    }
    again = records(out)
    assert {name: again.get(name) for name in undisturbed} == undisturbed
    assert len(again) == len(undisturbed) + 1


def test_an_interrupt_says_how_to_go_on(tmp_path, demo_models):
    out = tmp_path / "study"
    # A shell starts what it puts into the background with interrupts ignored, and children inherit that.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", heeding + PROGRAM[-1], "run", CLIPS, "-s", out, *CPU],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not list(out.glob("posts/*/media.json")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Finished work is kept" in errors
    assert "Traceback" not in errors


def test_two_runs_at_once(demo_study, tmp_path):
    copy = shutil.copytree(demo_study, tmp_path / "study")
    with Study(copy).lock():
        done = valex("run", CLIPS, "-s", copy, "--profile", "demo")
    assert done.returncode == 2
    assert "another run is active" in done.stderr


def test_a_second_run_loads_no_model(demo_study, tmp_path):
    copy = shutil.copytree(demo_study, tmp_path / "study")
    done = valex("run", CLIPS, "-s", copy, "--profile", "demo", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert all(step["written"] == 0 for step in summary["steps"])
    assert records(copy) == records(demo_study)
    logs = [p.read_text() for p in sorted((copy / "logs").iterdir())]
    assert sum('"execute"' in log for log in logs) == 1, "only the first run computed anything"


def test_the_status_is_the_same_where_no_model_is_installed(demo_study, tmp_path):
    here = valex("status", "-s", demo_study, "--json")
    elsewhere = valex("status", "-s", demo_study, "--json", VALEX_MODELS=str(tmp_path / "none"))
    assert here.returncode == elsewhere.returncode == 0, elsewhere.stderr
    assert here.stdout == elsewhere.stdout
    assert not (tmp_path / "none").exists()


def test_weights_that_are_missing_or_altered_stop_the_run(tmp_path, store, demo_models):
    empty = valex("run", CLIPS, "-s", tmp_path / "a", "--profile", "cpu", VALEX_MODELS=str(tmp_path / "none"))
    assert empty.returncode == 2
    assert "valex models install" in empty.stderr
    whisper = store.find("whisper-base-ct2").folder
    copy = tmp_path / "store"
    shutil.copytree(whisper, copy / whisper.name)
    weights = copy / whisper.name / "model.bin"
    raw = np.fromfile(weights, np.uint8)
    raw[1_000_000] ^= 1
    weights.chmod(0o600)
    raw.tofile(weights)
    tampered = valex("run", CLIPS, "-s", tmp_path / "b", "--profile", "cpu", VALEX_MODELS=str(copy))
    assert tampered.returncode == 2
    assert "model.bin" in tampered.stderr
    assert not list((tmp_path / "b").glob("posts/*/transcript.json"))


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, demo_models):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    try:
        done = valex("run", CLIPS, "-s", disk / "study", *CPU)
        assert done.returncode == 2
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        kept = records(disk / "study")
        subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
        assert valex("run", CLIPS, "-s", disk / "study", "--profile", "cpu", "--until", "media").returncode == 0
        assert kept.items() <= records(disk / "study").items()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_record_of_a_newer_version_stops_the_run(demo_study, tmp_path):
    copy = shutil.copytree(demo_study, tmp_path / "study")
    path = next(copy.glob("posts/*/text.json"))
    newer = path.read_text().replace('"schema_version": 1', '"schema_version": 99')
    newer = newer.replace('"schema_version":1', '"schema_version":99')
    path.write_text(newer)
    done = valex("run", CLIPS, "-s", copy, "--profile", "demo")
    assert done.returncode == 2
    assert "newer version" in done.stderr
    assert path.read_text() == newer


def test_an_unknown_key_in_the_study_is_named(demo_study, tmp_path):
    copy = shutil.copytree(demo_study, tmp_path / "study")
    with (copy / "study.toml").open("a") as file:
        file.write("\n[speech]\nlangage = 'de'\n")
    done = valex("run", CLIPS, "-s", copy)
    assert done.returncode == 2
    assert "did you mean speech.language?" in done.stderr
