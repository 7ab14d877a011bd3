"""Writing that the recogniser does not know gives a notice and no text; turned lines are read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.captioned import font
from valex_local.records import Box
from valex_local.settings import OcrSettings
from valex_local.stages.ocr.rapid import RapidOcrEngine
from valex_local.stages.ocr.spans import ReadingSpan
from valex_local.stages.ocr.stage import unread_notices
from valex_local.stages.ocr.watermarks import is_watermark
from valex_local.system.devices import Device


@pytest.fixture(scope="module")
def engine(stored_model):
    built = RapidOcrEngine(stored_model("ppocrv6"), OcrSettings(), Device("cpu", 2))
    yield built
    built.close()


def draw(text: str, turned: int = 0, size: int = 40) -> np.ndarray:
    picture = Image.new("RGB", (640, 640), (60, 90, 120))
    ImageDraw.Draw(picture).text((320, 320), text, font=font(size), fill="white", anchor="mm")
    return np.asarray(picture.rotate(turned))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Самый лучший день", "Καλημέρα σε όλους", "شاهد حتى النهاية", "გამარჯობა ყველას"])
def test_unknown_writing_is_found_and_not_read(engine, text: str) -> None:
    assert [reading.text for reading in engine.read(draw(text))] == [""]


@pytest.mark.slow
@pytest.mark.parametrize("turned", [0, 90, 180])
@pytest.mark.parametrize("text", ["WATCH UNTIL THE END", "Watch until the end"])
def test_turned_lines_are_read(engine, text: str, turned: int) -> None:
    words = " ".join(reading.text for reading in engine.read(draw(text, turned))).split()
    assert sorted(words) == sorted(text.split())  # the detector may split a turned line


def span(start: float, end: float) -> ReadingSpan:
    return ReadingSpan("", Box(left=0, top=0, width=1, height=0.1), 0.9, start, end)


def test_the_notice_says_how_long() -> None:
    assert unread_notices([span(0, 0.5)]) == ()
    (notice,) = unread_notices([span(1, 3), span(2, 4), span(6, 7)])
    assert notice.code == "text-not-read" and "4.0 s, between 1.0 and 7.0 s" in notice.text


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("shutterstock", True),
        ("hutterstock", True),
        ("clideo.com", True),
        ("I love shutterstock", False),
        ("stock", False),
    ],
)
def test_watermarks(text: str, marked: bool) -> None:
    assert is_watermark(text) == marked
