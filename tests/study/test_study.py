import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import pytest

import valex_local.study.study as study_module
from valex_local.errors import ConfigError, StudyError
from valex_local.records import (
    AudioTrack,
    Calibration,
    Failure,
    Keyframe,
    Labels,
    LabelSource,
    Media,
    Post,
    PostText,
    Script,
    SourceFile,
    Transcript,
)
from valex_local.study import LabelKey, Study, output

SHA = "0" * 64
N1, N2 = "7300000000000000001", "7300000000000000002"


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "study", create=True)


def media(*names):
    keyframes = tuple(
        Keyframe(id=f"K{i}", time=i, shot=0, file=f"keyframes/{name}", width=1, height=1)
        for i, name in enumerate(names, 1)
    )
    audio = AudioTrack(
        codec="aac", sample_rate=1, channels=1, duration=1, rms_db=-9, peak_db=-1, file="audio.flac", sha256=SHA
    )
    return Media(keyframes=keyframes, audio=audio)


def put(study, post_id, *names):
    study.write(post_id, "post", Post(id=post_id, video=SourceFile(path=f"/v/{post_id}.mp4", sha256=SHA, size=1)))
    files = {f"keyframes/{name}": b"jpeg" for name in names} | {"audio.flac": b"flac"}
    study.write(post_id, "media", media(*names), files)


def test_what_is_written_is_read_and_private(study):
    put(study, "a", "K1.jpg")
    assert study.post_ids() == ["a"]
    assert study.require("a", "media", Media) == media("K1.jpg")
    for path in study.root.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_study_and_foreign_folders_are_refused(tmp_path):
    with pytest.raises(StudyError, match="no study here"):
        Study(tmp_path)
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(StudyError, match="not empty"):
        Study(tmp_path, create=True)


def test_options_are_remembered(study):
    study.save_options({"profile": "demo", "speech": {"language": "de", "translate": None}})
    assert Study(study.root).options() == {"profile": "demo", "speech": {"language": "de"}}


def test_keyframes_no_longer_named_are_deleted(study):
    put(study, "a", "K1.jpg", "K2.jpg")
    study.write("a", "media", media("K1.jpg"), {"keyframes/K1.jpg": b"new", "audio.flac": b"flac"})
    assert [p.name for p in (study.folder("a") / "keyframes").iterdir()] == ["K1.jpg"]


def test_side_files_can_be_dropped_and_are_missed(study):
    put(study, "a", "K1.jpg")
    record = study.require("a", "media", Media)
    assert study.has_side_files("a", record, "keyframes")
    study.drop_side_files("a", "keyframes")
    assert not study.has_side_files("a", record, "keyframes")
    assert study.has_side_files("a", record, "audio")
    study.drop_side_files("a", "audio")
    assert not study.has_side_files("a", record, "audio")


def test_a_copy_is_equal_to_the_byte(study):
    put(study, "a", "K1.jpg")
    study.write("b", "post", Post(id="b"))
    study.copy("a", "b", "media", Media)
    for name in ("media.json", "audio.flac", "keyframes/K1.jpg"):
        assert (study.folder("a") / name).read_bytes() == (study.folder("b") / name).read_bytes()


def test_garbage_counts_as_no_record_and_newer_ones_stop(study):
    put(study, "a")
    path = study.folder("a") / "media.json"
    path.write_bytes(b"{half a rec")
    assert study.read_raw("a", "media", Media) is None
    path.write_bytes(b'{"schema_version": 2}')
    with pytest.raises(StudyError, match="newer version"):
        study.read_raw("a", "media", Media)
    assert path.read_bytes() == b'{"schema_version": 2}'


