"""A model remembers the posts that it learnt from, without naming them; who forgets one hears of it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.cli.conftest import Call, call
from valex_local.records import Post
from valex_local.schwartz import CIRCLE
from valex_local.stages.labels.card import CARD, LearntFrom, ModelCard, OutputRow, ValueOutputs
from valex_local.stages.labels.memory import models_that_learnt
from valex_local.store import Store
from valex_local.study import Study, custody

__all__ = ["call"]  # a fixture

NUMBERS = ("7300000000000000001", "7300000000000000002", "7300000000000000003")
POSTS = tuple(f"ann_{number}" for number in NUMBERS)

names = st.lists(st.text(min_size=1).map(str.strip).filter(bool), unique=True)


def write_model(folder: Path, learnt_from: LearntFrom | None) -> Path:
    folder.mkdir(parents=True)
    outputs = {CIRCLE[0]: ValueOutputs(present=OutputRow(row=0, threshold=0.5))}
    card = ModelCard(name=folder.name, domain="posts", window=16, overlap=0, outputs=outputs, learnt_from=learnt_from)
    (folder / CARD).write_text(card.to_json(), "utf-8")
    return folder


@given(names, names)
def test_one_can_ask_about_a_post_but_not_read_which_ones(learnt: list[str], asked: list[str]):
    memory = LearntFrom.of(learnt)
    assert memory.among(asked) == len({*learnt} & {*asked})
    assert memory == LearntFrom.of(reversed(learnt)), "a training can be repeated"
    assert all(re.fullmatch("[0-9a-f]{64}", one) for one in memory.posts)


def test_a_post_is_known_by_its_number_whatever_its_user_is_called_now():
    assert LearntFrom.of([POSTS[0]]).among([f"other.name_{NUMBERS[0]}"]) == 1


def test_whoever_forgets_a_post_hears_which_models_learnt_from_it(call: Call, tmp_path: Path):
    study = Study(tmp_path / "study", create=True)
    for post in POSTS:
        study.write(post, "post", Post(id=post))
    models = tmp_path / "models"
    learnt = write_model(models / "learnt", LearntFrom.of(POSTS[:2]))
    other = write_model(models / "other", LearntFrom.of(POSTS[2:]))
    older = write_model(models / "older", None)
    (broken := write_model(models / "broken", None) / CARD).write_text("{")
    gone = write_model(models / "gone", LearntFrom.of(POSTS))
    for folder in (learnt, other, older, broken.parent, gone):
        custody.add(study, custody.TRAINING, model=folder.name, folder=str(folder))
    shutil.rmtree(gone)
    done = call("forget", "-s", study.root, *POSTS[:2], "--yes")
    assert done.code == 0, done.err
    said = [line for line in done.out.splitlines() if "learnt from" in line]
    assert said == [f"learnt learnt from 2 posts of these: train it again, or delete it ({learnt})"]
    assert list(models_that_learnt(Store(tmp_path / "store"), POSTS[2:], custody.trained_models(study))) == [
        ("other", other, 1)
    ]
    rest = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert not any(number.encode() in rest for number in NUMBERS[:2]), "the models name no post"
