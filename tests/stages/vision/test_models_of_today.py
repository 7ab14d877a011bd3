"""Tiny random models of the configurations of SigLIP 2 and PE-Core: their context lengths and the logit bias."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.stages.vision.tiny import CONFIG, VOCABULARY, save_clip
from valex_local.stages.grounding.vectors import cut_lines, line_vectors
from valex_local.stages.vision.openclip import OpenClip
from valex_local.stages.vision.tags import Tagger
from valex_local.stages.vision.vocabulary import read_vocabulary
from valex_local.system.devices import Device

SIGLIP: dict[str, Any] = {
    "custom_text": True,
    "init_logit_bias": -10,
    "text_cfg": {"context_length": 64, "no_causal_mask": True, "proj_bias": True, "pool_type": "last"},
}
PERCEPTION: dict[str, Any] = {"custom_text": True, "text_cfg": {"context_length": 32}}
FAMILIES = {"siglip2": (SIGLIP, 64), "pe-core": (PERCEPTION, 32)}


def config(changes: Mapping[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(CONFIG)
    model = made["model_cfg"]
    model |= {**changes, "text_cfg": model["text_cfg"] | changes["text_cfg"]}
    return made


@pytest.fixture(scope="module", params=FAMILIES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[OpenClip, int]:
    changes, tokens = FAMILIES[request.param]
    folder = tmp_path_factory.mktemp("clip") / request.param
    return OpenClip(save_clip(folder, config(changes)), Device("cpu", 1)), tokens


def test_a_line_is_cut_after_the_tokens_that_the_model_reads(engine: tuple[OpenClip, int]):
    clip, tokens = engine
    lines = ["a " * (tokens - 10), "a " * (tokens + 10)]
    assert cut_lines(clip, lines, line_vectors(clip, lines, 4), 4) == [False, True]


def test_tags_are_the_softmax_of_the_logits_of_the_library(engine: tuple[OpenClip, int], tmp_path: Path):
    import torch

    clip, _ = engine
    path = tmp_path / "vocabulary.toml"
    path.write_text(VOCABULARY, "utf-8")
    vocabulary = read_vocabulary(path)
    images = clip.images(list(torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))))
    # The bias is common to all choices of a category, so shares of the category do not depend on it.
    thing = vocabulary.category[1]
    texts = torch.stack([clip.texts(e).mean(0) for _, e in thing.prompts()])
    logits = clip.scale * images @ torch.nn.functional.normalize(texts, dim=1).T
    bias = clip._model.logit_bias
    expected = (logits if bias is None else logits + bias.detach()).softmax(1)[:, 0]
    tagger = Tagger(clip.texts, vocabulary, scale=clip.scale, min_probability=0.0)
    found = [next(t.probability for t in tags if t.label == "dog") for tags in tagger.tags(images, [0, 1])]
    assert found == pytest.approx(expected.tolist(), abs=1e-3)