def test_an_interrupted_write_leaves_the_old_record(study, monkeypatch):
    put(study, "a", "K1.jpg")
    before = (study.folder("a") / "media.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(StudyError, match="disk is full"):
        study.write("a", "media", media())
    monkeypatch.undo()
    assert (study.folder("a") / "media.json").read_bytes() == before
    study.write("a", "media", media("K1.jpg"))
    assert not list(study.root.rglob("*.part"))


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this machine does not let us mount: {made.stderr.strip()}")
    try:
        study = Study(disk / "study", create=True)
        study.write("a", "transcript", Transcript(language="en"))
        with pytest.raises(StudyError, match=r"disk is full.*Free some space and run again"):
            study.write("a", "media", Media(), {"audio.flac": b"x" * 100_000})
        assert study.require("a", "transcript", Transcript).language == "en"
        assert study.read("a", "media", Media) is None
    finally:
        subprocess.run(["umount", disk], check=True)


def test_failures_are_kept_and_cleared(study):
    failure = Failure(post="a.b", stage="speech", what="no good", hint="do this", fingerprint="f")
    study.write_failure(failure)
    assert study.failures() == [failure]
    assert study.failure("a.b", "speech") == failure
    assert study.failed() == {"a.b.speech"}
    study.clear_failure("a.b", "speech")
    assert study.failures() == []
    assert study.failed() == frozenset()


def _hold(root, shard, held, release):
    with Study(root).lock(shard):
        held.set()
        release.wait(30)


@pytest.fixture
def holder(study):
    context = multiprocessing.get_context("spawn")
    held, release, processes = context.Event(), context.Event(), []

    def hold(shard):
        process = context.Process(target=_hold, args=(study.root, shard, held, release))
        process.start()
        processes.append(process)
        assert held.wait(30)

    yield hold
    release.set()
    for process in processes:
        process.join()


def test_a_second_run_is_refused(study, holder):
    holder(None)
    with pytest.raises(StudyError, match="another run"), study.lock():
        pass
    with pytest.raises(StudyError, match="another run"), study.lock((1, 2)):
        pass


def test_shards_work_side_by_side(study, holder):
    holder((1, 2))
    with study.lock((2, 2)):
        pass
    with pytest.raises(StudyError, match="another run"), study.lock((1, 2)):
        pass
    with pytest.raises(StudyError, match="another run"), study.lock():
        pass


def test_sums_are_remembered_by_size_and_time(study, tmp_path):
    video = tmp_path / "v.mp4"
    video.write_bytes(b"one")
    checksums = study.checksums()
    first = checksums(video)
    checksums.save()
    facts = video.stat()
    video.write_bytes(b"two")
    os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert study.checksums()(video) == first, "same size and time: not read again"
    os.utime(video, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))
    assert study.checksums()(video) != first


def test_forgetting_leaves_no_trace(study, tmp_path):
    secret = "Rosalind"
    for post_id in ("a", "a.b"):
        put(study, post_id, "K1.jpg")
        study.write_failure(Failure(post=post_id, stage="speech", what=f"{secret} {post_id}"))
    study.write(
        "a", "post", Post(id="a", video=SourceFile(path="/v/a.mp4", sha256=SHA, size=1), text=PostText(author=secret))
    )
    study.write_failure(Failure(post="c", stage="intake", what="same id as /v/a.mp4"))
    for folder in ("report", "exports"):
        (study.root / folder).mkdir()
        (study.root / folder / "all.html").write_text(secret)
    log = study.root / "logs" / "1.jsonl"
    log.write_text('{"event": "failure", "post": "a"}\n{"event": "failure", "post": "a.b"}\n{"event": "execute"}\n{"ev')
    (study.root / "sums.json").write_text(json.dumps({"/v/a.mp4": [1, 2, SHA], "/old/a.mp4": [1, 2, SHA]}))
    for half in (".failures", "failures/.a.ocr.json", "logs/.1.jsonl", "sums.json.77"):
        (study.root / f"{half}.part").write_text("/old/a.mp4")

    removed = study.forget("a")

    assert "posts/a/" in removed
    assert "report/" in removed
    assert "failures/a.speech.json" in removed
    assert "failures/c.intake.json" in removed
    assert study.post_ids() == ["a.b"]
    assert [f.post for f in study.failures()] == ["a.b"], "the neighbour whose id begins alike is untouched"
    assert log.read_text().splitlines() == ['{"event": "failure", "post": "a.b"}', '{"event": "execute"}']
    left = "".join(p.read_text("utf-8", "replace") for p in study.root.rglob("*") if p.is_file())
    assert "a.mp4" not in left
    with pytest.raises(StudyError, match="no post a"):
        study.forget("a")


