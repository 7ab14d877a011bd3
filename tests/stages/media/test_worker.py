"""Videos are decoded in child processes: what breaks a child costs its post and no other."""

import os
from pathlib import Path

import pytest

from tests.clips import Scene, make_clip, tone
from valex_local.errors import InputError
from valex_local.files.checksums import sha256_of
from valex_local.records import Post, SourceFile
from valex_local.settings import MediaSettings, Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.media import MediaStage, worker
from valex_local.stages.media.stage import read_media
from valex_local.system.devices import Device


@pytest.fixture
def workers():
    made = worker.Workers()
    yield made
    made.close()


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "a.mp4", [Scene(1)], audio=tone(1))


def child_runs(monkeypatch, code):
    monkeypatch.setattr(worker, "_START", worker._START.replace("serve()", code))


def test_the_stage_gives_what_read_media_gives(tmp_path, clip):
    stage = MediaStage(Context(Settings(), {}, Device("cpu", 2)))
    video = SourceFile(path=str(clip), sha256=sha256_of(clip), size=clip.stat().st_size)
    try:
        output = stage.prepare(Item(Post(id="a", video=video), tmp_path))
    finally:
        stage.close()
    expected = read_media(clip, MediaSettings())
    assert output.record == expected.record and dict(output.files) == dict(expected.files)


def test_a_child_serves_many_posts(tmp_path, workers, clip):
    (tmp_path / "b.mp4").write_bytes(b"no video")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n.mp4"))
    odd.write_bytes(clip.read_bytes())
    pids = set()
    for _ in range(2):
        assert workers.read(clip, MediaSettings()) == workers.read(odd, MediaSettings())
        pids.add(workers._idle[0].pid)
    assert len(pids) == 1
    with pytest.raises(InputError, match=r"this is a text file, not a video \[.*b\.mp4\]\. Get the file again"):
        workers.read(tmp_path / "b.mp4", MediaSettings())


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("sys.stdin.buffer.readline(); import ctypes; ctypes.string_at(0)", "its decoder crashed"),
        ("sys.stdin.buffer.readline(); import os; os.kill(os.getpid(), 9)", "longer than its size allows"),
        ("serve.__globals__.update(FREE_CPU_SECONDS=0, CPU_SECONDS_PER_MEGABYTE=0); serve()", "than its size allows"),
    ],
)
def test_a_crash_is_a_failure_of_the_post(monkeypatch, workers, clip, code, says):
    with monkeypatch.context() as patched:
        child_runs(patched, code)
        with pytest.raises(InputError, match=says):
            workers.read(clip, MediaSettings())
    assert workers.read(clip, MediaSettings()).record.duration == pytest.approx(1, abs=0.1)


def test_memory_is_limited(monkeypatch, workers, tmp_path):
    child_runs(monkeypatch, "serve.__globals__.update(MEMORY=60 << 20); serve()")
    frames = make_clip(tmp_path / "a.mp4", [Scene(0.2)], width=2160, height=2880)
    with pytest.raises((MemoryError, InputError, RuntimeError)):
        workers.read(frames, MediaSettings())
