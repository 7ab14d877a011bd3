"""What a study costs to look at grows with its posts and no faster: time by ratio, memory and reading by count."""

import shutil
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

import valex_local.study
from tests import toystages
from tests.pipeline.test_run import MEDIA, SPEECH
from tests.studies import OPTIONS, MadeUpStore, make_study, make_videos
from valex_local.pipeline.plan import plan
from valex_local.pipeline.run import run, study_status
from valex_local.records import Failure, Media
from valex_local.stages.registry import record_type
from valex_local.study import Study

RECORDS = 14
"""Of a post: itself, media, transcript, text, captions, and two scripts, each with a grounding and two labels."""

FEW, MANY = 75, 300


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Videos and studies of few and of many posts, each in a folder of its size."""
    root = tmp_path_factory.mktemp("large")
    for posts in (FEW, MANY):
        (root / str(posts)).mkdir()
        make_study(root / str(posts) / "study", make_videos(root / str(posts) / "videos", posts))
    return root


@pytest.fixture(scope="module")
def store(root):
    return MadeUpStore(root / "store")


@pytest.fixture
def reads(monkeypatch):
    """How often each file of a study is read."""
    counted = Counter()
    read = valex_local.study.study.read_bytes

    def count(path):
        counted[str(path)] += 1
        return read(path)

    monkeypatch.setattr(valex_local.study.study, "read_bytes", count)
    return counted


def of_posts(reads):
    return Counter({path: times for path, times in reads.items() if "/posts/" in path})


def test_a_made_up_study_is_one_that_a_run_might_have_left(root, store):
    study = Study(root / str(FEW) / "study")
    summary = study_status(study, store)
    assert [c.current for c in summary.steps] == [FEW] * (RECORDS - 1)
    post_id = study.post_ids()[17]
    paths = sorted(study.folder(post_id).glob("*.json"))
    assert len(paths) == RECORDS
    for path in paths:
        record = study.require(post_id, path.stem, record_type(path.stem))
        assert record.to_json() == path.read_text("utf-8"), path.name
    assert 60_000 < sum(path.stat().st_size for path in paths) < 120_000


def test_status_reads_every_record_once(root, store, reads):
    study = Study(root / str(FEW) / "study")
    study_status(study, store)
    assert set(of_posts(reads).values()) == {1}
    assert len(of_posts(reads)) == FEW * RECORDS
    assert reads.total() - of_posts(reads).total() <= 2, "and the settings"


def test_a_run_with_nothing_due_reads_every_record_once(root, store, reads):
    summary = run((), root / str(FEW) / "study", store=store)
    assert sum(c.written for c in summary.steps) == 0
    assert set(of_posts(reads).values()) == {1}


def test_a_run_over_known_videos_reads_no_record_more_and_sums_no_video(root, store, reads, monkeypatch):
    monkeypatch.setattr("valex_local.files.checksums.sha256_of", lambda _: pytest.fail("a video was read again"))
    run(root / str(FEW) / "videos", root / str(FEW) / "study", store=store)
    assert {times for path, times in of_posts(reads).items() if not path.endswith("/post.json")} == {1}
    assert max(reads.values()) <= 2


def test_one_post_due_is_all_that_is_read_again(tmp_path, monkeypatch, reads):
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    videos = tmp_path / "videos"
    videos.mkdir()
    for i in range(30):
        (videos / f"v{i}.mp4").write_text("x" * (i + 1))
    run(videos, tmp_path / "study")
    due = Study(tmp_path / "study").post_ids()[7]
    (tmp_path / "study" / "posts" / due / "transcript.json").unlink()
    reads.clear()
    assert [c.written for c in run((), tmp_path / "study").steps] == [0, 1]
    again = {path for path, times in of_posts(reads).items() if times > 1}
    assert again
    assert {Path(path).parent.name for path in again} == {due}


def growth(task, *, posts):
    """Return the bytes of Python's memory that a task needs at its peak for each post more, and what it returns."""
    task(posts[0])  # what is loaded and kept once
    peaks = {count: [] for count in posts}
    # Twice each: the interpreter's own tables, such as that of interned strings, grow by megabytes once in a while.
    for count in (*posts, *posts):
        tracemalloc.start()
        result = task(count)
        peaks[count].append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    return (min(peaks[posts[1]]) - min(peaks[posts[0]])) / (posts[1] - posts[0]), result


def linked(source, out, posts):
    """Return a study of thousands of posts whose folders are those of a smaller one: as large to look at as any."""
    study = Study(out, create=True)
    study.save_options(source.options())
    folders = [source.folder(post_id).resolve() for post_id in source.post_ids()]
    for number in range(posts):
        study.folder(f"post-{number:06}").symlink_to(folders[number % len(folders)])
    return study


def test_status_holds_less_than_2_kb_a_post(root, store, tmp_path):
    source = Study(root / str(MANY) / "study")
    studies = {posts: linked(source, tmp_path / str(posts), posts) for posts in (200, 1200)}
    per_post, summary = growth(lambda posts: study_status(studies[posts], store), posts=(200, 1200))
    assert [c.current for c in summary.steps] == [1200] * (RECORDS - 1)
    assert per_post < 2000


def test_a_run_in_chunks_holds_little_of_posts_done(tmp_path, monkeypatch):
    monkeypatch.setattr("valex_local.stages.registry.STAGES", (MEDIA, SPEECH))
    monkeypatch.setattr("os.fsync", lambda _: None)
    for count in (50, 250):
        (tmp_path / f"videos{count}").mkdir()
        for i in range(count):
            (tmp_path / f"videos{count}" / f"v{i}.mp4").write_text(f"{i} {'words ' * 300}")

    def task(count):
        out = tmp_path / f"study{count}"
        shutil.rmtree(out, ignore_errors=True)
        return run(tmp_path / f"videos{count}", out, options={"work": {"chunk": 25, "jobs": 1}})

    per_post, summary = growth(task, posts=(50, 250))
    toystages.LOADED.clear()
    assert summary.steps[1].written == 250
    assert per_post < 6000, "a post found is 3 kB; its transcript alone would be more than 4"


def seconds(task):
    """Return the CPU seconds of a task, the best of three."""
    spent = []
    for _ in range(3):
        before = time.process_time()
        task()
        spent.append(time.process_time() - before)
    return min(spent)


def fail(root):
    """Have the first step failed for every post of a study."""
    study = Study(root)
    for post_id in study.post_ids():
        media = study.require(post_id, "media", Media)
        (study.folder(post_id) / "media.json").unlink()
        failure = Failure(post=post_id, stage="media", what="this is no video", fingerprint=media.fingerprint)
        (root / "failures" / f"{post_id}.media.json").write_text(failure.to_json(), "utf-8")
    return root


@pytest.mark.parametrize("what", ["status", "resume", "videos", "failures"])
def test_four_times_the_posts_take_four_times_as_long(root, store, what, tmp_path):
    def task(posts):
        study, videos = root / str(posts) / "study", root / str(posts) / "videos"
        if what == "status":
            return lambda: study_status(Study(study), store)
        if what == "failures":
            failed = fail(shutil.copytree(study, tmp_path / str(posts)))
            return lambda: study_status(Study(failed), store)
        return lambda: run(videos if what == "videos" else (), study, store=store)

    few, many = seconds(task(FEW)), seconds(task(MANY))
    assert many < 1.5 * MANY / FEW * few


def test_the_made_up_settings_have_all_kinds_of_steps():
    from valex_local.settings import make_settings

    assert len(plan(make_settings(OPTIONS))) == RECORDS - 1
