"""The rapidocr engine on drawn pictures."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.captioned import Caption, draw_captions
from valex_local.errors import ModelError
from valex_local.settings import OcrSettings
from valex_local.stages.ocr.rapid import DETECTOR, RECOGNISER, RapidOcrEngine
from valex_local.system.devices import Device

pytestmark = pytest.mark.slow
CPU = Device("cpu", 2)


@pytest.fixture(scope="module")
def model(stored_model):
    return stored_model("ppocrv6")


@pytest.fixture(scope="module")
def engine(model):
    built = RapidOcrEngine(model, OcrSettings(), CPU)
    yield built
    built.close()


def picture(width=720, height=1280, *captions):
    return draw_captions(np.full((height, width, 3), 70, np.uint8), captions, 0.0)


def test_lines_are_read_with_their_places(engine):
    upper, lower = Caption("Budget: $12.50", 0, 1, top=0.2), Caption("Not today, Maya!", 0, 1, top=0.7)
    first, second = engine.read(picture(720, 1280, upper, lower))
    assert (first.text, second.text) == (upper.text, lower.text)
    assert first.box.top == pytest.approx(0.2, abs=0.02)
    assert second.box.top == pytest.approx(0.7, abs=0.02)
    assert first.box.left + first.box.width / 2 == pytest.approx(0.5, abs=0.02)
    assert min(first.confidence, second.confidence) > 0.9


def test_two_readings_of_one_picture_are_equal(engine, model):
    drawn = picture(720, 1280, Caption("Equal\nevery time", 0, 1))
    other = RapidOcrEngine(model, OcrSettings(), Device("cpu", 1))
    assert engine.read(drawn) == engine.read(drawn)
    assert [r.text for r in engine.read(drawn)] == [r.text for r in other.read(drawn)]


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (40, 1280), (1280, 40), (7, 9)])
def test_an_empty_picture_of_any_shape_says_nothing(engine, shape):
    assert engine.read(np.full((*shape, 3), 128, np.uint8)) == []


def test_nothing_is_written_and_nothing_is_said(model, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted((p, p.stat().st_mtime_ns) for p in model.folder.iterdir())
    RapidOcrEngine(model, OcrSettings(), CPU).read(picture(720, 1280, Caption("quiet", 0, 1)))
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
    assert sorted((p, p.stat().st_mtime_ns) for p in model.folder.iterdir()) == before


def test_a_missing_file_is_named(model, tmp_path):
    with pytest.raises(ModelError, match=DETECTOR.replace(".", r"\.")):
        RapidOcrEngine(replace(model, folder=tmp_path), OcrSettings(), CPU)


def test_a_file_that_is_no_model_is_refused(model, tmp_path):
    (tmp_path / DETECTOR).write_bytes(b"no model")
    (tmp_path / RECOGNISER).write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot load"):
        RapidOcrEngine(replace(model, folder=tmp_path), OcrSettings(), CPU)


def test_a_recogniser_without_its_characters_is_refused_before_anything_is_fetched(model):
    options = {"recogniser": DETECTOR}
    with pytest.raises(ModelError, match="list of its characters"):
        RapidOcrEngine(replace(model, options=options), OcrSettings(), CPU)


def test_a_small_caption_of_a_large_picture_is_read(engine):
    drawn = Image.fromarray(picture(720, 1280, Caption("@small.watermark", 0, 1, size=20, outline=1)))
    assert [r.text for r in engine.read(np.asarray(drawn))] == ["@small.watermark"]
