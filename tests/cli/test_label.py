"""`valex label`: bare texts into a CSV, scripts of a study into the study; what cannot be done is one line."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call
from tests.stages.labels.talk import Parrot, told
from tests.stages.labels.tiny import WORDS, save_model
from valex_local.corpus import read_sheet, read_texts
from valex_local.errors import InputError
from valex_local.llm import Reply
from valex_local.records import Action, Dialogue, Labels, LabelSource, Post, Scene, Script, Sound
from valex_local.schwartz import CIRCLE, State, Value
from valex_local.settings import make_settings
from valex_local.stages.labels.encoder import EncoderRoute
from valex_local.stages.labels.lines import LinedText
from valex_local.stages.labels.model import LabelModel
from valex_local.stages.labels.questions import Known, questions
from valex_local.stages.labels.routes import LabelTask
from valex_local.stages.labels.texts import label_texts
from valex_local.states import draw
from valex_local.store import Store
from valex_local.study import Study
from valex_local.system.devices import Device

CPU = Device("cpu", 1)
CODES = {State.CONFLICTED: "-1", State.ABSENT: "0", State.PRESENT: "1", State.NOT_ASSESSED: ""}
POST = "ann_7300000000000000001"
CAUTIOUS = "states: cautious, from a probability of 0.6 on; not validated"

AUTHORS_HEAD = (
    "video_id,1_Value1_Self_Direction_Thought_values,1_Value1_Self_Direction_Action_values,"
    "1_Value1_Stimulation_values,1_Value1_Hedonism_values,1_Value1_Achievement_values,1_Value1_Power_Resources_values,"
    "1_Value1_Power_dominance_values,1_Value1_Face_values,1_Value1_Security_Personal_values,"
    "1_Value1_Security_Social_values,1_Value1_Conformity_Rules_values,1_Value1_Conformity_Interpersonal_values,"
    "1_Value1_Tradition_values,1_Value1_Humility_values,1_Value1_Benevolence_Dependability_values,"
    "1_Value1_Benevolence_Care_values,1_Value1_Universalism_Concern_values,1_Value1_Universalism_Nature_values,"
    "1_Value1_Universalism_Tolerance_values,Has_sound,notes"
)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny label model for English nonsense."""
    return save_model(tmp_path_factory.mktemp("models") / "tiny").folder


@pytest.fixture
def valex(call: Call) -> Call:
    """Run the program in this process."""
    return call


def words(count: int, start: int = 0) -> str:
    return " ".join(WORDS[(i * 7 + start) % 12] for i in range(count))


