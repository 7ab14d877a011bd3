"""Growth: the lines through points, and clips that are equal work without being equal."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import scaling
from benchmarks.clip_variants import vary
from benchmarks.clips import BenchmarkClip, make_clip
from benchmarks.environment import Environment
from benchmarks.scaling import fit_line
from valex_local.settings import MediaSettings
from valex_local.stages.media.stage import read_media
from valex_local.store import Store
from valex_local.system.devices import Device

SMALL = st.floats(-1e3, 1e3)


@given(slope=SMALL, intercept=SMALL, xs=st.lists(st.integers(0, 500), min_size=2, max_size=8, unique=True))
def test_points_on_a_line_give_the_line(slope, intercept, xs):
    line = fit_line(xs, [intercept + slope * x for x in xs])
    assert line.slope == pytest.approx(slope, abs=1e-6)
    assert line.intercept == pytest.approx(intercept, abs=1e-4)
    assert line.error == pytest.approx(0, abs=1e-4)


@given(ys=st.lists(SMALL, min_size=4, max_size=4))
def test_no_other_line_is_nearer(ys):
    xs = (5, 10, 20, 40)
    line = fit_line(xs, ys)

    def squares(slope, intercept):
        return sum((intercept + slope * x - y) ** 2 for x, y in zip(xs, ys, strict=True))

    best = squares(line.slope, line.intercept)
    for by in (-0.1, 0.1):
        assert best <= squares(line.slope + by, line.intercept) + 1e-6
        assert best <= squares(line.slope, line.intercept + by) + 1e-6


def test_error_is_the_largest_distance():
    assert fit_line((0, 1, 2), (0, 3, 0)).error == pytest.approx(2)


@pytest.fixture
def env(tmp_path):
    return Environment(Store(tmp_path / "store"), Device("cpu", 2), tmp_path)


@pytest.fixture
def runs(monkeypatch):
    """Stands in for runs: a step that loads for 4 s, takes 3 s a post, and as many bytes as is said."""
    seen = []

    def put(cost=lambda n: 3 * n, rss=lambda n: 1000, loads=lambda n: 1):
        def run(env, videos, study):
            seen.append(list(videos))
            n = len(videos)
            one = {"step": "a", "load_seconds": 9.0, "load_cpu_seconds": 4.0, "seconds": 20.0, "peak_rss": rss(n)}
            extra = {**one, "cpu_seconds": 4.0}
            return ({**one, "cpu_seconds": 4.0 + cost(n)}, *[extra] * (loads(n) - 1))

        monkeypatch.setattr(scaling, "valex_run", run)
        monkeypatch.setattr(
            scaling,
            "make_clips",
            lambda folder, count, seconds, **_: tuple(
                BenchmarkClip(Path(f"{seconds:g}-{i}.mp4"), "", (), ()) for i in range(count)
            ),
        )
        monkeypatch.setattr(scaling, "vary", lambda clip, target, number: None)
        return seen

    return put


def test_equal_work_for_every_post_keeps_all_bars(env, runs):
    seen = runs()
    result = scaling.posts(env)
    assert result.held
    assert [len(clips) for clips in seen] == [5, 10, 20, 40]
    assert len(set(seen[-1])) == 40
    line = result.facts["lines"]["cpu_without_loading"]
    assert line["slope"] == pytest.approx(3) and line["intercept"] == pytest.approx(0, abs=1e-9)
    assert [point["x"] for point in result.facts["points"]] == [5, 10, 20, 40]


@pytest.mark.parametrize(
    ("how", "which"),
    [
        ({"cost": lambda n: 3 * n * (1.2 if n == 40 else 1)}, 0),
        ({"cost": lambda n: 3 * n * (0.8 if n == 40 else 1)}, 0),
        ({"loads": lambda n: 2 if n == 40 else 1}, 1),
        ({"rss": lambda n: 1060 if n == 40 else 1000}, 2),
    ],
)
def test_what_grows_misses_its_bar(env, runs, how, which):
    runs(**how)
    assert [check.held for check in scaling.posts(env).checks] == [n != which for n in range(3)]


def test_lengths_are_counted_in_seconds_of_video(env, runs):
    runs(cost=lambda n: 6)
    result = scaling.lengths(env)
    assert [point["x"] for point in result.facts["points"]] == [45, 180, 540]
    assert result.facts["lines"]["cpu_without_loading"]["slope"] == pytest.approx(0, abs=1e-9)


@pytest.mark.skipif(shutil.which("flite") is None, reason="there is no flite to speak with")
def test_a_copy_is_another_clip_with_the_same_in_it(tmp_path):
    clip, copy = tmp_path / "a.mp4", tmp_path / "b.mp4"
    make_clip(clip, 5, seed=4)
    vary(clip, copy, 20)
    one, other = (read_media(path, MediaSettings()) for path in (clip, copy))
    assert hashlib.sha256(clip.read_bytes()).digest() != hashlib.sha256(copy.read_bytes()).digest()
    assert one.record.audio.sha256 != other.record.audio.sha256
    assert other.record.shots == one.record.shots and other.record.keyframes == one.record.keyframes
    assert other.record.audio.rms_db == pytest.approx(one.record.audio.rms_db + 20 * np.log10(0.98), abs=0.1)
    assert other.record.duration == pytest.approx(one.record.duration, abs=0.1)
    assert (tmp_path / "b.description").read_text() == "Clip number 20."
