"""Who codes which posts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valex_local.errors import ConfigError, InputError
from valex_local.records import Post
from valex_local.review.gold import store_gold
from valex_local.review.plan import assigned, make_plan, progress, read_plan
from valex_local.schwartz import CIRCLE
from valex_local.study import Study
from valex_local.study.codings import change_coding
from valex_local.study.left_out import exclude


def made(folder: Path, posts: int) -> Study:
    study = Study(folder / "study", create=True)
    for number in range(posts):
        study.write(f"post{number}", "post", Post(id=f"post{number}"))
    return study


@settings(max_examples=30)
@given(st.integers(1, 25), st.integers(1, 4), st.floats(0, 1), st.integers(0, 5))
def test_every_post_is_coded_and_the_overlap_by_all(posts: int, coders: int, overlap: float, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        study, names = made(Path(folder), posts), [f"coder{n}" for n in range(coders)]
        plan = make_plan(study, names, overlap=overlap, seed=seed)
        assert plan == make_plan(study, names, overlap=overlap, seed=seed) == read_plan(study)
    shares = [set(share) for share in plan.coders.values()]
    assert set.union(*shares) == {f"post{n}" for n in range(posts)}
    common = round(overlap * posts)
    by_all = set.intersection(*shares)
    assert len(by_all) == (posts if coders == 1 else common)
    sizes = [len(share) for share in plan.coders.values()]
    assert max(sizes) - min(sizes) <= 1
    assert sum(sizes) == common * coders + posts - common


def test_a_plan_takes_a_sample(tmp_path: Path):
    study = made(tmp_path, 6)
    (study.root / "samples").mkdir()
    (study.root / "samples" / "first.csv").write_text(
        "post_id,inclusion_probability,stratum\npost1,0.5,a\npost4,0.5,b\n"
    )
    assert set(make_plan(study, ["anna"], sample="first").coders["anna"]) == {"post1", "post4"}
    (study.root / "samples" / "other.csv").write_text("post_id\npost1\n")
    for name in ("other", "missing"):
        with pytest.raises(InputError):
            make_plan(study, ["anna"], sample=name)
    study.forget("post4")
    assert read_plan(study).coders["anna"] == ("post1",)
    assert b"post4" not in b"".join(path.read_bytes() for path in study.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("names", [[], ["anna", "Anna"], ["a b"]])
def test_names_of_coders(tmp_path: Path, names: list[str]):
    with pytest.raises(ConfigError):
        make_plan(made(tmp_path, 2), names)


def test_who_is_not_in_the_plan_is_told(tmp_path: Path):
    study = made(tmp_path, 4)
    assert assigned(study, "anna") == ("post0", "post1", "post2", "post3")
    make_plan(study, ["anna", "ben"])
    exclude(study, [assigned(study, "anna")[0]], "broken", "anna")
    assert len(assigned(study, "anna")) == 1
    with pytest.raises(InputError, match="anna, ben"):
        assigned(study, "cleo")


def test_progress_and_gold(tmp_path: Path):
    study = made(tmp_path, 4)
    make_plan(study, ["anna", "ben"], overlap=0.5)
    first, second = assigned(study, "anna")[:2]
    change_coding(study, first, "anna", CIRCLE[3].value, {"state": "present", "dominant": True}, seen=0)
    assert store_gold(study, "anna") is None, "what is not finished is no gold label"
    change_coding(study, first, "anna", "done", True, seen=1)
    change_coding(study, second, "anna", "note", "hm", seen=0)
    assert [(one.coder, one.posts, one.done, one.begun) for one in progress(study)] == [
        ("anna", 3, 1, 1),
        ("ben", 3, 0, 0),
    ]
    rows = store_gold(study, "anna").read_text("utf-8").splitlines()
    assert len(rows) == 1 + len(CIRCLE)
    assert [row for row in rows if ",present" in row and CIRCLE[3].value in row]
    change_coding(study, first, "anna", "done", False, seen=9)
    assert store_gold(study, "anna") is None, "what was opened again is no gold label"
    assert not (study.root / "gold" / "anna.csv").exists()
