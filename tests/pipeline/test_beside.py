"""Labels by several models of one route: they stand side by side, no switch loses any, each model is loaded once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stages.labels.talk import script
from tests.stages.labels.tiny import save_model
from valex_local.errors import ConfigError, StudyError
from valex_local.pipeline.label import LabelOptions, label_study, plan_labels
from valex_local.pipeline.run import run, study_status
from valex_local.pipeline.selection import Selection
from valex_local.records import Calibration, Labels, Post
from valex_local.stages.labels.encoder import EncoderRoute
from valex_local.stages.labels.model import LabelModel
from valex_local.store import Store
from valex_local.store.store import LOCAL
from valex_local.study import LabelKey, Study
from valex_local.system import network_guard

POSTS = ("ann_7300000000000000001", "bob_7300000000000000002")
LABELS, REDO = Selection(only="labels"), Selection(only="labels", redo=True)


@pytest.fixture(autouse=True, scope="module")
def online() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_guard, "enter", lambda **_: None)
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three tiny label models, as settings name them."""
    root = tmp_path_factory.mktemp("models")
    return {name: f"{LOCAL}{save_model(root / name, name=name).folder}" for name in ("a", "b", "c")}


def make_study(root: Path, *scripts: str) -> Study:
    study = Study(root, create=True)
    for post_id in POSTS:
        study.write(post_id, "post", Post(id=post_id))
        for name in ("template", *scripts):
            study.write(post_id, f"script.{name}", script(f"the cat sat {post_id} {name}", name=name))
    study.save_options({"labels": {"scripts": list(scripts)}})
    return study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return make_study(tmp_path / "study", "hand")


def own(study: Study, model: str, selection: Selection = LABELS, **options: Any) -> list[str]:
    """Label with a model as the study's own and return the notes."""
    return run((), study.root, options={"models": {"labels": model}, **options}, selection=selection).notes


def beside(study: Study, model: str, name: str | None = None, **options: Any) -> list[str]:
    """Label with a model as `valex label --model` does and return the notes."""
    given = LabelOptions(model=model.removeprefix(LOCAL), name=name, **options)
    return label_study(study, plan_labels(given, study=study, store=Store())).notes


def found(study: Study) -> dict[tuple[str, str, str], str]:
    """Return all labels by post, name and model, as they are in their files."""
    return {
        (post_id, str(key), study.require(post_id, key.stem, Labels).source.model): path.read_text("utf-8")
        for post_id in study.post_ids()
        for key in study.label_keys(post_id)
        if (path := study.folder(post_id) / f"{key.stem}.json")
    }


def names(study: Study) -> set[tuple[str, str]]:
    return {(key, model) for _, key, model in found(study)}


def said(study: Study) -> set[tuple[str, str, str, str]]:
    """Return what each model said of each script, whatever the file is named."""
    return {(post, key.partition(".")[0], model, text) for (post, key, model), text in found(study).items()}


# --- side by side ---------------------------------------------------------------------------------------------------


def test_the_first_model_is_the_study_s_own_and_others_stand_beside(study: Study, models: dict[str, str]) -> None:
    beside(study, models["a"])
    assert names(study) == {("template.encoder", "a"), ("hand.encoder", "a")}
    assert study.options()["models"] == {"labels": models["a"]}
    before = found(study)
    notes = beside(study, models["b"])
    assert any("labels beside the study's own model: labels.<script>.encoder@b" in note for note in notes)
    assert names(study) == {
        (f"{s}.{by}", m) for s in ("template", "hand") for by, m in (("encoder", "a"), ("encoder@b", "b"))
    }
    assert {key: text for key, text in found(study).items() if key in before} == before
    assert study.options()["models"] == {"labels": models["a"]}
    assert study.options()["labels"]["beside"] == {"encoder@b": models["b"]}


def test_a_model_keeps_the_name_it_was_given(study: Study, models: dict[str, str]) -> None:
    beside(study, models["a"])
    beside(study, models["b"], "mine")
    before = found(study)
    beside(study, models["b"])
    assert found(study) == before
    assert study.options()["labels"]["beside"] == {"encoder@mine": models["b"]}
    with pytest.raises(ConfigError, match="encoder@mine of this study are by"):
        beside(study, models["c"], "mine")
    assert found(study) == before


@pytest.mark.parametrize("name", ["", "a.b", "a@b", "../a", "a/b", "ä", "a b", "x" * 65])
def test_names_that_end_no_file_are_refused(study: Study, models: dict[str, str], name: str) -> None:
    beside(study, models["a"])
    with pytest.raises(ConfigError, match="labels cannot be named"):
        beside(study, models["b"], name)
    assert names(study) == {("template.encoder", "a"), ("hand.encoder", "a")}


def test_the_model_of_before_can_be_named_to_keep_it(study: Study, models: dict[str, str]) -> None:
    """A profile may name another model today than when the study was labelled."""
    beside(study, models["a"])
    study.save_options({**study.options(), "models": {"labels": models["b"]}})
    before = found(study)
    beside(study, models["a"])
    assert found(study) == before
    assert study.options()["models"] == {"labels": models["a"]}


# --- a switch of the study's own model ------------------------------------------------------------------------------


