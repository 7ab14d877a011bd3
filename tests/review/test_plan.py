"""Who codes which posts."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands import valex
from valex_local.errors import ConfigError, InputError
from valex_local.files.tables import write_table
from valex_local.records import Post
from valex_local.review.plan import make_plan, posts_of, read_sample
from valex_local.study import Study
from valex_local.study.codings import read_plan

NAMES = ("anna", "ben", "carla", "dora")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = Study(tmp_path / "study", create=True)
    for number in range(20):
        made.write(f"p{number:02}", "post", Post(id=f"p{number:02}"))
    return made


@given(count=st.integers(1, 60), coders=st.integers(1, 4), overlap=st.floats(0, 1), seed=st.integers())
def test_every_post_is_coded_and_work_is_divided_evenly(count, coders, overlap, seed):
    posts = [f"p{n}" for n in range(count)]
    plan = make_plan(posts, NAMES[:coders], overlap=overlap, seed=seed)
    assert sorted(one.post for one in plan.assignments) == sorted(posts)
    load = Counter(name for one in plan.assignments for name in one.coders)
    assert max(load.values()) - min(load[name] for name in NAMES[:coders]) <= 1
    if coders > 1:
        shared = sum(len(one.coders) == coders for one in plan.assignments)
        assert all(len(one.coders) in (1, coders) for one in plan.assignments)
        assert shared == min(count, max(round(overlap * count), int(overlap > 0)))
    assert plan == make_plan(posts[::-1], NAMES[:coders], overlap=overlap, seed=seed)


def test_posts_of_everybody_are_not_the_first_ones():
    plan = make_plan([f"p{n}" for n in range(40)], NAMES[:2], overlap=0.5, seed=1)
    assert 5 < sum(len(one.coders) == 2 for one in plan.assignments[:20]) < 15


@pytest.mark.parametrize("coders", [[], ["anna", "Anna"], ["adjudicated"], ["../x"], ["a b"]])
def test_wrong_coders_are_refused(coders):
    with pytest.raises(ConfigError):
        make_plan(["p"], coders)


def test_the_commands_write_a_plan_and_show_how_far_it_is(study: Study):
    words = ("-s", study.root, "--coders", "anna, ben", "--overlap", 0.3, "--seed", 1)
    made = valex("review", "plan", *words)
    assert made.returncode == 0, made.stderr
    assert "20 posts, 6 of them coded by everybody" in made.stdout
    assert "anna: 13 posts" in made.stdout
    again = valex("review", "plan", *words)
    assert again.returncode == 2 and "--replace" in again.stderr
    assert valex("review", "plan", *words, "--replace").returncode == 0
    assert valex("review", "status", "-s", study.root).stdout.splitlines() == [
        "anna: 0 of 13 done, 0 begun", "ben: 0 of 13 done, 0 begun",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="only anna, ben"):
        posts_of(study, read_plan(study), "carla")


def test_a_plan_takes_a_sample(study: Study):
    (study.root / "samples").mkdir()
    rows = [["post_id", "inclusion_probability", "stratum"], ["p03", 0.1, "a"], ["p05", 0.1, "b"], ["gone", 0.1, "b"]]
    write_table(study.root / "samples" / "first.csv", rows)
    assert read_sample(study, "first").posts == ("p03", "p05")
    made = valex("review", "plan", "-s", study.root, "--coders", "anna", "--sample", "first")
    assert made.returncode == 0, made.stderr
    assert "does not hold 1 post of the sample" in made.stderr
    plan = read_plan(study)
    assert plan is not None and plan.sample == "first"
    assert sorted(posts_of(study, plan, "anna")) == ["p03", "p05"]


def test_a_table_that_is_no_sample_is_refused(study: Study, tmp_path: Path):
    write_table(tmp_path / "a.csv", [["id"], ["p03"]])
    with pytest.raises(InputError, match="no column post_id"):
        read_sample(study, str(tmp_path / "a.csv"))
