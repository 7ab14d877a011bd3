"""The bundled detectors on photographs that installed packages bring, and through the stage."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.stages.vision.test_vision_stage import post
from valex_local.errors import ModelError
from valex_local.records import Captions
from valex_local.settings import make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.script import ScriptStage
from valex_local.stages.vision import VisionStage
from valex_local.stages.vision.detectors import Detectors
from valex_local.store import Store, StoredModel
from valex_local.system.devices import Device

DEVICE = Device("cpu", 1)


@pytest.fixture(scope="module")
def model() -> StoredModel:
    return Store().find("detectors")


@pytest.fixture(scope="module")
def detectors(model: StoredModel) -> Detectors:
    return Detectors(model, DEVICE)


@pytest.fixture(scope="module")
def portrait() -> Path:
    """An officer in uniform with a tie, before a flag."""
    matplotlib = pytest.importorskip("matplotlib")
    return Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"


def pixels(path: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    image = Image.open(path).convert("RGB")
    return np.asarray(image if size is None else image.resize(size))


def test_a_portrait_shows_one_person_her_face_and_her_tie(detectors: Detectors, portrait: Path):
    found = detectors(pixels(portrait))
    assert found.people == 1
    assert {one.name for one in found.objects} == {"person", "tie"}
    (face,) = found.faces
    assert 0.3 < face.box.left < 0.36 and 0.2 < face.box.top < 0.26, "fractions of the picture"
    assert 0.3 < face.box.width < 0.45 and face.score > 0.85


def test_pictures_without_people_show_none(detectors: Detectors):
    images = Path(pytest.importorskip("sklearn").__file__).parent / "datasets" / "images"
    for name in ("china.jpg", "flower.jpg"):
        found = detectors(pixels(images / name))
        assert (found.people, found.faces, found.objects) == (0, (), ())


@pytest.mark.parametrize("shape", [(1, 1), (9, 500), (500, 9), (768, 432)])
def test_any_shape_is_looked_at_and_boxes_stay_inside(detectors: Detectors, shape):
    found = detectors(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
    for one in (*found.objects, *found.faces):
        assert one.box.left + one.box.width <= 1.0001 and one.box.top + one.box.height <= 1.0001


def test_a_picture_beside_black_is_found_at_its_place(detectors: Detectors, portrait: Path):
    right = np.zeros((600, 1000, 3), np.uint8)
    right[:, 500:] = pixels(portrait, (500, 600))
    (face,) = detectors(right).faces
    assert 0.6 < face.box.left < 0.75


def test_record_and_script_say_what_is_seen(tmp_path: Path, model: StoredModel, portrait: Path):
    item = post(tmp_path / "one", [(120, 120, 120)] * 2)
    for name in ("K1", "K2"):
        shutil.copy(portrait, item.folder / "keyframes" / f"{name}.jpg")
    stage = VisionStage(Context(make_settings({}), {"detector": model}, DEVICE))
    (output,) = stage([stage.prepare(item)])
    record = output.record
    assert isinstance(record, Captions)
    assert [k.people for k in record.keyframes] == [1, 1] and record.keyframes[0].faces
    assert [tag.label for tag in record.keyframes[0].tags] == ["one person", "a tie"]
    assert [notice.code for notice in record.notices] == ["no-tags"]
    assert Captions.parse(record.to_json()) == record
    written = ScriptStage(Context(make_settings({}), {}, DEVICE, "template"))
    both = Item(item.post, item.folder, {**item.records, "captions": record, **_silent()})
    (script,) = written([written.prepare(both)])
    assert [e.text for e in script.record.scenes[0].elements] == ["One person; a tie."]


def _silent() -> dict:
    from valex_local.records import ScreenText, Transcript

    return {"transcript": Transcript(), "text": ScreenText()}


def test_equal_pictures_have_equal_records_whatever_the_batch(tmp_path: Path, model: StoredModel, portrait: Path):
    items = [post(tmp_path / str(n), [(200, 30, 30)] * n) for n in (1, 3)]
    for item in items:
        shutil.copy(portrait, item.folder / "keyframes" / "K1.jpg")
    stage = VisionStage(Context(make_settings({}), {"detector": model}, DEVICE))
    prepared = [stage.prepare(item) for item in items]
    together = [output.record for output in stage(prepared)]
    assert together == [stage([one])[0].record for one in prepared]


@pytest.mark.parametrize("broken", ["objects.onnx", "classes.toml"])
def test_a_broken_file_of_the_model_is_named(tmp_path: Path, model: StoredModel, broken: str):
    from dataclasses import replace

    copy = shutil.copytree(model.folder, tmp_path / "copy")
    (copy / broken).write_bytes(b"threshold = 2\n")
    with pytest.raises(ModelError, match=r"ONNX Runtime cannot load|threshold"):
        Detectors(replace(model, folder=copy), DEVICE)