def test_forgetting_takes_the_post_out_of_calibrations(study):
    put(study, "a")
    put(study, "b")
    key = LabelKey("template", "encoder", "mpnet")
    study.write_calibration(key, Calibration(model="m", kind="validated", posts=("a", "b")))
    broken = study.root / "calibration.template.encoder.json"
    broken.write_text('{"posts": ["a"')
    removed = study.forget("a")
    assert study.calibration(key).posts == ("b",)
    assert f"calibration.{key}.json (the id of the post)" in removed
    assert not broken.exists(), "it may name the post"
    assert broken.name in removed


def test_a_post_half_forgotten_or_unreadable_can_be_forgotten(study):
    put(study, "a", "K1.jpg")
    put(study, "b")
    (study.folder("a") / "post.json").unlink()
    (study.folder("b") / "post.json").write_text("{garb")
    (study.root / "failures" / "x.media.json").write_text("{garb")
    (study.root / "sums.json").write_text("[garb")
    assert {"a", "b"} <= study.known_ids()
    study.forget("a")
    study.forget("b")
    study.forget("x")
    assert study.known_ids() == set()


def test_a_kill_while_a_study_is_made_leaves_a_study_or_nothing(tmp_path, monkeypatch):
    def killed(path, *_, **__):
        if path.name == "failures":
            raise KeyboardInterrupt
        os.makedirs(path, exist_ok=True)

    monkeypatch.setattr(Path, "mkdir", killed)
    with pytest.raises(KeyboardInterrupt):
        Study(tmp_path / "half", create=True)
    monkeypatch.undo()
    assert Study(tmp_path / "half", create=True).post_ids() == []


def test_a_file_is_no_study(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="this is a file"):
        Study(tmp_path / "file", create=True)


def _make(root, number):
    for i in range(20):
        Study(root / str(i), create=True).save_options({"work": {"chunk": number}})