def test_a_switch_needs_redo_and_keeps_the_labels_of_before(study: Study, models: dict[str, str]) -> None:
    own(study, models["a"])
    before = found(study)
    with pytest.raises(StudyError, match=r"would become outdated: model\.labels: a@") as raised:
        own(study, models["b"])
    assert "the labels by a are kept as encoder@a" in str(raised.value.hint)
    assert found(study) == before
    assert own(study, models["b"], REDO)[0] == "the labels by a are kept as encoder@a; new posts get them too"
    assert names(study) == {
        (f"{s}.{by}", m) for s in ("template", "hand") for by, m in (("encoder", "b"), ("encoder@a", "a"))
    }
    assert study.options()["labels"]["beside"] == {"encoder@a": models["a"]}
    assert not any(step.outdated or step.due for step in study_status(study, selection=LABELS).steps)


def test_back_and_forth_computes_nothing_again(
    study: Study, models: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own(study, models["a"])
    own(study, models["b"], REDO)
    study.write_calibration(LabelKey("template", "encoder"), Calibration(model="b", kind="cautious"))
    study.write_calibration(LabelKey("template", "encoder", "a"), Calibration(model="a", kind="validated"))
    before = said(study)
    monkeypatch.setattr(EncoderRoute, "__init__", lambda *_: pytest.fail("a model was loaded"))
    own(study, models["a"], REDO)
    assert said(study) == before
    assert names(study) == {
        (f"{s}.{by}", m) for s in ("template", "hand") for by, m in (("encoder", "a"), ("encoder@b", "b"))
    }
    assert study.options()["labels"]["beside"] == {"encoder@b": models["b"]}
    kinds = {
        path.name: Calibration.parse(path.read_bytes(), path=path).kind for path in study.root.glob("calibration.*")
    }
    assert kinds == {
        "calibration.template.encoder.json": "validated",
        "calibration.template.encoder@b.json": "cautious",
    }


def test_labels_by_a_model_that_is_gone_are_kept(study: Study, tmp_path: Path, models: dict[str, str]) -> None:
    gone = save_model(tmp_path / "gone", name="gone").folder
    own(study, f"{LOCAL}{gone}")
    gone.rename(tmp_path / "moved")
    (note, *_) = own(study, models["b"], REDO)
    assert note == "the labels by gone are kept as encoder@gone; that model is gone, so new posts get none"
    assert ("template.encoder@gone", "gone") in names(study) and ("template.encoder", "b") in names(study)
    assert "beside" not in study.options()["labels"]


def test_a_model_trained_again_replaces_its_labels(study: Study, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "mine", name="mine").folder
    own(study, f"{LOCAL}{folder}")
    save_model(folder, name="mine", domain="other nonsense")
    own(study, f"{LOCAL}{folder}", REDO)
    assert names(study) == {("template.encoder", "mine"), ("hand.encoder", "mine")}


def test_shards_keep_what_is_theirs(study: Study, models: dict[str, str]) -> None:
    own(study, models["a"])
    before = said(study)
    for shard in ((1, 2), (2, 2)):
        own(study, models["b"], Selection(only="labels", redo=True, shard=shard))
    assert before <= said(study)
    assert names(study) == {
        (f"{s}.{by}", m) for s in ("template", "hand") for by, m in (("encoder", "b"), ("encoder@a", "a"))
    }


STEPS = st.lists(
    st.tuples(st.sampled_from(["own", "beside"]), st.sampled_from("abc"), st.sampled_from([None, "x", "A"])),
    min_size=2,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=12)
@given(STEPS)
def test_no_order_of_models_loses_labels(models: dict[str, str], steps: list[tuple[str, str, str | None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        study = make_study(Path(folder) / "study")
        study.save_options({"models": {"labels": models["a"]}})
        for how, model, name in steps:
            before = said(study)
            with suppress(ConfigError):  # the name stands for another model
                own(study, models[model], REDO) if how == "own" else beside(study, models[model], name)
            assert before <= said(study)
        stated = {
            "encoder": study.options()["models"]["labels"],
            **study.options().get("labels", {}).get("beside", {}),
        }
        for key, model in names(study):
            assert stated[LabelKey.of(key).by] == models[model], "a name stands for one model"


# --- loads ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was loaded (+) and freed (-), in order."""
    seen: list[str] = []
    real: Callable[..., None] = LabelModel.__init__

    def load(self: LabelModel, folder: Path, **given: Any) -> None:
        seen.append(f"+{folder.name}")
        real(self, folder, **given)

    def close(self: EncoderRoute) -> None:
        seen.append(f"-{self.source.model}")

    monkeypatch.setattr(LabelModel, "__init__", load)
    monkeypatch.setattr(EncoderRoute, "close", close)
    return seen


def test_all_scripts_share_a_model_and_one_is_in_memory_at_a_time(
    study: Study, models: dict[str, str], loads: list[str]
) -> None:
    own(study, models["a"], labels={"scripts": ["hand"], "beside": {"encoder@b": models["b"]}})
    assert len(names(study)) == 4
    assert loads == ["+a", "-a", "+b", "-b"]


def test_a_model_stays_from_chunk_to_chunk(study: Study, models: dict[str, str], loads: list[str]) -> None:
    own(study, models["a"], work={"chunk": 1})
    assert loads == ["+a", "-a"]
