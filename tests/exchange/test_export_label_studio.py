"""Label Studio: tasks, predictions and configuration, and predictions read back as annotations."""

from __future__ import annotations

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest

from tests.exchange.exported import NAMED, ONE, TWO, export, labels, make_study
from valex_local.corpus import read_sheet
from valex_local.exchange.export.label_studio import certainty
from valex_local.exchange.labels import import_labels
from valex_local.records import Labels, Script
from valex_local.rendering.render import render
from valex_local.schwartz import CIRCLE, State


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def tasks_of(folder):
    return json.loads((folder / "tasks.json").read_text("utf-8"))


def test_a_task_shows_script_and_video(study, tmp_path):
    found, folder = export(study, "labelstudio")
    assert sorted(path.name for path in folder.iterdir()) == ["config.xml", "tasks.json"]
    task = tasks_of(folder)[0]
    assert task["data"]["post"] == ONE
    assert task["data"]["script"] == render(study.read(ONE, "script.template", Script), "text")
    prefix, path = task["data"]["video"].split("?d=")
    assert prefix == "/data/local-files/"
    assert (tmp_path / unquote(path)) == tmp_path / "videos" / "clip 0.mp4"
    assert found.notices == [
        f"to show the videos, start Label Studio with LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={tmp_path}"
    ]


def test_predictions_say_what_the_labels_say(study):
    study.write(ONE, "labels.video.direct", labels((0.1, 0.9), (None, None), script="video", route="direct"))
    _, folder = export(study, "labelstudio")
    first, second = tasks_of(folder)
    assert [p["model_version"] for p in first["predictions"]] == [
        "template.encoder: encoder-model (cautious, from a probability of 0.6 on; not validated)",
        "video.direct: direct-model (cautious, from a probability of 0.6 on; not validated)",
    ]
    by_script, by_video = first["predictions"]
    assert [r["value"]["choices"] for r in by_script["result"][:3]] == [["present"], ["conflicted"], ["present"]]
    assert [r["score"] for r in by_script["result"][:4]] == [0.9, 0.8, 0.7, 0.9]
    assert by_script["score"] == round((0.9 + 0.8 + 0.7 + 16 * 0.9) / 19, 4)
    assert len(by_video["result"]) == 18, "what was not assessed is no prediction"
    ids = [r["id"] for task in (first, second) for p in task["predictions"] for r in p["result"]]
    assert len(ids) == len(set(ids))


def test_the_configuration_asks_for_what_the_predictions_answer(study):
    _, folder = export(study, "labelstudio")
    root = ElementTree.parse(folder / "config.xml").getroot()
    asked = {choices.attrib["name"]: [c.attrib["value"] for c in choices] for choices in root.iter("Choices")}
    assert list(asked) == [value.sheet_column for value in CIRCLE]
    shown = {
        element.attrib["name"]: element.attrib["value"].lstrip("$")
        for element in root.iter()
        if element.tag in ("Text", "Video")
    }
    for task in tasks_of(folder):
        assert set(shown.values()) <= set(task["data"])
        for result in task["predictions"][0]["result"]:
            assert result["value"]["choices"][0] in asked[result["from_name"]]
            assert result["to_name"] in shown
    assert all(choices.attrib["toName"] in shown for choices in root.iter("Choices"))


def test_scripts_whose_videos_are_gone(study):
    found, folder = export(study, "labelstudio", script="gemini")
    (task,) = tasks_of(folder)
    assert task == {
        "data": {"post": TWO, "script": render(study.read(TWO, "script.gemini", Script), "text"), "video": ""},
        "predictions": [],
    }
    assert "<Video" not in (folder / "config.xml").read_text()
    assert found.notices == ["1 × task without predictions: no labels"]


def test_labels_of_other_scripts_are_no_predictions(study):
    study.write(ONE, "labels.gemini.encoder", labels((0.8, 0.1), script="gemini"))
    study.write(ONE, "labels.video.direct", labels((0.8, 0.1), script="video", route="direct"))
    _, folder = export(study, "labelstudio", script="template")
    versions = [p["model_version"].partition(":")[0] for p in tasks_of(folder)[0]["predictions"]]
    assert versions == ["template.encoder", "video.direct"]


def test_predictions_come_back_as_annotations(study, tmp_path):
    _, folder = export(study, "labelstudio")
    tasks = tasks_of(folder)
    for number, task in enumerate(tasks):
        result = task["predictions"][0]["result"]
        task |= {
            "id": number,
            "annotations": [{"id": number, "completed_by": 1, "was_cancelled": False, "result": result}],
        }
    done = tmp_path / "project-1.json"
    done.write_text(json.dumps(tasks), "utf-8")
    found = import_labels([done], study.root, annotator="anna")
    assert found.ok and found.annotators["anna"].posts == 2
    read = read_sheet(study.root / "gold" / "anna.csv").labels["anna"]
    for row, post in enumerate(read.ids):
        record = study.read(post, "labels.template.encoder", Labels)
        assert [read.state(row, at) for at in range(len(CIRCLE))] == [label.state for label in record.values]
    assert set(read.ids) == {ONE, NAMED}
    assert not np.isnan(read.labels).any()


@pytest.mark.parametrize(
    ("pair", "state", "score"),
    [
        ((0.9, 0.2), State.PRESENT, 0.9),
        ((0.1, 0.7), State.CONFLICTED, 0.7),
        ((0.2, 0.3), State.ABSENT, 0.7),
        ((0.2, None), State.ABSENT, 0.8),
    ],
)
def test_certainty_is_the_probability_of_the_state(pair, state, score):
    first = labels(pair).values[0]
    assert (first.state, certainty(first)) == (state, score)
