"""The run itself, on toy stages whose output follows from their input: nothing here needs weights."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import toystages
from valex_local.errors import ConfigError, InputError, ModelError, StudyError
from valex_local.pipeline.progress import NullProgress
from valex_local.pipeline.run import run, study_status
from valex_local.pipeline.selection import Selection
from valex_local.pipeline.summary import NoticeCount
from valex_local.records import Media, Transcript
from valex_local.stages.registry import STAGES, StageSpec
from valex_local.stages.variants import media_settings, speech_settings
from valex_local.study import Study
from valex_local.study.editing import Change, Editor
from valex_local.study.left_out import exclude, include

MEDIA = StageSpec("media", 1, Media, "media", "tests.toystages:ToyMedia", ("video",), media_settings)
SPEECH = StageSpec(
    "speech",
    1,
    Transcript,
    "transcript",
    "tests.toystages:ToySpeech",
    ("video", "media.duration"),
    speech_settings,
    side_files=("audio",),
)


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    toystages.LOADED.clear()
    toystages.SEEN.clear()


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()

    def make(**contents):
        for name, text in contents.items():
            (folder / f"{name}.mp4").write_text(text)
        return [folder]

    make.folder = folder
    return make


@pytest.fixture
def out(tmp_path):
    return tmp_path / "study"


class Heard(NullProgress):
    """A progress that keeps what is said."""

    def __init__(self):
        self.texts = []

    def say(self, text):
        self.texts.append(text)


def counts(summary):
    return {c.step: (c.written, c.current, c.failed, c.blocked) for c in summary.steps}


def loads():
    done = [name for name in toystages.LOADED if not name.startswith("-")]
    assert len(done) * 2 == len(toystages.LOADED), "every model loaded is freed"
    toystages.LOADED.clear()
    return done


def posts(study):
    return {p.partition("-")[0]: p for p in Study(study).post_ids()}


def records(study):
    root = Path(study)
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted((root / "posts").rglob("*")) if p.is_file()}


def test_each_model_is_loaded_once_and_a_second_run_loads_none(videos, out):
    paths = videos(a="one", b="two two", c="three three three", d="4")
    assert counts(run(paths, out)) == {"media": (4, 4, 0, 0), "speech": (4, 4, 0, 0)}
    assert loads() == ["media", "speech"]
    assert [n for s, n in toystages.SEEN if s == "speech"] == [3, 1], "batches of the stage's own size"
    before = records(out)
    again = run(paths, out)
    assert counts(again) == {"media": (0, 4, 0, 0), "speech": (0, 4, 0, 0)}
    assert again.ok
    assert loads() == []
    assert records(out) == before


def test_one_bad_video_does_not_stop_the_others(videos, out):
    summary = run(videos(a="one", b="bad", c="bug"), out)
    assert counts(summary) == {"media": (1, 1, 2, 0), "speech": (1, 1, 0, 2)}
    assert not summary.ok
    what = {f.post.partition("-")[0]: f.what for f in summary.failures}
    assert what["b"] == "this is no video"
    assert what["c"].startswith("unexpected ZeroDivisionError")


def test_a_failure_is_not_tried_again_until_asked(videos, out):
    paths = videos(a="one", b="bad")
    run(paths, out)
    loads()
    again = run(paths, out)
    assert counts(again)["media"] == (0, 1, 1, 0)
    assert not again.ok, "what failed before still failed"
    assert loads() == []
    run(paths, out, selection=Selection(retry=True))
    assert loads() == ["media"]


def test_what_was_waiting_for_a_failed_step_is_done_when_that_succeeds(videos, out, monkeypatch):
    paths = videos(a="one", b="two")
    monkeypatch.setattr(toystages.ToyMedia, "__call__", lambda *_: (_ for _ in ()).throw(InputError("not today")))
    assert counts(run(paths, out)) == {"media": (0, 0, 2, 0), "speech": (0, 0, 0, 2)}
    monkeypatch.undo()
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    done = run(paths, out, selection=Selection(retry=True))
    assert counts(done) == {"media": (2, 2, 0, 0), "speech": (2, 2, 0, 0)}


def test_a_mended_video_is_done(videos, out):
    paths = videos(**{"@u_video_7000000000000000001": "bad"})
    assert not run(paths, out).ok
    videos(**{"@u_video_7000000000000000001": "good now"})
    assert run(paths, out).ok


def test_only_what_breaks_a_batch_fails(videos, out):
    summary = run(videos(a="one", b="this breaks-batch", c="three!"), out)
    assert counts(summary)["speech"] == (2, 2, 1, 0)
    assert [f.post.partition("-")[0] for f in summary.failures] == ["b"]


def test_equal_videos_are_done_once_and_copied(videos, out):
    summary = run(videos(a="same", b="same", c="other"), out)
    assert counts(summary) == {"media": (3, 3, 0, 0), "speech": (3, 3, 0, 0)}
    assert sum(n for stage, n in toystages.SEEN if stage == "media") == 2
    ids = posts(out)
    study = Study(out)
    for name in ("media.json", "transcript.json", "audio.flac"):
        assert (study.folder(ids["a"]) / name).read_bytes() == (study.folder(ids["b"]) / name).read_bytes()


def test_equal_bad_videos_fail_each_under_its_own_name(videos, out):
    summary = run(videos(a="bad", b="bad"), out)
    assert [f.post.partition("-")[0] for f in summary.failures] == ["a", "b"]


def test_skips_and_notices_are_counted_with_the_reason(videos, out):
    summary = run(videos(a="mute", b="noisy", c="fine"), out)
    assert summary.skipped == {"speech: no audio track": 1}
    assert summary.notices == [NoticeCount("speech", "noisy", "the sound is noisy", posts=1)]
    assert summary.doubtful == 1


def test_text_beside_a_video_that_cannot_be_read_is_said(videos, out):
    paths = videos(a="one")
    (videos.folder / "a.info.json").write_text("{half of it")
    (dry,) = run(paths, out, selection=Selection(dry=True)).notices
    (said,) = run(paths, out).notices
    assert (said.step, said.posts) == ("intake", 1)
    assert said.text.startswith("the text file next to the video could not be read")
    assert study_status(Study(out)).notices == [dry] == [said]


def test_a_changed_setting_needs_redo_and_is_named(videos, out):
    paths = videos(a="one")
    run(paths, out)
    loads()
    with pytest.raises(StudyError, match=r"speech\.language: none -> de.*--redo"):
        run(paths, out, options={"speech": {"language": "de"}})
    assert Study(out).options() == {}, "a refused run changes nothing"
    assert loads() == []
    done = run(paths, out, options={"speech": {"language": "de"}}, selection=Selection(redo=True))
    assert counts(done) == {"media": (0, 1, 0, 0), "speech": (1, 1, 0, 0)}
    assert loads() == ["speech"], "only the stage that reads the setting"
    assert run(paths, out).ok, "the study remembers it"
    assert loads() == []


def test_a_change_upstream_that_changes_nothing_stops_there(videos, out):
    paths = videos(a="one")
    run(paths, out)
    loads()
    run(paths, out, options={"media": {"max_keyframes": 2}}, selection=Selection(redo=True))
    assert loads() == ["media"], "speech reads the duration, which is the same"


def test_settings_of_several_steps_may_change_at_once(videos, out):
    paths = videos(a="one", b="two")
    run(paths, out)
    loads()
    both = {"media": {"max_keyframes": 2}, "speech": {"language": "de"}}
    assert [c.written for c in run(paths, out, options=both, selection=Selection(redo=True)).steps] == [2, 2]
    assert loads() == ["media", "speech"]
    assert counts(run(paths, out)) == {"media": (0, 2, 0, 0), "speech": (0, 2, 0, 0)}
    assert loads() == [], "what was made bears the fingerprint of what it was made from"


def test_until_and_only(videos, out):
    paths = videos(a="one")
    assert counts(run(paths, out, selection=Selection(until="media"))) == {"media": (1, 1, 0, 0)}
    assert loads() == ["media"]
    assert counts(run((), out, selection=Selection(only="speech"))) == {"speech": (1, 1, 0, 0)}
    assert loads() == ["speech"]
    with pytest.raises(ConfigError, match="there is no stage 'sing'"):
        run(paths, out, selection=Selection(only="sing"))
    with pytest.raises(ConfigError, match="cannot be used together"):
        run(paths, out, selection=Selection(only="speech", until="media"))


def test_a_dry_run_writes_nothing(videos, out):
    paths = videos(a="one", b="two")
    summary = run(paths, out, selection=Selection(dry=True))
    assert not out.exists()
    assert [c.due for c in summary.steps] == [2, 2]
    run(paths, out)
    before = records(out)
    videos(c="three")
    assert [c.due for c in run(paths, out, selection=Selection(dry=True)).steps] == [1, 1]
    assert records(out) == before


def test_shards_part_the_posts_between_them(videos, out):
    paths = videos(**{f"v{i}": "x" * (i + 1) for i in range(12)})
    first = run(paths, out, selection=Selection(shard=(1, 3)))
    assert 0 < first.posts < 12
    for i in (2, 3):
        run(paths, out, selection=Selection(shard=(i, 3)))
    loads()
    assert counts(run(paths, out))["speech"] == (0, 12, 0, 0)
    assert loads() == []


def test_chunks_give_the_same_records(videos, out, tmp_path):
    paths = videos(**{f"v{i}": "x" * (i + 1) for i in range(7)})
    run(paths, out)
    run(paths, tmp_path / "other", options={"work": {"chunk": 2, "jobs": 1}})
    assert records(out) == records(tmp_path / "other")


def test_resident_models_are_loaded_once_and_give_the_same_records(videos, out, tmp_path):
    paths = videos(**{f"v{i}": "x" * (i + 1) for i in range(7)})
    run(paths, out, options={"work": {"chunk": 3}})
    assert loads() == ["media", "speech"] * 3
    run(paths, tmp_path / "other", options={"work": {"chunk": 3, "resident": True}})
    assert loads() == ["media", "speech"]
    assert records(out) == records(tmp_path / "other")
    assert "resident" not in (tmp_path / "other" / "study.toml").read_text()


def test_where_not_all_models_fit_those_before_are_freed(videos, out, monkeypatch):
    """The model of speech loads here only while the other is not there."""
    make = toystages.ToySpeech.__init__

    def in_place_of_others(self, context):
        if toystages.LOADED.count("media") > toystages.LOADED.count("-media"):
            raise RuntimeError("CUDA out of memory")
        make(self, context)

    monkeypatch.setattr(toystages.ToySpeech, "__init__", in_place_of_others)
    said = Heard()
    paths = videos(**{f"v{i}": "x" * (i + 1) for i in range(4)})
    done = run(paths, out, options={"work": {"chunk": 2, "resident": True}}, progress=said)
    assert counts(done)["speech"] == (4, 4, 0, 0)
    assert loads() == ["media", "speech", "media"], "speech stays, media is loaded beside it"
    assert said.texts == ["speech: not all models fit into memory; the earlier ones were freed"]


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("std::bad_alloc")])
def test_where_memory_runs_out_while_a_post_is_prepared_the_others_are_done(videos, out, monkeypatch, error):
    prepare = toystages.ToyMedia.prepare

    def large(self, item):
        if prepare(self, item) == b"large":
            raise error
        return prepare(self, item)

    monkeypatch.setattr(toystages.ToyMedia, "prepare", large)
    done = run(videos(a="large", b="small"), out)
    (failure,) = Study(out).failures()
    assert failure.what == "memory ran out on this post alone" and "bug" not in failure.hint
    assert counts(done)["media"][1:3] == (1, 1)


def test_a_resident_model_that_cannot_be_loaded_stops_the_run_and_frees_the_others(videos, out, monkeypatch):
    def broken(self, context):
        raise ModelError("the weights are damaged")

    monkeypatch.setattr(toystages.ToySpeech, "__init__", broken)
    with pytest.raises(ModelError, match="damaged"):
        run(videos(a="one"), out, options={"work": {"resident": True}})
    assert loads() == ["media"]


def test_dropped_sound_is_made_again_when_needed(videos, out):
    paths = videos(a="one")
    run(paths, out, options={"work": {"keep_audio": False}})
    assert not list(Path(out).rglob("audio.flac"))
    loads()
    assert run(paths, out).ok
    assert loads() == [], "dropped files do not make finished work due"
    done = run((), out, options={"speech": {"language": "de"}}, selection=Selection(redo=True))
    assert counts(done)["speech"] == (1, 1, 0, 0)
    assert loads() == ["media", "speech"]
    assert not list(Path(out).rglob("audio.flac"))


def test_no_videos_and_no_paths_are_said(videos, out, tmp_path):
    with pytest.raises(InputError, match="no videos were found"):
        run(videos(), out)
    with pytest.raises(InputError, match="no posts yet"):
        run((), tmp_path / "new")


def test_the_log_has_timings_and_no_words(videos, out):
    run(videos(a="secretword", b="bad secretword"), out)
    text = "".join(p.read_text() for p in (Path(out) / "logs").iterdir())
    assert "secretword" not in text
    sweeps = [json.loads(line) for line in text.splitlines() if '"execute"' in line]
    assert {s["step"] for s in sweeps} == {"media", "speech"}
    assert all(s["peak_rss"] > 0 and s["seconds"] >= 0 for s in sweeps)


def test_status_changes_nothing(videos, out):
    run(videos(a="one", b="bad"), out)
    before = records(out)
    loads()
    summary = study_status(Study(out))
    assert counts(summary) == {"media": (0, 1, 1, 0), "speech": (0, 1, 0, 1)}
    assert loads() == []
    assert records(out) == before


SLOW_RUN = """
import sys, time
sys.path.insert(0, {root!r})
import valex_local.stages.registry as stages
from tests import toystages
from tests.pipeline.test_run import MEDIA, SPEECH
stages.STAGES = (MEDIA, SPEECH)
for toy in (toystages.ToyMedia, toystages.ToySpeech):
    prepare = toy.prepare
    toy.prepare = lambda self, item, prepare=prepare: (time.sleep(0.05), prepare(self, item))[1]
