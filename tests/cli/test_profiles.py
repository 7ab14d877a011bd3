"""The settings of a profile count in every command, those of a profile file of the user's own included."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Call
from tests.comparison.made import make_study as make_compared
from tests.stages.labels.tiny import save_model
from valex_local.pipeline.summary import Summary
from valex_local.records import Dialogue, Labels, Post, Scene, Script, Sound
from valex_local.study import Study
from valex_local.system.devices import detect

POST = "ann_7300000000000000001"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a tiny label model."""
    return save_model(tmp_path_factory.mktemp("models") / "tiny").folder


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """A study of a post with a script by each writer."""
    study = Study(tmp_path / "study", create=True)
    study.write(POST, "post", Post(id=POST))
    sound = Sound(has_sound=True, has_verbal_sound=True, has_speech=True)
    for name in ("local", "template"):
        line = Dialogue(ref="S1", speaker="SPEAKER", text=f"the cat by {name}", start=0.0, end=1.0)
        written_by = "template" if name == "template" else "llm"
        scenes = (Scene(start=0.0, end=1.0, elements=(line,), written_by=written_by),)
        study.write(POST, f"script.{name}", Script(name=name, language="en", sound=sound, scenes=scenes))
    return study


@pytest.fixture
def language_models(call: Call) -> None:
    """Two language models on servers that do not run."""
    for name in ("mine", "other"):
        assert call("models", "add", "http://127.0.0.1:9", "--id", name, "--role", "llm").code == 0