def test_shards_may_begin_together(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_make, args=(tmp_path, n)) for n in (1, 2, 3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [p.exitcode for p in processes] == [0, 0, 0]


def test_a_study_that_appears_while_its_folder_is_looked_at_is_none_of_a_stranger(tmp_path, monkeypatch):
    look = study_module.visible

    def made_meanwhile(folder):
        monkeypatch.undo()
        Study(folder, create=True)
        return look(folder)

    monkeypatch.setattr(study_module, "visible", made_meanwhile)
    assert Study(tmp_path / "study", create=True).post_ids() == []


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a disk needs root")
def test_a_study_that_cannot_be_written(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", disk], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this machine does not let us mount: {made.stderr.strip()}")
    try:
        put(Study(disk / "study", create=True), "a", "K1.jpg")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        study = Study(disk / "study")
        for attempt in (
            lambda: Study(disk / "study", create=True),
            study.lock().__enter__,
            lambda: study.forget("a"),
            lambda: study.drop_side_files("a", "keyframes"),
            lambda: study.save_options({}),
        ):
            with pytest.raises(StudyError, match=r"cannot (write|be changed).*permissions"):
                attempt()
        assert study.require("a", "media", Media)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_cannot_be_read_is_reported(study):
    put(study, "a")
    (study.folder("a") / "transcript.json").mkdir()
    with pytest.raises(StudyError, match="cannot read"):
        study.read("a", "transcript", Transcript)


def test_a_failure_cleared_by_a_run_beside_us_is_none(study, monkeypatch):
    study.write_failure(Failure(post="a", stage="speech", what="no good"))
    path = study.root / "failures" / "a.speech.json"
    monkeypatch.setattr("valex_local.study.study.visible", lambda _: iter([path, path.with_name("gone.speech.json")]))
    assert [f.post for f in study.failures()] == ["a"]


def test_the_first_variant_that_is_preferred_and_there_is_shown(study):
    put(study, "a")
    for name in ("local", "template"):
        study.write("a", f"script.{name}", Script(name=name))
    assert study.script("a")[0] == "local"
    assert study.script("a", preferred=("gemini", "template", "local"))[0] == "template"


def test_forgetting_takes_gold_labels_along(tmp_path):
    study = Study(tmp_path / "study", create=True)
    for post_id in (f"a_{N1}", f"b_{N2}", "clip-0123abcd"):
        study.write(post_id, "post", Post(id=post_id))
    gold = study.root / "gold"
    gold.mkdir()
    rows = [f"a_{N1},Face,present", f'b_{N2},Face,"a, ""b"""', "clip-0123abcd,Face,absent"]
    (gold / "anna.csv").write_text("\n".join(["post,value,state", *rows]))
    (gold / "ben.csv").write_text(f"post;value;state\nhttps://www.tiktok.com/@a/video/{N1};Face;present\n")
    (gold / ".cleo.csv.part").write_text(f"a_{N1}")
    removed = study.forget(f"a_{N1}")
    assert {"gold/anna.csv (1 rows)", "gold/ben.csv (1 rows)", "gold/.cleo.csv.part"} <= set(removed)
    assert [path.name for path in gold.iterdir()] == ["anna.csv"]
    assert (gold / "anna.csv").read_text().splitlines() == ["post,value,state", *rows[1:]]
    study.forget("clip-0123abcd")
    study.forget(f"b_{N2}")
    assert list(gold.iterdir()) == []


def test_nothing_goes_while_a_table_of_labels_cannot_be_read(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    study.write("a-1", "post", Post(id="a-1"))
    (study.root / "gold").mkdir()
    (study.root / "gold" / "zoe.csv").write_bytes("post,value\na-1,Gl\xfcck\n".encode("cp1252"))
    (study.root / "exports").mkdir()
    with pytest.raises(StudyError, match=r"nothing was removed.*zoe\.csv"):
        study.forget("a-1")
    assert study.post_ids() == ["a-1"]
    assert (study.root / "exports").is_dir()


def test_a_half_written_folder_goes_with_a_post(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    study.write("a-1", "post", Post(id="a-1"))
    (study.root / ".words.part").mkdir()
    (study.root / ".words.part" / "a-1.txt").write_text("words")
    study.forget("a-1")
    assert not list(study.root.rglob("*a-1*"))


def test_a_formula_in_a_table_of_labels_stays_guarded(tmp_path: Path) -> None:
    study = Study(tmp_path / "study", create=True)
    for name in ("a-1", "b-2"):
        study.write(name, "post", Post(id=name))
    (study.root / "gold").mkdir()
    path = study.root / "gold" / "ben.csv"
    path.write_text("post,value,note\na-1,Face,x\nb-2,Face,'=1+1\n", "utf-8")
    study.forget("a-1")
    assert path.read_text("utf-8").splitlines() == ["post,value,note", "b-2,Face,'=1+1"]


@pytest.mark.parametrize(
    ("place", "taken"),
    [
        ("study/words", False),
        ("study/posts/x", False),
        ("study/exports/x", True),
        ("study/report", True),
        ("elsewhere", True),
    ],
)
def test_what_would_outlast_a_forgotten_post_is_not_written_into_the_study(
    tmp_path: Path, place: str, taken: bool
) -> None:
    study = Study(tmp_path / "study", create=True)
    if not taken:
        with pytest.raises(ConfigError, match="would not remove"), output(tmp_path / place):
            pass
        return
    with output(tmp_path / place):
        if place.startswith("study"):
            with pytest.raises(StudyError, match="another run is active"), study.lock():
                pass
        else:
            with study.lock():
                pass


def test_what_killed_commands_were_writing_goes_with_the_next_command(study, tmp_path):
    put(study, "a", "K1.jpg")
    there = set(study.root.rglob("*"))
    for half in (".study.toml", "posts/a/.media.json", "posts/a/keyframes/.K1.jpg", "failures/.a.ocr.json"):
        (study.root / f"{half}.part").write_text("x")
    (study.root / "exports" / ".elan.part").mkdir(parents=True)
    (study.root / "exports" / ".elan.part" / "a.eaf").write_text("x")
    (study.root / "posts" / "a" / "x.part").write_text("not one of ours")
    with study.lock():
        assert (study.root / "posts/a/.media.json.part").exists(), "nobody was killed: not looked for"
    (study.root / ".lock.1-of-2").write_text("in use\n")  # as a shard leaves it that is killed
    with study.lock():
        left = {path for path in study.root.rglob("*") if not path.name.startswith(".lock")} - there
        assert left == {study.root / "exports", study.root / "posts/a/x.part"}
    assert {path.stat().st_size for path in study.root.glob(".lock*")} == {0}


def test_a_killed_command_leaves_its_mark_and_a_finished_one_does_not(study):
    with study.lock((1, 2)):
        assert (study.root / ".lock.1-of-2").stat().st_size
    assert not (study.root / ".lock.1-of-2").stat().st_size
    process = multiprocessing.get_context("fork").Process(target=_killed, args=(study,))
    process.start()
    process.join()
    assert (study.root / ".lock").stat().st_size
    with study.lock((1, 2)):  # not alone: it may not clean up, and leaves the mark
        pass
    assert (study.root / ".lock").stat().st_size


def _killed(study):
    with study.lock():
        os.kill(os.getpid(), signal.SIGKILL)


def test_rubbish_in_the_place_of_a_lock_file(study, tmp_path):
    lock = study.root / ".lock"
    lock.write_bytes(b"\0rubbish" * 1000)
    with study.lock():
        pass
    assert lock.read_bytes() == b""
    lock.unlink()
    os.mkfifo(lock)
    with study.lock():
        pass
    lock.unlink()
    (tmp_path / "other").write_text("x")
    lock.symlink_to(tmp_path / "other")
    with pytest.raises(StudyError, match="cannot write"), study.lock():
        pass
    assert (tmp_path / "other").read_text() == "x"


def test_scripts_are_listed_those_of_a_run_first_and_labels_by_script_and_route(study):
    put(study, "a")
    assert (study.script_variants("a"), study.label_keys("a"), study.all_labels("a")) == ([], [], {})
    for name in ("gemini", "template", "local"):
        study.write("a", f"script.{name}", Script(name=name))
    source = LabelSource(route="encoder", model="m", domain="d", languages=())
    for name in ("video.direct", "local.encoder", "local.fewshot", "local-2.encoder"):
        study.write("a", f"labels.{name}", Labels(script=name.partition(".")[0], source=source))
    for other in (".script.local.json.part", "script.local.json.bak", "labels.json"):
        (study.folder("a") / other).touch()
    assert study.script_variants("a") == ["local", "template", "gemini"]
    assert [str(key) for key in study.label_keys("a")] == [
        "local.encoder", "local.fewshot", "local-2.encoder", "video.direct",
    ]  # fmt: skip
    assert list(study.labels("a", "local")) == ["encoder", "fewshot"]
    assert list(study.all_labels("a")) == study.label_keys("a")
    assert study.drop_made_from("a", "local") == ["labels.local.encoder.json", "labels.local.fewshot.json"]
    assert [key.stem for key in study.label_keys("a")] == ["labels.local-2.encoder", "labels.video.direct"]
