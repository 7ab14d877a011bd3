"""Diarizers of transformers on tiny random weights: turns on real audio, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.stages.speech.conftest import SPEECH
from valex_local.errors import ModelError
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.loading import load_once
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speakers import SpeakersStage
from valex_local.stages.speakers.frame_classifier import SHORTEST, FrameClassifier, turns
from valex_local.stages.speakers.stage import SpeakerTrack
from valex_local.store import Store, StoredModel
from valex_local.store.intake import add
from valex_local.system.devices import Device

CPU = Device("cpu", 1)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    """Save a diarizer of the architecture of Nemotron 3 with random weights."""
    from transformers import (
        Nemotron3DiarizationConfig,
        Nemotron3DiarizationForAudioFrameClassification,
        Nemotron3DiarizationProcessor,
        NemotronAsrStreamingFeatureExtractor,
    )

    folder = tmp_path_factory.mktemp("tiny-diarizer")
    torch.manual_seed(0)
    audio = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    head = {"hidden_size": 16, "audio_hidden_size": 32, "num_speakers": 4}
    streaming = {"num_speakers": 4}
    config = Nemotron3DiarizationConfig(audio_config=audio, head_config=head, streaming_config=streaming)
    model = Nemotron3DiarizationForAudioFrameClassification(config)
    for weights in model.parameters():  # as they are made, they say 0.5 of everything
        torch.nn.init.normal_(weights, std=0.4)
    model.save_pretrained(folder)
    extractor = NemotronAsrStreamingFeatureExtractor(feature_size=128)
    Nemotron3DiarizationProcessor(extractor).save_pretrained(folder)
    return StoredModel("tiny-diarizer", "speaker", "frame-classifier", folder, "0" * 64)


def test_turns_lie_within_the_sound(tiny: StoredModel) -> None:
    samples = load_audio(SPEECH)
    stage = SpeakersStage(Context(Settings(), {"speaker": tiny}, CPU))
    (output,) = stage([SpeakerTrack(samples)])
    segments = output.record.segments  # type: ignore[union-attr]
    assert segments
    assert all(0 <= s.start < s.end <= len(samples) / 16000 + 0.001 for s in segments)
    assert all(one.start <= after.start for one, after in pairwise(segments))
    assert all((s.confidence is None) == (len({t.speaker for t in segments}) == 1) for s in segments)
    stage.close()


def test_pauses_below_the_shortest_join_and_short_turns_are_left_out() -> None:
    frames = np.zeros((300, 2), np.float32)
    frames[10:60, 0] = 0.8
    frames[70:100, 0] = 0.8  # after 0.1 s
    frames[200:210, 0] = 0.9  # 0.1 s
    frames[90:150, 1] = 0.6  # overlaps
    found = [(t.voice, round(t.start, 2), round(t.end, 2)) for t in turns(frames, 0.01, 3.0)]
    assert found == [(0, 0.1, 1.0), (1, 0.9, 1.5)]
    assert SHORTEST == 0.2


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors"])
def test_an_incomplete_directory_is_refused(tiny: StoredModel, tmp_path: Path, missing: str) -> None:
    for file in tiny.folder.iterdir():
        if file.name != missing:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded"):
        FrameClassifier(StoredModel("x", "speaker", "frame-classifier", tmp_path, "0" * 64), CPU, Settings().speakers)


def test_a_directory_is_added_for_this_engine(tiny: StoredModel, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    add(
        store, str(tiny.folder), model_id="tiny-diarizer", role="speaker", engine="frame-classifier", options={},
        licence="none", origin=None, link=False,
    )  # fmt: skip
    load_once(store.find("tiny-diarizer"))