def profile(path: Path, text: str) -> Path:
    """Write a profile of the user's own."""
    path.write_text(text, "utf-8")
    return path


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings that a run is given, which does nothing else."""
    found: dict[str, Any] = {}

    def run(*_: object, options: dict[str, Any], **__: object) -> Summary:
        found.update(options)
        return Summary(study="study", steps=[])

    monkeypatch.setattr("valex_local.pipeline.label.run", run)
    return found


def numbers(out: Path) -> list[str]:
    with out.open(encoding="utf-8", newline="") as file:
        return [row["p_present"] for row in csv.DictReader(file)]


# --- valex label ----------------------------------------------------------------------------------------------------


BESIDE = {"labels": {"beside": {"fewshot@other": "other"}}}
"""Settings with which another language model labels, and the one that wrote the scripts stays that of the study."""


@pytest.mark.parametrize("name", ["workstation", "server"])
def test_the_writer_of_a_profile_is_not_replaced_by_a_model_for_labels(
    call: Call, study: Study, language_models: None, given: dict[str, Any], name: str
):
    study.save_options({"profile": name})
    assert call("label", "-s", study.root, "--route", "fewshot", "--model", "other").code == 0
    assert given == BESIDE


@pytest.mark.parametrize(
    "settings",
    [
        '[settings.script]\nvariants = ["local"]',
        '[settings.vision.captions]\nwriter = "llm"',
        '[settings.script]\nvariants = ["local"]\n[settings.vision.captions]\nwriter = "llm"',
    ],
)
def test_nor_is_the_writer_of_a_profile_of_ones_own(
    call: Call, study: Study, language_models: None, given: dict[str, Any], tmp_path: Path, settings: str
):
    own = profile(tmp_path / "own.toml", f'[models]\nllm = "mine"\n{settings}\n')
    study.save_options({"profile": str(own)})
    assert call("label", "-s", study.root, "--route", "fewshot", "--model", "other").code == 0
    assert given == BESIDE


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ('[settings.script]\nvariants = ["local"]', "scripts"),
        ('[settings.vision.captions]\nwriter = "llm"', "captions"),
        ('[settings.script]\nvariants = ["local"]\n[settings.vision.captions]\nwriter = "llm"', "scripts and captions"),
    ],
)
def test_another_profile_is_refused_where_its_model_would_replace_the_writer(
    call: Call, study: Study, language_models: None, tmp_path: Path, settings: str, what: str
):
    before = profile(tmp_path / "before.toml", f'[models]\nllm = "mine"\n{settings}\n')
    after = profile(tmp_path / "after.toml", f'[models]\nllm = "other"\n{settings}\n')
    study.save_options({"profile": str(before)})
    done = call("label", "-s", study.root, "--route", "fewshot", "--profile", after)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"mine has written the {what} of this study: with other as its language model" in done.err
    assert not study.labels(POST, "local")


def test_a_profile_of_another_writer_leaves_the_settings(
    call: Call, study: Study, language_models: None, tmp_path: Path
):
    study.save_options({"profile": "workstation"})
    own = profile(tmp_path / "own.toml", '[models]\nllm = "mine"\n')
    before = (study.root / "study.toml").read_bytes()
    done = call("label", "-s", study.root, "--route", "fewshot", "--profile", own)
    assert (done.code, "with mine as its language model" in done.err) == (2, True)
    assert (study.root / "study.toml").read_bytes() == before


def test_where_no_language_model_writes_any_may_label(
    call: Call, study: Study, language_models: None, given: dict[str, Any]
):
    study.save_options({"profile": "demo"})
    assert call("label", "-s", study.root, "--route", "fewshot", "--model", "other").code == 0
    assert given == {"models": {"llm": "other"}, "labels": {"routes": ["encoder", "fewshot"]}}


@pytest.mark.parametrize("of_study", [False, True])
def test_the_integers_of_a_profile_count(call: Call, study: Study, model: Path, tmp_path: Path, of_study: bool):
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("the cat by local", "utf-8")
    own = profile(tmp_path / "own.toml", f'[models]\nlabels = "local-dir:{model}"\n[settings.labels]\nint8 = true\n')
    source: tuple[object, ...] = (texts,)
    if of_study:
        study.save_options({"profile": str(own)})
        source = ("-s", study.root)
    found = {}
    for name, options in {
        "profile": () if of_study else ("--profile", own),
        "int8": ("--model", model, "--int8"),
        "exact": ("--profile", own, "--no-int8"),
    }.items():
        out = tmp_path / f"{name}.csv"
        assert call("label", *source, "-o", out, "--as", "long", "--device", "cpu", *options).code == 0
        found[name] = numbers(out)
    assert found["profile"] == found["int8"] != found["exact"], "an option wins over the profile"


def test_the_integers_of_a_profile_count_in_the_study(call: Call, study: Study, model: Path, tmp_path: Path):
    own = profile(tmp_path / "own.toml", f'[models]\nlabels = "local-dir:{model}"\n[settings.labels]\nint8 = true\n')
    done = call("label", "-s", study.root, "--profile", own, "--device", "cpu")
    assert done.code == 0, done.err
    record = study.require(POST, "labels.template.encoder", Labels)
    assert record.made_by is not None and record.made_by.settings["int8"] is True
    assert study.options() == {"profile": str(own)}


def test_the_routes_of_a_profile_count(
    call: Call, study: Study, language_models: None, given: dict[str, Any], tmp_path: Path
):
    own = profile(tmp_path / "own.toml", '[models]\nllm = "mine"\n[settings.labels]\nroutes = ["fewshot", "direct"]\n')
    study.save_options({"profile": str(own)})
    done = call("label", "-s", study.root, "--model", "other")
    assert done.err == "valex: this study uses the routes fewshot and direct. Choose one with --route\n"
    assert call("label", "-s", study.root, "--route", "encoder").code == 0
    assert given["labels"] == {"routes": ["fewshot", "direct", "encoder"]}, "beside those of the profile"


def test_a_profile_that_is_none(call: Call, study: Study, tmp_path: Path):
    study.save_options({"profile": "workstatoin"})
    for words in (["label"], ["show"], ["compare", "local", "template"]):
        done = call(*words, "-s", study.root)
        assert done.err == "valex: there is no profile workstatoin. Did you mean workstation?\n", words


# --- valex show, valex compare --------------------------------------------------------------------------------------


def test_the_first_script_of_a_profile_is_shown(call: Call, study: Study, tmp_path: Path):
    assert "by template" in call("show", "-s", study.root).out, "that of the profile cpu"
    for name, first in (
        ("workstation", "template"),
        (profile(tmp_path / "a.toml", '[settings.script]\nvariants = ["template", "local"]\n'), "template"),
        (profile(tmp_path / "b.toml", '[settings.script]\nvariants = ["local", "template"]\n'), "local"),
    ):
        study.save_options({"profile": str(name)})
        done = call("show", "-s", study.root)
        assert (f"script.{first}" in done.out, f"by {first}" in done.out) == (True, True), name
    study.save_options({"profile": str(tmp_path / "b.toml"), "script": {"variants": ["template"]}})
    assert "by template" in call("show", "-s", study.root).out, "the study's own settings win"


def test_the_sentence_model_of_a_profile_compares(call: Call, tmp_path: Path):
    study = make_compared(tmp_path / "compared")
    own = profile(tmp_path / "own.toml", '[models]\nsentence = "micro-clip"\n')
    study.save_options({"profile": str(own)})
    done = call("compare", "a", "b", "-s", study.root, "--resamples", "0")
    assert done.code == 0, done.err
    printed = " ".join(done.out.split())
    assert "Similarity of meaning: not assessed because the model micro-clip is for the role clip, not" in printed


def test_the_device_of_a_profile_computes(call: Call, tmp_path: Path):
    if detect("auto").kind == "cuda":
        pytest.skip("there is a GPU")
    study = make_compared(tmp_path / "compared")
    own = profile(tmp_path / "own.toml", '[models]\nsentence = "minilm-l6"\n[settings.work]\ndevice = "cuda"\n')
    study.save_options({"profile": str(own)})
    done = call("compare", "a", "b", "-s", study.root, "--resamples", "0")
    assert (done.code, "cuda" in done.err) == (2, True)
    assert call("compare", "a", "b", "-s", study.root, "--resamples", "0", "--no-meaning").code == 0
