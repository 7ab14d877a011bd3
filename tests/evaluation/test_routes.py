"""Labels of routes read from files, model directories and studies."""

import json

import numpy as np
import pytest

from tests.evaluation.made import noisy, paper_gold
from valex_local.corpus.label_matrix import LabelMatrix
from valex_local.corpus.writers import write_authors, write_long
from valex_local.errors import InputError
from valex_local.evaluation.routes import read_source
from valex_local.records import Labels, LabelSource, Post, PostText, SourceFile, ValueLabel
from valex_local.schwartz import CIRCLE, State
from valex_local.stages.labels.card import ModelCard
from valex_local.study import Study

NUMBER = "7301234567890123456"


@pytest.fixture(scope="module")
def gold():
    return paper_gold().take(range(40))


def model_directory(folder, gold, *, group="author"):
    (folder / "training").mkdir(parents=True)
    users = {name: name.split("_")[0] for name in gold.ids}
    write_long(folder / "training" / "gold.csv", {"": gold}, extra={"group": users})
    write_long(folder / "training" / "predictions.csv", {str(seed): noisy(gold, 2, seed) for seed in range(3)})
    for name in ("majority", "tfidf", "always-yes"):
        write_long(folder / "training" / f"baseline-{name}.csv", {"0": noisy(gold, 0.5, 9)})
    (folder / "training" / "recipe.json").write_text(json.dumps({"options": {"group": group}}))
    outputs = {value: {"present": {"row": row, "threshold": 0.5}} for row, value in enumerate(CIRCLE)}
    card = ModelCard(name="a model", domain="short videos", languages=("en",), window=128, overlap=0, outputs=outputs)
    (folder / "labels.json").write_text(card.to_json())
    return folder


def same(one: LabelMatrix, other: LabelMatrix):
    return one.ids == other.ids and np.array_equal(one.labels, other.labels, equal_nan=True)


def test_a_label_file_is_a_route_named_after_it(tmp_path, gold):
    write_authors(tmp_path / "annotator.csv", gold)
    (route,) = read_source(str(tmp_path / "annotator.csv")).routes
    assert (route.name, route.baseline, len(route.runs)) == ("annotator", False, 1)
    assert same(route.runs[0], gold)


def test_a_name_may_stand_before_a_path(tmp_path, gold):
    path = tmp_path / "a=b.csv"
    write_authors(path, gold)
    assert read_source(str(path)).routes[0].name == "a=b"
    assert read_source(f"mine={path}").routes[0].name == "mine"


def test_runs_of_a_file_are_runs_of_one_route(tmp_path, gold):
    runs = {str(seed): noisy(gold, 2, seed) for seed in range(3)}
    write_long(tmp_path / "predictions.csv", runs)
    (route,) = read_source(str(tmp_path / "predictions.csv")).routes
    assert len(route.runs) == 3
    assert all(same(a, b) for a, b in zip(route.runs, runs.values(), strict=True))


def test_a_model_directory_brings_gold_baselines_and_groups(tmp_path, gold):
    source = read_source(str(model_directory(tmp_path / "encoder", gold)))
    assert [(r.name, r.baseline, len(r.runs)) for r in source.routes] == [
        ("encoder", False, 3),
        ("always-yes", True, 1),
        ("majority", True, 1),
        ("tfidf", True, 1),
    ]
    assert source.routes[0].about == "out of fold; trained on short videos (en)"
    assert same(source.gold, gold)
    assert source.grouped_by == "author"
    assert source.groups["author"][gold.ids[3]] == "user3"


def test_a_model_is_named_after_its_folder_even_from_inside(tmp_path, gold, monkeypatch):
    monkeypatch.chdir(model_directory(tmp_path / "encoder", gold))
    assert read_source(".").routes[0].name == "encoder"
    assert read_source("mine=.").routes[0].name == "mine"


def test_a_broken_recipe_is_reported(tmp_path, gold):
    folder = model_directory(tmp_path / "encoder", gold)
    (folder / "training" / "recipe.json").write_text("{}")
    with pytest.raises(InputError, match="recipe cannot be read"):
        read_source(str(folder))


def labels(state, route="encoder", model="minilm"):
    present = 0.9 if state is State.PRESENT else 0.1
    values = tuple(ValueLabel(value=value, present=present, state=state) for value in CIRCLE)
    return Labels(
        script="template",
        source=LabelSource(route=route, model=model, domain="English arguments", languages=("en",)),
        values=values,
    )


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study", create=True)
    videos = {f"anna_{NUMBER}": f"/v/@anna_video_{NUMBER}.mp4", "clip-01234567": "/v/Clip.mp4"}
    for post_id, path in videos.items():
        study.write(post_id, "post", Post(id=post_id, video=SourceFile(path=path, sha256="0" * 64, size=1)))
        study.write(post_id, "labels.template.encoder", labels(State.PRESENT))
    study.write("clip-01234567", "labels.gemini.fewshot", labels(State.ABSENT, "fewshot", "qwen"))
    study.write(
        f"anna_{NUMBER}",
        "labels.gemini.fewshot",
        Labels(script="gemini", skipped="no words", source=labels(State.ABSENT).source),
    )
    study.write(
        "no-video",
        "post",
        Post(id="no-video", text=PostText(url=f"https://www.tiktok.com/@berta/video/{NUMBER[:-1]}7")),
    )
    return study


def test_every_script_and_route_of_a_study_is_a_route(study):
    source = read_source(str(study.root))
    assert [r.name for r in source.routes] == ["gemini.fewshot", "template.encoder"]
    fewshot, encoder = (r.runs[0] for r in source.routes)
    assert set(encoder.ids) == {f"anna_{NUMBER}", "clip-01234567"}
    assert (encoder.labels[..., 0] == 1).all()
    assert np.isnan(encoder.labels[..., 1]).all()
    assert np.isnan(fewshot.of([f"anna_{NUMBER}"]).labels).all(), "a skipped post says nothing"
    assert (fewshot.of(["clip-01234567"]).labels[..., 0] == 0).all()
    assert source.routes[1].about == (
        "labels by minilm, domain: English arguments (en); states cautious, from a probability of 0.6 on; not validated"
    )
    assert [r.name for r in read_source(f"mine={study.root}").routes] == [
        "mine.gemini.fewshot",
        "mine.template.encoder",
    ]


def test_a_study_brings_its_posts_and_gold_labels(study):
    (study.root / "gold").mkdir()
    (study.root / "gold" / "anna.csv").write_text("not read here")
    source = read_source(str(study.root))
    assert [post.id for post in source.posts] == study.post_ids()
    assert source.gold_files == (study.root / "gold" / "anna.csv",)


def test_what_holds_no_labels_is_reported(tmp_path, study, gold):
    with pytest.raises(InputError, match="no such file"):
        read_source(str(tmp_path / "none.csv"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"is not a study and has no training/predictions\.csv"):
        read_source(str(tmp_path / "folder"))
    folder = model_directory(tmp_path / "encoder", gold)
    (folder / "training" / "predictions.csv").unlink()
    with pytest.raises(InputError, match="a label model without the predictions"):
        read_source(str(folder))
    empty = Study(tmp_path / "empty", create=True)
    with pytest.raises(InputError, match=r"no labels.*valex run"):
        read_source(str(empty.root))
