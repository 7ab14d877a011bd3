"""Captions by a CoCa model with random weights, through the stage: what they say is noise, how they are made is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stages.vision.test_vision_stage import BLUE, GREY, RED, context, post, run
from tests.stages.vision.tiny import COCA, save_clip
from valex_local.errors import ConfigError
from valex_local.files.text import clean_text
from valex_local.settings import CaptionSettings
from valex_local.stages.vision import VisionStage
from valex_local.stages.vision.captions import MIN_TOKENS, one_sentence, sample_tokens
from valex_local.stages.vision.openclip import OpenClip
from valex_local.store import StoredModel
from valex_local.system.devices import Device


@pytest.fixture(scope="module")
def coca(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    return save_clip(tmp_path_factory.mktemp("models") / "tiny-coca", COCA)


@pytest.fixture(scope="module")
def writer(coca: StoredModel) -> OpenClip:
    return OpenClip(coca, Device("cpu", 1))


@pytest.fixture(scope="module")
def pictures():
    import torch

    return list(torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)))


def test_every_keyframe_has_one_sentence_and_its_tags(tmp_path: Path, coca: StoredModel, vocabulary: Path):
    items = [post(tmp_path / str(n), [RED, BLUE, GREY][: n + 1], seed=n) for n in range(3)]
    stage = VisionStage(context(coca, vocabulary, min_probability=0.0, captions={"sampling": "top_p", "top_p": 0.9}))
    records = run(stage, *items)
    assert [[k.keyframe for k in record.keyframes] for record in records] == [["K1"], ["K1", "K2"], ["K1", "K2", "K3"]]
    for keyframe in (k for record in records for k in record.keyframes):
        assert keyframe.tags
        assert keyframe.caption == one_sentence(keyframe.caption)
    assert [record.to_json() for record in run(stage, *items[::-1])] == [r.to_json() for r in records[::-1]]


def test_captions_are_written_only_when_wanted(tmp_path: Path, coca: StoredModel, vocabulary: Path):
    (record,) = run(VisionStage(context(coca, vocabulary)), post(tmp_path / "one", [RED]))
    assert [k.caption for k in record.keyframes] == [None]


@pytest.mark.parametrize("settings", [{"sampling": "top_k"}, {"sampling": "top_p", "top_p": 0.95, "seed": 3}])
def test_equal_pictures_have_equal_captions_whatever_the_batch(writer: OpenClip, pictures, settings):
    import torch

    how = CaptionSettings(**settings)
    alone = [writer.captions([picture], how)[0] for picture in pictures]
    assert writer.captions(pictures, how) == alone
    ends = {"start": 49406, "end": 49407}
    with torch.inference_mode():
        apart = [sample_tokens(writer._model, picture[None], how, **ends)[0] for picture in pictures]
        assert sample_tokens(writer._model, torch.stack(pictures), how, **ends) == apart


def test_the_seed_counts_only_where_there_is_a_choice(writer: OpenClip, pictures):
    def written(**settings: object) -> list[str | None]:
        return writer.captions(pictures[:1], CaptionSettings(**settings))

    assert written(sampling="top_p", top_p=0.95, seed=1) != written(sampling="top_p", top_p=0.95, seed=2)
    assert written(sampling="top_k", top_k=50, seed=1) != written(sampling="top_k", top_k=50, seed=2)
    assert written(sampling="top_k", top_k=1, seed=1) == written(sampling="top_k", top_k=1, seed=2)
    assert written(sampling="top_p", top_p=1e-9, seed=1) == written(sampling="top_k", top_k=1)


def test_the_likeliest_tokens_are_taken(writer: OpenClip, pictures):
    import torch

    model, settings = writer._model, CaptionSettings(sampling="top_k", max_tokens=9)
    with torch.inference_mode():
        rows = sample_tokens(model, torch.stack(pictures), settings, start=49406, end=49407)
        for picture, row in zip(pictures, rows, strict=True):
            text = torch.tensor([[49406, *row]])
            logits = model(picture[None], text, output_labels=False)["logits"][0, :-1]
            logits[: MIN_TOKENS - 1, 49407] = -torch.inf
            assert logits.argmax(1).tolist() == row


def test_a_caption_ends_at_its_end_and_at_the_most_tokens(writer: OpenClip, pictures):
    import torch

    def tokens(most: int, end: int = 49407) -> list[list[int]]:
        settings = CaptionSettings(sampling="top_p", top_p=0.95, max_tokens=most)
        with torch.inference_mode():
            return sample_tokens(writer._model, torch.stack(pictures), settings, start=49406, end=end)

    assert [len(row) for row in tokens(9)] == [8, 8, 8]
    assert [len(row) for row in tokens(500)] == [15, 15, 15], "no more than the model has places for"
    wanted = tokens(12)[0]
    end = wanted[7]
    assert end not in wanted[:7]
    ended, *others = tokens(12, end)
    assert ended == wanted[:7]
    assert [row[:7] for row in others] == [row[:7] for row in tokens(12)[1:]], "others go on"


def test_a_model_that_writes_none_is_refused(clip: StoredModel, vocabulary: Path):
    with pytest.raises(ConfigError, match=r"vision\.captions\.sampling.*tiny-clip cannot write any"):
        VisionStage(context(clip, vocabulary, captions={"sampling": "top_k"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a man riding a skateboard . ", "A man riding a skateboard."),
        ("a dog , a cat\nand  a bird", "A dog, a cat and a bird."),
        ("what is this ?", "What is this?"),
        ("\x1b[31mred\x07 \ufffd car ;", "[31mred car."),
        ("Ein Hund", "Ein Hund."),
        ("  ", None),
        ("!!!! ...", None),
    ],
)
def test_one_sentence(text: str, expected: str | None):
    assert one_sentence(text) == expected


@given(st.text())
def test_any_text_becomes_one_clean_line(text: str):
    line = one_sentence(text)
    if line is None:
        assert not any(c.isalnum() for c in text)
    else:
        assert line.isprintable()
        assert line == " ".join(line.split())
        assert line[-1] in ".!?"
        assert one_sentence(line) == line
        assert one_sentence(clean_text(line)) is not None