TEXTS = {f"text{n}": words(5 * n + 1, n) for n in range(7)} | {POST: words(60)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "scripts"
    (made / "more").mkdir(parents=True)
    for name, text in TEXTS.items():
        (made / "more" / f"{name}.txt").write_text(text, "utf-8")
    (made / "more" / f"{POST}.txt").rename(made / "@ann_video_7300000000000000001.txt")
    return made


def table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- bare texts -----------------------------------------------------------------------------------------------------


def test_a_folder_in_the_shape_of_the_authors(valex: Call, folder: Path, model: Path, tmp_path: Path):
    out = tmp_path / "labels.csv"
    done = valex("label", folder, "-o", out, "--model", model, "--device", "cpu")
    assert done.code == 0
    first, warning, *_ = done.out.splitlines()
    assert first == f"8 texts labelled by tiny (nonsense; en): {out}"
    assert warning.startswith("These states are not validated")
    assert out.read_text("utf-8").splitlines()[0] == AUTHORS_HEAD
    loaded = LabelModel(model, device=CPU)
    rows = {row.pop("video_id"): row for row in rows_of(out)}
    assert list(rows) == [POST, *(name for name in TEXTS if name != POST)]
    for name, text in TEXTS.items():
        (scores,) = loaded.scores([text])
        record = Labels(script="text", source=LabelSource(route="encoder", model="tiny", domain="nonsense"))
        drawn = draw(record.model_copy(update={"values": loaded.labels(scores)}), None).values
        cells = {f"1_Value1_{label.value.sheet_column}_values": CODES[label.state] for label in drawn}
        assert rows[name] == {**cells, "Has_sound": "", "notes": f"tiny (nonsense); {CAUTIOUS}"}
    seen = {cell for row in rows.values() for column, cell in row.items() if column.endswith("_values")}
    assert seen == {"-1", "0", "1", ""}


@pytest.mark.parametrize("form", ["authors", "long"])
@pytest.mark.parametrize("kind", ["folder", "file", "csv", "tsv", "study"])
def test_every_source_and_shape_reads_back_to_the_same_answers(
    valex: Call, folder: Path, model: Path, study: Study, tmp_path: Path, kind: str, form: str
):
    named = {"csv": ("nr", "words"), "tsv": ("Video ID", "Was gesagt wird")}
    source, columns = [folder], {}
    if kind in named:
        id_column, text_column = named[kind]
        rows = [{id_column: name, "about": "x", text_column: text} for name, text in TEXTS.items()]
        source = [table(tmp_path / f"texts.{kind}", rows)]
        columns = {"id_column": id_column, "text_column": text_column}
    elif kind == "file":
        source = [folder / "more" / "text3.txt"]
    elif kind == "study":
        source = ["-s", study.root]
    out = tmp_path / "labels.csv"
    options = [part for name, column in columns.items() for part in (f"--{name.replace('_', '-')}", column)]
    done = valex("label", *source, "-o", out, "--as", form, "--model", model, "--device", "cpu", *options)
    assert done.code == 0, done.err
    given = label_texts(
        read_texts(source[-1], **columns), Store().local(model, "labels"), settings=make_settings({}), device=CPU
    ).answers
    assert len(given) == {"file": 1, "study": 2}.get(kind, 8)
    sheet = read_sheet(out)
    (read,) = sheet.labels.values()
    assert (sheet.kind, read.ids) == ("codes" if form == "authors" else "long", given.ids)
    at = [(row, column) for row in range(len(given)) for column in range(19)]
    assert [read.state(*cell) for cell in at] == [given.state(*cell) for cell in at]
    if form == "long":
        np.testing.assert_array_equal(read.labels, given.labels)
        np.testing.assert_array_equal(read.probabilities, given.probabilities)


def test_the_long_shape_says_whose_labels_these_are(valex: Call, folder: Path, model: Path, tmp_path: Path):
    out = tmp_path / "labels.csv"
    assert valex("label", folder, "-o", out, "--as", "long", "--model", model, "--language", "de").code == 0
    rows = rows_of(out)
    assert list(rows[0]) == [
        "post", "value", "state", "present", "conflicted", "dominant", "present_from", "conflicted_from", "model",
        "domain", "states", "notes",
    ]  # fmt: skip
    assert {(row["states"], row["present_from"]) for row in rows} == {("cautious", ""), ("cautious", "0.6")}
    assert len(rows) == 8 * 19
    assert [row["value"] for row in rows[:19]] == [value.value for value in CIRCLE]
    (scores,) = LabelModel(model, device=CPU).scores([TEXTS["text3"]])
    first = next(row for row in rows if row["post"] == "text3")
    (label, *_) = LabelModel(model, device=CPU).labels(scores)
    assert (float(first["present"]), float(first["conflicted"])) == (label.present, label.conflicted)
    assert {(row["model"], row["domain"]) for row in rows} == {("tiny", "nonsense")}
    assert all("language is de" in row["notes"] for row in rows)


def test_a_baseline_is_called_one(valex: Call, folder: Path, tmp_path: Path):
    baseline = save_model(tmp_path / "near", baseline="nearest word, not trained").folder
    out = tmp_path / "labels.csv"
    done = valex("label", folder, "-o", out, "--model", baseline)
    assert "baseline: nearest word, not trained" in done.out
    assert {row["notes"] for row in rows_of(out)} == {f"near (nearest word, not trained); {CAUTIOUS}"}
    valex("label", folder, "-o", out, "--model", baseline, "--as", "long")
    assert {row["baseline"] for row in rows_of(out)} == {"nearest word, not trained"}


def test_what_is_known_of_the_sound_is_kept(valex: Call, model: Path, tmp_path: Path):
    rows = [
        {"id": name, "text": "the cat", "Has_sound": cell} for name, cell in (("a", "True"), ("b", "no"), ("c", ""))
    ]
    out = tmp_path / "labels.csv"
    assert valex("label", table(tmp_path / "texts.csv", rows), "-o", out, "--model", model).code == 0
    assert {row["video_id"]: row["Has_sound"] for row in rows_of(out)} == {"a": "True", "b": "False", "c": ""}


def test_a_language_that_is_not_covered_is_labelled_marked_and_said(valex: Call, model: Path, tmp_path: Path):
    said = "the text's language is {}; the label model was made for: en"
    rows = [{"id": name, "text": words(9), "language": code} for name, code in (("a", "de-CH"), ("b", "en"), ("c", ""))]
    texts, out = table(tmp_path / "texts.csv", rows), tmp_path / "labels.csv"
    done = valex("label", texts, "-o", out, "--model", model)
    assert done.code == 0
    assert f"1 × {said.format('de')}" in done.out
    notes = {row["video_id"]: row["notes"] for row in rows_of(out)}
    whose = f"tiny (nonsense); {CAUTIOUS}"
    assert notes == {"a": f"{whose}; {said.format('de')}", "b": whose, "c": whose}
    (answers,) = read_sheet(out).labels.values()
    assert {answers.state(row, 4) for row in range(3)} <= {State.PRESENT, State.ABSENT}, "labelled all the same"
    done = valex("label", texts, "-o", out, "--model", model, "--language", "FR_fr")
    assert f"1 × {said.format('fr')}" in done.out
    assert said.format("fr") in rows_of(out)[2]["notes"]
    assert rows_of(out)[1]["notes"] == whose


def test_a_decisive_word_at_the_end_of_a_long_text_counts(valex: Call, tmp_path: Path):
    from safetensors.torch import load_file, save_file

    planted = save_model(tmp_path / "planted").folder
    with_it, without = f"{words(2000)} zebra", words(2001)
    encoder = LabelModel(planted, device=CPU)._encoder
    last = encoder.vectors([with_it])[0][-1]
    direction = last - encoder.vectors([without])[0].mean(0)
    head = load_file(planted / "head.safetensors")
    head["weight"][0] = direction / (direction @ direction) * 20
    head["bias"][0] = -(head["weight"][0] @ last) + 5
    save_file(head, planted / "head.safetensors")
    texts = table(tmp_path / "texts.csv", [{"id": "with", "text": with_it}, {"id": "without", "text": without}])
    out = tmp_path / "labels.csv"
    assert valex("label", texts, "-o", out, "--model", planted, "--as", "long").code == 0
    states = {row["post"]: row["state"] for row in rows_of(out) if row["value"] == CIRCLE[0].value}
    assert states["with"] == "present"
    assert states["without"] != "present"


def test_8_bits(valex: Call, folder: Path, model: Path, tmp_path: Path):
    exact, small = tmp_path / "exact.csv", tmp_path / "small.csv"
    for out, option in ((exact, "--no-int8"), (small, "--int8")):
        done = valex("label", folder, "-o", out, "--as", "long", "--model", model, "--device", "cpu", option)
        assert done.code == 0, done.err
    one, other = (read_sheet(path).labels[""].probabilities for path in (exact, small))
    assert 0 < np.nanmax(np.abs(one - other)) < 0.2


def test_texts_left_out_are_listed(valex: Call, folder: Path, model: Path, tmp_path: Path):
    (folder / "empty.txt").write_text(" \n", "utf-8")
    (folder / "clip.mp4").write_bytes(b"x")
    done = valex("label", folder, "-o", tmp_path / "labels.csv", "--model", model)
    assert done.code == 0
    assert "2 × left out: empty.txt: the file is empty; files that do not end in .txt: 1" in done.err
    assert len(rows_of(tmp_path / "labels.csv")) == 8


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{scripts}"], "these texts are in no study [{scripts}]. Name a file for the labels: -o labels.csv"),
        (["{none}"], "there is no such file or folder [{none}]"),
        (["{none}", "-o", "{out}"], "there is no such file or folder [{none}]"),
        (["{empty}", "-o", "{out}"], "this folder is not a study and contains no .txt files [{empty}]"),
        (["{latin}", "-o", "{out}"], "UTF-8"),
        (["{scripts}", "-o", "{out}", "--model", "minilm-definition"], "there is no model minilm-definition"),
        (["{scripts}", "-o", "{out}", "--model", "minilm-l6"], "minilm-l6"),
        (["{scripts}", "-o", "{out}", "--profile", "cpus"], "Did you mean cpu?"),
        (["{scripts}", "-o", "{none}/labels.csv"], "there is no such folder [{none}]"),
        (["{scripts}", "-o", "{empty}"], "this is a folder [{empty}]"),
        (["{csv}", "-o", "{csv}"], "the labels would replace the texts [{csv}]"),
        (["{csv}", "-o", "{out}", "--text-column", "txt"], "there is no column 'txt'"),
        (["{csv}", "-o", "{out}", "--id-column", "nr"], "there is no column 'nr'"),
        (["{scripts}", "-o", "{out}", "--language", "german"], "--language german: expected an ISO 639-1 code"),
        (["{scripts}", "-o", "{out}", "--redo"], "--redo is for labels that go into a study"),
        (["-s", "{study}", "--as", "long"], "--as is for labels that go into a file"),
        (["-s", "{study}", "--language", "de"], "--language is for labels that go into a file"),
        (["-s", "{study}", "--id-column", "id"], "--id-column is for labels that go into a file"),
        (["-s", "{study}", "--script", "gemini"], "no post of this study has script.gemini.json [{study}]"),
        (["-s", "{study}", "-o", "{out}", "--script", "gemini"], "script.gemini"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    valex: Call, folder: Path, study: Study, tmp_path: Path, arguments: list[str], said: str
):
    places = {name: tmp_path / name for name in ("none", "empty", "latin", "texts.csv", "labels.csv")}
    places["empty"].mkdir()
    places["latin"].mkdir()
    (places["latin"] / "a.txt").write_bytes("für".encode("latin-1"))
    table(places["texts.csv"], [{"id": "a", "text": "the cat"}])
    before = places["texts.csv"].read_bytes()
    named = {name.replace(".", "_"): path for name, path in places.items()} | {
        "scripts": folder,
        "study": study.root,
        "csv": places["texts.csv"],
        "out": places["labels.csv"],
    }
    done = valex("label", *(part.format(**named) for part in arguments))
    assert done.code == 2
    assert done.err.startswith("valex: ")
    assert said.format(**named) in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not places["labels.csv"].exists()
    assert places["texts.csv"].read_bytes() == before
    assert not list(study.root.glob("posts/*/labels.*"))


def test_a_folder_that_is_read_only_is_said_before_the_work(
    valex: Call, folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(LabelModel, "scores", lambda *_: pytest.fail("it was labelled all the same"))
    done = valex("label", folder, "-o", tmp_path / "labels.csv", "--model", model)
    assert (done.code, done.err) == (2, f"valex: this folder is not writable [{tmp_path}]. Name another\n")


def test_an_interrupt_leaves_what_was_there(
    valex: Call, folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    real, calls = LabelModel.scores_by_line, []

    def interrupted(self: LabelModel, texts: list[LinedText]) -> object:
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, texts)

    monkeypatch.setattr(LabelModel, "scores_by_line", interrupted)
    out = tmp_path / "out" / "labels.csv"
    out.parent.mkdir()
    done = valex("label", folder, "-o", out, "--model", model, "--device", "cpu")
    assert (done.code, len(calls)) == (130, 2)
    assert done.err.endswith("valex: interrupted. Nothing was written\n")
    assert list(out.parent.iterdir()) == []
    out.write_text("mine", "utf-8")
    calls.clear()
    assert valex("label", folder, "-o", out, "--model", model, "--device", "cpu").code == 130
    assert out.read_text("utf-8") == "mine"
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.slow
def test_a_signal_ends_it_at_once(model: Path, tmp_path: Path):
    rows = [{"id": f"t{n}", "text": words(6000, n)} for n in range(400)]
    texts, out = table(tmp_path / "texts.csv", rows), tmp_path / "out" / "labels.csv"
    out.parent.mkdir()
    command = [sys.executable, "-c", "from valex_local.cli import main; main()"]
    command += ["label", texts, "-o", out, "--model", model, "--device", "cpu"]
    environment = {**os.environ, "VALEX_MODELS": str(tmp_path / "store")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline() == "labels: 400 to do\n"
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        rest = running.stderr.read()
    assert running.returncode == 130, rest
    assert "Nothing was written" in rest
    assert list(out.parent.iterdir()) == []


# --- a study --------------------------------------------------------------------------------------------------------


def write_post(study: Study, post_id: str, said: str, *, language: str = "en") -> None:
    lines = (Dialogue(ref="S1", speaker="SPEAKER", text=said, start=0.0, end=1.0),)
    study.write(post_id, "post", Post(id=post_id))
    script = Script(
        name="template",
        language=language,
        sound=Sound(has_sound=True, has_verbal_sound=True, has_speech=True),
        scenes=(Scene(start=0.0, end=1.0, elements=lines, written_by="template"),),
    )
    study.write(post_id, "script.template", script)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of two posts whose videos are gone."""
    made = Study(tmp_path / "study", create=True)
    write_post(made, POST, words(20))
    write_post(made, "other", words(30, 5), language="de")
    return made


def place_script(study: Study, post_id: str, text: str, name: str = "gemini") -> None:
    """Write a script from elsewhere by hand."""
    line = {"kind": "dialogue", "ref": None, "speaker": "WOMAN", "text": text, "start": None, "end": None}
    scene = {"start": None, "end": None, "elements": [line], "written_by": "import"}
    data = {"name": name, "language": "en", "scenes": [scene]}
    (study.folder(post_id) / f"script.{name}.json").write_text(json.dumps(data), "utf-8")


def written(study: Study) -> dict[str, int]:
    """Return the label records of a study and when each was written."""
    return {str(p.relative_to(study.root)): p.stat().st_mtime_ns for p in study.root.glob("posts/*/labels.*.json")}


def test_a_study_is_labelled_where_it_is_due(valex: Call, study: Study, model: Path):
    done = valex("label", "-s", study.root, "--model", model, "--device", "cpu")
    assert done.code == 0, done.err
    first = written(study)
    assert set(first) == {f"posts/{post_id}/labels.template.encoder.json" for post_id in (POST, "other")}
    assert "2 posts, 0 failures" in done.out
    records = {post_id: study.require(post_id, "labels.template.encoder", Labels) for post_id in (POST, "other")}
    assert records[POST].notices == ()
    assert [notice.code for notice in records["other"].notices] == ["language-not-covered"]
    assert len(records["other"].values) == 19, "labelled all the same"
    assert "notice *   1  labels.template.encoder: the text's language is de" in done.out

    write_post(study, "third", words(8))
    assert valex("label", "-s", study.root, "--device", "cpu").code == 0, "the model is remembered"
    again = written(study)
    assert len(again) == 3
    assert {name: again[name] for name in first} == first, "what is done is left alone"
    texts = {text.where: text.text for text in read_texts(study.root)}
    (scores,) = LabelModel(model, device=CPU).scores([texts["third"]])
    values = study.require("third", "labels.template.encoder", Labels).values
    assert [(label.present, label.conflicted) for label in values] == [
        (label.present, label.conflicted) for label in LabelModel(model, device=CPU).labels(scores)
    ]


def test_another_model_labels_beside_the_study_s_own(valex: Call, study: Study, model: Path, tmp_path: Path):
    other = save_model(tmp_path / "other model.1", domain="other nonsense").folder
    assert valex("label", "-s", study.root, "--model", model).code == 0
    before = written(study)
    done = valex("label", "-s", study.root, "--model", other, "--redo")
    assert done.code == 0, done.err
    assert "labels.<script>.encoder@other-model-1" in done.out.replace("\n", " ")
    new = set(written(study)) - set(before)
    assert new == {f"posts/{post_id}/labels.template.encoder@other-model-1.json" for post_id in (POST, "other")}
    assert {name: written(study)[name] for name in before} == before
    shown = valex("show", "-s", study.root, POST)
    assert "encoder@other-model-1" in shown.out and "other nonsense" in shown.out.replace("\n", " ")
    done = valex("label", "-s", study.root, "--model", other, "--name", "a.b")
    assert (done.code, "labels cannot be named 'a.b'" in done.err) == (2, True)
    done = valex("label", "-s", study.root, "--name", "b")
    assert (done.code, "Add --model" in done.err) == (2, True)
    out = tmp_path / "labels.csv"
    done = valex("label", "-s", study.root, "-o", out, "--model", other, "--name", "b")
    assert (done.code, "--name is for labels that go into a study" in done.err) == (2, True)


def test_a_script_without_some_of_its_elements_is_labelled_beside_the_whole_one(
    valex: Call, study: Study, model: Path, tmp_path: Path
):
    for post_id in (POST, "other"):
        whole = study.require(post_id, "script.template", Script)
        seen = Action(text=words(12, 3), start=0.0, end=1.0)
        scene = whole.scenes[0].model_copy(update={"elements": (seen, *whole.scenes[0].elements)})
        study.write(post_id, "script.template", whole.model_copy(update={"scenes": (scene,)}))
    options = ("-s", study.root, "--device", "cpu")
    assert valex("label", *options, "--model", model).code == 0
    before = written(study)
    assert valex("label", *options, "--script", "template", "--without", "action").code == 0
    assert {name: written(study)[name] for name in before} == before
    keys = ("labels.template.encoder", "labels.template~action.encoder")
    of_whole, of_view = (study.require(POST, key, Labels) for key in keys)
    said = f'SPEAKER: "{words(20)}"\n\nSound: yes, speech\n'
    (scores,) = LabelModel(model, device=CPU).scores([said])
    in_view = LabelModel(model, device=CPU).labels(scores)
    assert [label.present for label in of_view.values] == [label.present for label in in_view]
    assert of_view.values != of_whole.values
    assert of_view.fingerprint != of_whole.fingerprint
    assert of_view.script == "template~action"
    shown = valex("show", "-s", study.root, POST).out
    assert "template.encoder:" in shown and "template~action.encoder:" in shown
    done = valex("label", *options, "--script", "template", "--without", "action")
    assert (done.code, set(written(study))) == (0, {f"posts/{p}/{key}.json" for p in (POST, "other") for key in keys})

    place_script(study, POST, words(3))
    out = tmp_path / "labels.csv"
    done = valex("label", *options, "-o", out, "--script", "template", "--without", "action,heading")
    assert done.code == 0, done.err
    assert {row["video_id"] for row in rows_of(out)} == {POST, "other"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--without", "action"), "--without needs to know of which scripts"),
        (("--script", "template", "--without", "pictures"), "What can be left out: action, heading, screen_text, post"),
        (("--script", "gemini", "--without", "action"), "no post of this study has script.gemini~action.json"),
        (("--script", "template", "--without", "action,heading,screen_text,post,speech"), "nothing would be left"),
    ],
)
def test_what_cannot_be_left_out_is_said(valex: Call, study: Study, model: Path, options: tuple[str, ...], said: str):
    done = valex("label", "-s", study.root, "--model", model, *options)
    assert (done.code, said in done.err.replace("\n", " ")) == (2, True), done.err


def test_texts_and_videos_have_no_elements_to_leave_out(
    valex: Call, parrot: Parrot, folder: Path, study: Study, tmp_path: Path
):
    done = valex("label", folder, "-o", tmp_path / "labels.csv", "--without", "action")
    assert (done.code, "--without is for the scripts of a study" in done.err) == (2, True)
    options = ("--route", "direct", "--model", "parrot", "--script", "template", "--without", "action")
    done = valex("label", "-s", study.root, *options)
    assert (done.code, "the route direct labels videos, not scripts" in done.err) == (2, True)


def test_what_a_study_remembers_holds_for_a_file_too(valex: Call, study: Study, model: Path, tmp_path: Path):
    assert valex("label", "-s", study.root, "--model", model, "--int8", "--device", "cpu").code == 0
    out = tmp_path / "labels.csv"
    done = valex("label", "-s", study.root, "-o", out, "--as", "long", "--device", "cpu")
    assert done.code == 0, done.err
    assert {row["model"] for row in rows_of(out)} == {"tiny"}
    given = study.require(POST, "labels.template.encoder", Labels).values
    found = [row for row in rows_of(out) if row["post"] == POST]
    assert [float(row["present"]) for row in found[:5]] == [label.present for label in given[:5]]
    assert valex("label", "-s", study.root, "-o", out, "--as", "long", "--device", "cpu", "--no-int8").code == 0
    assert [row for row in rows_of(out) if row["post"] == POST] != found
    assert study.options()["labels"] == {"int8": True}, "a file changes nothing in the study"


def test_8_bits_are_remembered_until_taken_back(valex: Call, study: Study, model: Path):
    assert valex("label", "-s", study.root, "--model", model, "--device", "cpu").code == 0
    exact = study.require(POST, "labels.template.encoder", Labels)
    done = valex("label", "-s", study.root, "--int8", "--device", "cpu")
    assert (done.code, "labels.int8: none -> True" in done.err) == (2, True)
    assert valex("label", "-s", study.root, "--int8", "--device", "cpu", "--redo").code == 0
    assert study.require(POST, "labels.template.encoder", Labels).values != exact.values
    assert valex("label", "-s", study.root, "--device", "cpu").code == 0
    assert study.options()["labels"] == {"int8": True}
    assert valex("label", "-s", study.root, "--no-int8", "--device", "cpu", "--redo").code == 0
    assert study.require(POST, "labels.template.encoder", Labels).values == exact.values


def test_a_script_from_elsewhere_is_labelled_beside_our_own(valex: Call, study: Study, model: Path):
    assert valex("label", "-s", study.root, "--model", model).code == 0
    before = written(study)
    place_script(study, POST, words(12, 3))
    done = valex("label", "-s", study.root, "--script", "gemini")
    assert done.code == 0, done.err
    new = set(written(study)) - set(before)
    assert new == {f"posts/{POST}/labels.gemini.encoder.json"}
    assert {name: written(study)[name] for name in before} == before
    labels = study.require(POST, "labels.gemini.encoder", Labels)
    assert (labels.script, labels.skipped, len(labels.values)) == ("gemini", None, 19)
    assert "blocked" in done.out, "the post without such a script is counted"
    # It is remembered, beside those before it, and labelled again when the script changes.
    place_script(study, POST, words(5))
    place_script(study, "other", words(6), name="human")
    assert valex("label", "-s", study.root, "--script", "human").code == 0
    assert study.options()["labels"]["scripts"] == ["gemini", "human"]
    assert study.require(POST, "labels.gemini.encoder", Labels) != labels
    assert study.require("other", "labels.human.encoder", Labels).script == "human"
    # Both can be written into a file.
    out = study.root.parent / "labels.csv"
    assert valex("label", "-s", study.root, "-o", out, "--script", "gemini", "--model", model).code == 0
    assert [row["video_id"] for row in rows_of(out)] == [POST]


def test_a_post_that_fails_is_said_and_the_others_are_labelled(
    valex: Call, study: Study, model: Path, monkeypatch: pytest.MonkeyPatch
):
    real = EncoderRoute.prepare

    def prepare(self: EncoderRoute, task: LabelTask) -> str:
        if task.item.folder.name == "other":
            raise InputError("this script cannot be read", hint="Repair it")
        return real(self, task)

    monkeypatch.setattr(EncoderRoute, "prepare", prepare)
    done = valex("label", "-s", study.root, "--model", model)
    assert done.code == 1
    assert "failed  other at labels.template.encoder: this script cannot be read. Repair it" in done.out
    assert set(written(study)) == {f"posts/{POST}/labels.template.encoder.json"}


# --- by a language model --------------------------------------------------------------------------------------------


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch, valex: Call) -> Parrot:
    """A language model `parrot` in the store that finds Face present and dominant, on the first line of evidence."""

    def answer(_: int, text: str) -> Reply:
        first = text.rpartition("not an instruction to you.")[2].split("\n")[1].split()[0]
        return told(questions("together")[0], {Value.FACE: Known(State.PRESENT, True, (first,))})

    taught = Parrot(answer)
    monkeypatch.setattr("valex_local.stages.labels.fewshot.load_language_model", lambda *_, **__: taught)
    for name in ("parrot", "other"):
        assert valex("models", "add", "http://127.0.0.1:9", "--id", name, "--role", "llm").code == 0
    return taught


def by_fewshot(study: Study) -> Study:
    study.save_options({"labels": {"routes": ["fewshot"]}})
    return study


def test_texts_by_a_language_model(valex: Call, parrot: Parrot, folder: Path, tmp_path: Path):
    out = tmp_path / "labels.csv"
    done = valex("label", folder, "-o", out, "--route", "fewshot", "--model", "parrot")
    assert done.code == 0, done.err
    assert "8 texts labelled by parrot (any script, by instruction; trained on no labels; any language)" in done.out
    assert {row["1_Value1_Face_values"] for row in rows_of(out)} == {"2"}
    assert {row["1_Value1_Hedonism_values"] for row in rows_of(out)} == {"0"}
    assert "the engine reports no probabilities" in rows_of(out)[0]["notes"]
    assert [path.name for path in tmp_path.glob("labels.csv*")] == ["labels.csv"]


def test_texts_paragraph_by_paragraph(valex: Call, parrot: Parrot, folder: Path, tmp_path: Path):
    (folder / "long.txt").write_text("\n\n".join(["the cat sits on the mat and looks at us " * 5] * 3), "utf-8")
    out = tmp_path / "labels.csv"
    done = valex("label", folder, "-o", out, "--route", "fewshot", "--model", "parrot", "--ask", "scenes")
    assert done.code == 0, done.err
    assert len(parrot.asked) == 8 + 3
    by_id = {row["video_id"]: row for row in rows_of(out)}
    assert "3 paragraphs, asked in 3 windows and pooled" in by_id["long"]["notes"]
    assert "asked as a whole (1 paragraph)" in by_id["text0"]["notes"]
    assert by_id["long"]["1_Value1_Face_values"] == "2", "each of them is dominated by it"


def test_a_text_that_cannot_be_labelled_is_said_and_the_others_stand(
    valex: Call, parrot: Parrot, folder: Path, tmp_path: Path
):
    (folder / "long.txt").write_text("w" * 90_000, "utf-8")
    out = tmp_path / "labels.csv"
    done = valex("label", folder, "-o", out, "--route", "fewshot", "--model", "parrot")
    assert done.code == 1
    assert "not labelled: long: the question alone exceeds the context" in done.err
    by_id = {row["video_id"]: row for row in rows_of(out)}
    assert (by_id["long"]["1_Value1_Face_values"], by_id["text0"]["1_Value1_Face_values"]) == ("", "2")
    assert "not labelled: the question alone" in by_id["long"]["notes"]


def test_a_study_by_its_own_route(valex: Call, parrot: Parrot, study: Study):
    done = valex("label", "-s", by_fewshot(study).root, "--model", "parrot", "--ask", "together")
    assert done.code == 0, done.err
    record = study.require(POST, "labels.template.fewshot", Labels)
    assert (record.source.model, record.values[7].evidence) == ("parrot", ("S1",))
    assert record.figures is not None and record.figures.questions == 1
    assert study.options()["models"] == {"llm": "parrot"}
    shown = valex("show", "--study", study.root, POST)
    assert "(dominant)" in shown.out and " S1" in shown.out
    study.write(POST, "labels.video.direct", record.model_copy(update={"script": "video"}))
    assert valex("show", "--study", study.root, POST).out.count(": parrot (") == 2, "labels of the video itself too"


def test_another_language_model_labels_beside_the_one_that_writes_the_scripts(
    valex: Call, parrot: Parrot, study: Study
):
    study.save_options({"labels": {"routes": []}, "script": {"variants": ["template", "local"]},
                        "models": {"llm": "parrot"}})  # fmt: skip
    done = valex("label", "-s", study.root, "--route", "fewshot", "--model", "other")
    assert done.code == 0, done.err
    assert set(written(study)) == {f"posts/{p}/labels.template.fewshot@other.json" for p in (POST, "other")}
    assert study.require(POST, "labels.template.fewshot@other", Labels).source.model == "other"
    assert study.options()["models"] == {"llm": "parrot"}
    assert study.options()["labels"] == {"routes": [], "beside": {"fewshot@other": "other"}}
    asked = len(parrot.asked)
    assert valex("label", "-s", study.root).code == 0
    assert len(parrot.asked) == asked, "nothing is due"
    # The writer itself labels as the study's own, and another profile would replace it.
    assert valex("label", "-s", study.root, "--route", "fewshot", "--model", "parrot").code == 0
    assert study.require(POST, "labels.template.fewshot", Labels).source.model == "parrot"


def test_a_profile_whose_language_model_would_leave_scripts_outdated_is_refused(
    valex: Call, parrot: Parrot, study: Study
):
    study.save_options({"script": {"variants": ["template", "local"]}, "profile": "workstation"})
    before = (study.root / "study.toml").read_bytes()
    done = valex("label", "-s", study.root, "--profile", "server")
    assert (done.code, "has written the scripts of this study" in done.err) == (2, True)
    assert (study.root / "study.toml").read_bytes() == before


def gold_sheet(path: Path, known: dict[str, str]) -> Path:
    columns = [f"1_Value1_{value.sheet_column}_values" for value in CIRCLE]
    rows = [{"video_id": name, **dict.fromkeys(columns, ""), columns[column(known[name])]: "present"} for name in known]
    return table(path, rows)


def column(name: str) -> int:
    return [value.value for value in CIRCLE].index(name)


def test_examples_out_of_a_sheet_of_labels(valex: Call, parrot: Parrot, folder: Path, tmp_path: Path):
    known = {"text1": "Face", "text2": "Hedonism", "text3": "Face", "text4": "Tradition", "nowhere": "Face"}
    sheet = gold_sheet(tmp_path / "sheet.csv", known)
    how = ("--route", "fewshot", "--model", "parrot", "--shots", "1", "--folds", "2", "--group", "none")
    done = valex("label", folder, "-o", tmp_path / "labels.csv", *how, "--labels", sheet)
    assert done.code == 0, done.err
    assert "1 × labels without a text: nowhere" in done.err
    assert done.err.count("texts after text") == 3, "two folds, and the texts without labels"
    assert len(parrot.asked) == 8
    for asked in parrot.asked:
        rules, shown_lines = asked["messages"][0].content, asked["messages"][1].parts[0]
        drawn = rules.partition("Labelled by people")[2].partition("\n")[2].partition("\n")[0]
        assert drawn and drawn not in shown_lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--shots", "2"], "--labels"),
        (["--labels", "x.csv"], "--shots N"),
        (["--folds", "3"], "--shots N"),
        (["--shots", "2", "--labels", "x.csv"], "--route fewshot"),
        (["--ask", "one"], "--route fewshot"),
        (["--route", "direct"], "labels videos, not texts"),
        (["--route", "fewshot", "--int8"], "--int8 is for label models"),
        (["--script", "gemini"], "--script is for the scripts of a study"),
    ],
)
def test_options_that_would_say_nothing(valex: Call, parrot: Parrot, folder: Path, options: list[str], said: str):
    done = valex("label", folder, "-o", folder / "out.csv", *options)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert parrot.asked == []


def test_a_study_of_several_routes_must_be_told_which(valex: Call, parrot: Parrot, study: Study):
    study.save_options({"labels": {"routes": ["fewshot", "direct"]}})
    done = valex("label", "-s", study.root, "--model", "parrot")
    assert (done.code, "uses the routes fewshot and direct" in done.err) == (2, True)


def test_a_study_of_imported_scripts_says_which_can_be_labelled(
    valex: Call, tmp_path: Path, folder: Path, model: Path
) -> None:
    study = tmp_path / "a study"
    assert valex("import", "scripts", folder, "--name", "theirs", "-s", study, "--new-posts").code == 0
    done = valex("label", "-s", study, "--model", model)
    assert done.code == 1
    assert "nothing was labelled; 8 posts have script.theirs: --script theirs" in " ".join(done.out.split())
    assert valex("show", "Text3.txt", "-s", study).out.startswith("text3-"), "posts are found by any of their names"
