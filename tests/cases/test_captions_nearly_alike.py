"""Captions that differ in a figure or a word: each is found with its own words and times."""

import pytest

from benchmarks.captions import KINDS, alike, make, mistakes
from benchmarks.ocr import gated, item_of
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.ocr import OcrStage
from valex_local.system.devices import Device

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(len(KINDS)), ids=KINDS)
def test_captions_nearly_alike_are_told_apart(stored_model, tmp_path, seed):
    clip = alike(seed)
    stage = OcrStage(Context(Settings(), {"ocr": stored_model("ppocrv6")}, Device("cpu", 2)))
    (record,) = gated(stage, [item_of(make(tmp_path / "a.mp4", clip))])
    stage.close()
    assert mistakes(clip, record) == []
