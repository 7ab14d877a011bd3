"""Writing that the recogniser does not know gives a notice, turned lines are read, and scraps stay out of scripts."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.captioned import font
from valex_local.records import Box, Track
from valex_local.settings import OcrSettings
from valex_local.stages.ocr.left_out import PART, SCRAP, WATERMARK, left_out_notices, mark
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


LINE, INSIDE, ELSEWHERE = (
    Box(left=0.2, top=0.4, width=0.6, height=0.1),
    Box(left=0.3, top=0.41, width=0.2, height=0.08),
    Box(left=0.2, top=0.8, width=0.2, height=0.1),
)


def track(number: int, text: str, start: float, end: float, box: Box = LINE) -> Track:
    return Track(id=f"T{number}", text=text, start=start, end=end, box=box, confidence=0.99, readings=1)


def reasons(*tracks: Track) -> list[str | None]:
    return [track.left_out for track in mark(tracks)]


@pytest.mark.parametrize(
    ("part", "whole", "left_out"),
    [
        (track(1, "ORA", 0.8, 1.1, INSIDE), track(2, "SORA", 1.1, 2.6), PART),
        (track(1, "Keep laundy", 0, 0.3, INSIDE), track(2, "Keep laundry pacs away", 0, 6), PART),
        (track(1, "laundry pacs", 2, 4, INSIDE), track(2, "Keep laundry pacs away", 0, 6), PART),
        (track(1, "ORA", 0.1, 1.1, INSIDE), track(2, "SORA", 1.1, 2.6), None),  # stood for a second of its own
        (track(1, "I", 0.1, 0.4, INSIDE), track(2, "think", 0.4, 0.8), None),  # captions shown a word at a time
        (track(1, "STOP", 0, 1, INSIDE), track(2, "DON'T STOP", 1, 3), None),
        (track(1, "TRY 1", 0.8, 1.1, INSIDE), track(2, "TRY 12", 1.1, 2.6), None),
        (track(1, "$9", 0.8, 1.1, INSIDE), track(2, "$19", 1.1, 2.6), None),
        (track(1, "sora", 0.8, 1.1, ELSEWHERE), track(2, "SORA 2", 1.1, 2.6), None),
        (track(1, "terstock", 5, 9, INSIDE), track(2, "shutterstock", 0, 2), WATERMARK),
        (track(1, "to", 5, 9, INSIDE), track(2, "shutterstock", 0, 2), None),
        (track(1, "stock", 5, 9, ELSEWHERE), track(2, "shutterstock", 0, 2), None),
    ],
)
def test_parts_of_a_longer_text_are_left_out(part: Track, whole: Track, left_out: str | None) -> None:
    assert reasons(part, whole)[0] == left_out


@pytest.mark.parametrize("text", ["C", "on", "Tn."])
def test_scraps_are_left_out(text: str) -> None:
    assert reasons(track(1, text, 1, 1.4)) == [SCRAP]


@pytest.mark.parametrize("text", ["No.", "Day 2", "OK", "#1", "$4", "9", "I", "[ad]", "[1]", "(OK)", "[music]", "好"])
def test_real_short_captions_are_kept(text: str) -> None:
    assert reasons(track(1, text, 0, 0.5)) == [None]


@pytest.mark.parametrize("text", ["#1", "$4", "9", "好", "STOP"])
def test_figures_and_words_are_no_scraps_however_brief(text: str) -> None:
    assert reasons(track(1, text, 1, 1.2)) == [None]


def test_brief_letters_are_left_out_only_if_they_stand_alone() -> None:
    assert reasons(track(1, "Tn", 1, 1.3, ELSEWHERE), track(2, "A longer text", 0, 4)) == [SCRAP, None]
    words = [
        track(n, word, n * 0.3, n * 0.3 + 0.3, INSIDE) for n, word in enumerate(["I", "do", "not", "nothing", "lie"])
    ]
    assert reasons(*words) == [None] * 5


def test_the_notice_counts_what_is_left_out() -> None:
    kept = track(3, "Dear Lena", 0, 3, ELSEWHERE)
    assert left_out_notices([kept]) == ()
    (notice,) = left_out_notices(mark([track(1, "clideo.com", 0, 6), track(2, "on", 7, 7.3, ELSEWHERE), kept]))
    assert notice.code == "text-left-out"
    assert "1 as a watermark (T1); 1 as a scrap of a logo or an edge (T2)" in notice.text