from valex_local.pipeline.run import run
run([{videos!r}], {out!r})
"""


@pytest.mark.parametrize("after", [0.3, 0.7, 1.1])
def test_killed_anywhere_and_run_again_gives_equal_records(videos, out, tmp_path, after):
    paths = videos(**{f"v{i:02}": "x" * (i + 1) for i in range(20)})
    run(paths, tmp_path / "undisturbed")
    code = SLOW_RUN.format(root=str(Path(__file__).parents[2]), videos=str(paths[0]), out=str(out))
    process = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    deadline = time.monotonic() + 60
    while not list(Path(out).glob("posts/*/media.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after - 0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert run(paths, out).ok
    assert records(out) == records(tmp_path / "undisturbed")


def test_the_real_stages_are_listed_in_order():
    names = ["media", "speech", "speakers", "ocr", "vision", "script", "grounding", "labels"]
    assert [spec.name for spec in STAGES] == names


ONE = "@u_video_7000000000000000001"


def test_one_path_may_be_a_string(videos, out):
    assert run(str(videos(a="one")[0]), out).posts == 1


def test_a_video_changed_within_a_run_fails_and_is_mended_by_the_next(videos, out, monkeypatch):
    paths = videos(**{ONE: "one"})
    close = toystages.ToyMedia.close

    def change(self):
        videos(**{ONE: "another"})
        close(self)

    monkeypatch.setattr(toystages.ToyMedia, "close", change)
    summary = run(paths, out)
    what = "the video has changed since it was added to the study"
    assert [(f.stage, f.what) for f in summary.failures] == [("speech", what)]
    monkeypatch.undo()
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    assert counts(run(paths, out)) == {"media": (1, 1, 0, 0), "speech": (1, 1, 0, 0)}


def test_a_stage_is_closed_after_its_threads(videos, out, monkeypatch):
    at_work, closed_at_work = [], []
    prepare = toystages.ToySpeech.prepare

    def slow(self, item):
        at_work.append(threading.get_ident())
        time.sleep(0.2)
        at_work.remove(threading.get_ident())
        return prepare(self, item)

    def stop(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(toystages.ToySpeech, "prepare", slow)
    monkeypatch.setattr(toystages.ToySpeech, "__call__", stop)
    monkeypatch.setattr(toystages.ToySpeech, "close", lambda _: closed_at_work.append(list(at_work)))
    with pytest.raises(KeyboardInterrupt):
        run(videos(**{f"v{i}": "x" * (i + 1) for i in range(9)}), out, options={"work": {"jobs": 3}})
    assert closed_at_work == [[]]


def test_a_failure_under_other_settings_is_none_now(videos, out, monkeypatch):
    paths = videos(a="one")
    run(paths, out)

    def broken(self, batch):
        raise InputError("not in German")

    monkeypatch.setattr(toystages.ToySpeech, "__call__", broken)
    german = {"speech": {"language": "de"}}
    assert not run(paths, out, options=german, selection=Selection(redo=True)).ok
    Study(out).save_options({})
    again = run(paths, out)
    assert counts(again)["speech"] == (0, 1, 0, 0)
    assert again.ok


def test_a_failure_belongs_to_one_shard(videos, out):
    paths = videos(a="one", b="two")
    for i in range(6):
        (videos.folder / f"gone{i}.mp4").symlink_to("nowhere")
    first = run(paths, out, selection=Selection(shard=(1, 2)))
    assert len(first.failures) == len(Study(out).failures()) < 6
    second = run(paths, out, selection=Selection(shard=(2, 2)))
    assert len(first.failures) + len(second.failures) == 6
    assert len(study_status(Study(out)).failures) == 6


def test_sound_that_cannot_be_made_again_is_a_failure_of_media(videos, out):
    paths = videos(a="one", b="two")
    run(paths, out, options={"work": {"keep_audio": False}})
    (videos.folder / "a.mp4").unlink()
    done = run((), out, options={"speech": {"language": "de"}}, selection=Selection(redo=True))
    assert [f.stage for f in done.failures] == ["media"]
    assert counts(done) == {"media": (0, 1, 1, 0), "speech": (1, 1, 0, 1)}


def test_a_dry_run_sees_what_changed_and_what_fails_once(videos, out, tmp_path):
    paths = videos(**{ONE: "one"}, b="two")
    (videos.folder / "gone.mp4").symlink_to("nowhere")
    run(paths, out)
    videos(**{ONE: "changed"}, c="three")
    dry = run(paths, out, selection=Selection(dry=True))
    assert [c.due for c in dry.steps] == [2, 2]
    assert (dry.posts, len(dry.failures)) == (3, 1)
    shards = [run(paths, out, selection=Selection(dry=True, shard=(i, 2))) for i in (1, 2)]
    assert sum(s.posts for s in shards) == 3
    assert sum(s.steps[0].due for s in shards) == 2
    assert sum(len(s.failures) for s in shards) == 1


def test_what_a_table_told_is_kept_by_runs_without_it(videos, out, tmp_path):
    paths = videos(**{ONE: "one"})
    table = tmp_path / "posts.csv"
    table.write_text("id,caption,genre\n7000000000000000001,thrift,vlog\n7000000000000000002,lost,vlog\n")
    dry = run(paths, out, meta=table, selection=Selection(dry=True))
    assert len(dry.unmatched) == 1
    run(paths, out, meta=table)
    run(paths, out)
    (post_id,) = Study(out).post_ids()
    assert Study(out).post(post_id).text.caption == "thrift"
    table.write_text("id,caption\n7000000000000000001,mended\n")
    run(paths, out, meta=table)
    text = Study(out).post(post_id).text
    assert (text.caption, text.genre) == ("mended", "vlog")
    with pytest.raises(ConfigError, match="Name them or their folders"):
        run((), out, meta=table)


def test_a_record_that_lacks_what_is_read_is_said(videos, out):
    paths = videos(a="one")
    run(paths, out, selection=Selection(until="media"))
    (post_id,) = Study(out).post_ids()
    for poor in ("{}", '{"schema_version": 1}'):
        (Study(out).folder(post_id) / "media.json").write_text(poor)
        assert run((), out, selection=Selection(only="speech")).ok
    (Study(out).folder(post_id) / "media.json").write_text('{"duration": "x"}')
    with pytest.raises(StudyError, match=r"not a readable Media record.*Delete the file"):
        run((), out, selection=Selection(only="speech"))
    assert run(paths, out).ok, "where media runs too it is made again"


# --- posts that people leave out, and lines that they correct --------------------------------------------------------


def test_an_excluded_post_is_not_worked_on(videos, out):
    paths = videos(a="one", b="two two")
    run(paths, out)
    study = Study(out)
    exclude(study, [posts(out)["a"]], "not in English", "anna")
    (study.folder(next(iter(study.left_out().excluded))) / "transcript.json").unlink()
    summary = run(paths, out)
    assert (summary.posts, counts(summary)["speech"]) == (1, (0, 1, 0, 0))
    assert summary.notes == ["1 post excluded: not in English (1)"]
    include(study, next(iter(study.left_out().excluded)))
    assert counts(run(paths, out))["speech"] == (1, 2, 0, 0)


def test_a_forgotten_post_does_not_come_back(videos, out):
    paths = videos(a="one", b="two two")
    run(paths, out)
    gone = posts(out)["a"]
    Study(out).forget(gone)
    summary = run(paths, out)
    assert gone not in Study(out).post_ids()
    assert [notice.code for notice in summary.notices] == ["forgotten"]
    assert not [path for path in out.rglob("*") if path.is_file() and gone.encode() in path.read_bytes()]
    include(Study(out), gone)
    run(paths, out)
    assert gone in Study(out).post_ids()


def test_a_study_that_forgot_everything_says_so(videos, out):
    paths = videos(a="one")
    run(paths, out)
    Study(out).forget(posts(out)["a"])
    with pytest.raises(InputError, match="asked to forget"):
        run(paths, out)


def test_corrections_survive_redo(videos, out):
    paths = videos(a="one", b="two two")
    run(paths, out)
    study, post_id = Study(out), posts(out)["a"]
    line = study.read(post_id, "transcript", Transcript).segments[0].id
    Editor(study, "anna").correct(post_id, line, Change(text="corrected by hand"))
    assert counts(run(paths, out))["speech"] == (0, 2, 0, 0), "a correction makes nothing due that it does not concern"
    run(paths, out, options={"speech": {"language": "de"}}, selection=Selection(redo=True))
    assert study.read(post_id, "transcript", Transcript).segments[0].text == "corrected by hand"
    assert study.read(post_id, "transcript", Transcript, as_found=True).segments[0].text != "corrected by hand"


def test_a_copied_record_is_the_one_found(videos, out):
    run(videos(a="same"), out)
    study, first = Study(out), posts(out)["a"]
    line = study.read(first, "transcript", Transcript).segments[0].id
    Editor(study, "anna").correct(first, line, Change(text="corrected by hand"))
    run(videos(b="same"), out)
    assert study.read(posts(out)["b"], "transcript", Transcript).segments[0].text != "corrected by hand"


def test_nobody_else_may_read_what_a_run_writes(videos, out):
    before = os.umask(0)
    try:
        run(videos(a="one", b="bad"), out)
        study = Study(out)
        line = study.read(posts(out)["a"], "transcript", Transcript).segments[0].id
        Editor(study, "anna").correct(posts(out)["a"], line, Change(text="x"))
        exclude(study, [posts(out)["a"]], "why", "anna")
    finally:
        os.umask(before)
    written = [out, *out.rglob("*")]
    assert len(written) > 8
    open_to_others = [path for path in written if path.stat().st_mode & 0o077]
    assert not open_to_others
