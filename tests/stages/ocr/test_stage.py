"""The real recogniser on drawn clips: what it finds, what it leaves, and how little it reads."""

import pytest
from rapidfuzz.distance import Levenshtein

from tests.captioned import Caption, karaoke, make_clip
from valex_local.errors import InputError, ModelError
from valex_local.records import Media, Post, SourceFile
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.media.stage import read_media
from valex_local.stages.ocr import OcrStage
from valex_local.stages.ocr.stage import FrameStream
from valex_local.system.devices import Device

pytestmark = pytest.mark.slow

CAPTIONS = (
    Caption("Twelve dollars only", 0.5, 2.5),
    Caption("TRY 27", 3.0, 3.8, top=0.3),
    Caption("My sister Joana\nsaid stop", 4.0, 6.5),
    Caption("@user.name", 0.0, 8.0, top=0.02, size=30),
)


STEP = 1 / Settings().ocr.fps


@pytest.fixture(scope="module")
def stage(stored_model):
    built = OcrStage(Context(Settings(), {"ocr": stored_model("ppocrv6")}, Device("cpu", 2)))
    yield built
    built.close()


def read(stage, path):
    media = read_media(path, Settings().media).record
    post = Post(id="p", video=SourceFile(path=str(path), sha256="0" * 64, size=1))
    (output,) = stage([stage.prepare(Item(post, path.parent, {"media": media}))])
    return output.record


def closest(record, text):
    return min(record.tracks, key=lambda t: Levenshtein.distance(t.text, text))


@pytest.mark.parametrize("background", ["gradient", "blobs", "shapes", "cuts"])
def test_captions_over_moving_backgrounds(stage, tmp_path, background):
    record = read(stage, make_clip(tmp_path / "a.mp4", CAPTIONS, background, duration=8.0))
    wrong = sum(Levenshtein.distance(closest(record, c.text).text, c.text) for c in CAPTIONS)
    assert wrong <= 0.05 * sum(len(c.text) for c in CAPTIONS)
    for caption in CAPTIONS:
        track = closest(record, caption.text)
        assert track.start == pytest.approx(caption.start, abs=STEP + 1 / 24), caption.text
        assert track.end == pytest.approx(caption.end, abs=STEP + 1 / 24), caption.text
    assert len(record.tracks) == len(CAPTIONS), [t.text for t in record.tracks]
    assert record.frames_read <= record.frames_seen / 2


@pytest.mark.parametrize("background", ["gradient", "blobs", "shapes", "cuts", "still"])
def test_no_text_is_invented(stage, tmp_path, background):
    record = read(stage, make_clip(tmp_path / "a.mp4", (), background, duration=3.0))
    assert record.tracks == ()


def test_a_karaoke_caption_is_one_track(stage, tmp_path):
    record = read(
        stage, make_clip(tmp_path / "a.mp4", karaoke("I am so sorry my friend", 0.5, 0.5, size=30), duration=5.0)
    )
    assert [t.text for t in record.tracks] == ["I am so sorry my friend"]


def test_small_and_short_captions_one_upon_the_other(stage, tmp_path):
    said = ["I tried a thrift shop", "for 30 days", "my friend Maya said no", "$12 for this?!", "do NOT skip it"]
    captions = [Caption(text, 0.4 + 0.8 * i, 1.2 + 0.8 * i, size=20, outline=2) for i, text in enumerate(said)]
    record = read(stage, make_clip(tmp_path / "a.mp4", captions, "cuts", duration=5.0))
    assert [t.text for t in record.tracks] == said
    for caption, track in zip(captions, record.tracks, strict=True):
        assert track.start == pytest.approx(caption.start, abs=STEP + 1 / 24)
        assert track.end == pytest.approx(caption.end, abs=STEP + 1 / 24)


def test_a_long_video_is_decoded_as_it_is_read(stage, tmp_path, monkeypatch):
    path = make_clip(tmp_path / "a.mp4", CAPTIONS, duration=8.0)
    whole = read(stage, path)
    monkeypatch.setattr("valex_local.stages.ocr.stage.PICTURES_AHEAD", 1)
    monkeypatch.setattr("valex_local.stages.ocr.stage.FRAMES_AHEAD", 5)
    assert read(stage, path) == whole


def test_a_video_that_breaks_while_it_is_read_fails_alone(stage, tmp_path):
    def breaks():
        yield from ()
        raise InputError("the file is gone")

    failed, skipped = stage([FrameStream(breaks()), FrameStream(None)])
    assert isinstance(failed, InputError)
    assert skipped.record.skipped


@pytest.mark.parametrize("size", [(2, 720), (720, 2), (16, 16)])
def test_pictures_of_any_shape_are_read(stage, tmp_path, size):
    record = read(stage, make_clip(tmp_path / "a.mp4", (), "gradient", duration=0.5, size=size))
    assert (record.tracks, record.frames_read) == ((), 1)


def test_equal_videos_give_equal_records(stage, tmp_path):
    path = make_clip(tmp_path / "a.mp4", CAPTIONS[:2], duration=4.0)
    assert read(stage, path).to_json() == read(stage, path).to_json()


def test_without_a_picture_there_is_nothing_to_read(stage, tmp_path):
    post = Post(id="p", video=SourceFile(path=str(tmp_path / "none.mp4"), sha256="0" * 64, size=1))
    (output,) = stage([stage.prepare(Item(post, tmp_path, {"media": Media(duration=1.0)}))])
    assert output.record.skipped == "no video track"


def test_a_model_of_another_engine_is_refused(stored_model):
    from dataclasses import replace

    model = replace(stored_model("ppocrv6"), engine="tesseract")
    with pytest.raises(ModelError, match="'tesseract'"):
        OcrStage(Context(Settings(), {"ocr": model}, Device("cpu", 2)))
