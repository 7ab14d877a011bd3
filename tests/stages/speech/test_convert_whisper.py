"""The two engines on the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scripts.convert_whisper import convert, read_model
from tests.stages.speech.conftest import CPU, WORDS, make_stage, plain, transcribe
from valex_local.errors import ModelError
from valex_local.stages.speech.engine import SpeechEngine, load_engine
from valex_local.store import StoredModel


@pytest.fixture(scope="module")
def converted(whisper: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    import torch

    folder = tmp_path_factory.mktemp("openai")
    torch.save(convert(whisper.folder), folder / "base.pt")
    return StoredModel("whisper-base-pt", "asr", "openai-whisper", folder, "1" * 64)


@pytest.fixture(scope="module")
def engines(whisper: StoredModel, converted: StoredModel) -> tuple[SpeechEngine, SpeechEngine]:
    return load_engine(whisper, CPU), load_engine(converted, CPU)


def test_every_tensor_arrives_unchanged(whisper: StoredModel, converted: StoredModel) -> None:
    import torch

    source = [a for a in read_model(whisper.folder / "model.bin").values() if a.size > 1]
    state = torch.load(converted.folder / "base.pt", weights_only=True)["model_state_dict"]
    parts = [part for array in source for n in (1, 2, 3) if len(array) % n == 0 for part in np.split(array, n)]
    known = {(part.shape, part.tobytes()) for part in parts}
    for name, tensor in state.items():
        assert (tuple(tensor.shape), tensor.numpy().tobytes()) in known, name
    # All that is left behind are the zeros that CTranslate2 puts for the biases of keys.
    assert sum(a.size for a in source) - sum(t.numel() for t in state.values()) == 512 * (6 + 6 + 6)


def test_joined_projections_are_parted_in_order(whisper: StoredModel, converted: StoredModel) -> None:
    import torch

    v = read_model(whisper.folder / "model.bin")
    state = torch.load(converted.folder / "base.pt", weights_only=True)["model_state_dict"]
    for i in range(6):
        for side in ("encoder", "decoder"):
            parts = [state[f"{side}.blocks.{i}.attn.{p}.weight"] for p in ("query", "key", "value")]
            assert np.array_equal(np.concatenate(parts), v[f"{side}/layer_{i}/self_attention/linear_0/weight"])
        parts = [state[f"decoder.blocks.{i}.cross_attn.{p}.weight"] for p in ("key", "value")]
        assert np.array_equal(np.concatenate(parts), v[f"decoder/layer_{i}/attention/linear_1/weight"])


def test_openai_whisper_itself_loads_it(converted: StoredModel, whisper: StoredModel) -> None:
    import whisper as openai

    model = openai.load_model(str(converted.folder / "base.pt"), device="cpu")
    assert (model.dims.n_vocab, model.dims.n_text_layer, model.dims.n_audio_head) == (51865, 6, 8)


def test_word_times_are_read_from_the_right_heads(
    engines: tuple[SpeechEngine, SpeechEngine], whisper: StoredModel
) -> None:
    heads = json.loads((whisper.folder / "config.json").read_text())["alignment_heads"]
    assert engines[1]._model.alignment_heads.to_dense().nonzero().tolist() == sorted(heads)


@pytest.mark.slow
def test_greedy_words_figures_and_times_are_equal(
    engines: tuple[SpeechEngine, SpeechEngine], speech: np.ndarray
) -> None:
    ours, theirs = (e.recognise([speech], language="en", task="transcribe", beam_size=1)[0] for e in engines)
    assert [h.text for h in ours] == [h.text for h in theirs]
    assert plain(" ".join(h.text for h in ours)) == plain(WORDS)
    for a, b in zip(ours, theirs, strict=True):
        assert [w.text for w in a.words] == [w.text for w in b.words]
        assert np.allclose([w.start for w in a.words], [w.start for w in b.words], atol=0.041)
        assert np.allclose([w.probability for w in a.words], [w.probability for w in b.words], atol=0.01)
        assert a.avg_logprob == pytest.approx(b.avg_logprob, abs=0.01)
        assert a.no_speech_probability == pytest.approx(b.no_speech_probability, abs=0.01)
        assert a.compression_ratio == pytest.approx(b.compression_ratio)


@pytest.mark.slow
def test_both_know_the_same_languages(engines: tuple[SpeechEngine, SpeechEngine], speech: np.ndarray) -> None:
    assert engines[0].languages >= engines[1].languages
    for engine in engines:
        found = engine.detect(speech)
        assert max(found, key=found.get) == "en"
        assert sum(found.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_the_stage_runs_on_it(converted: StoredModel, speech: np.ndarray, make_item) -> None:
    (record,) = transcribe(make_stage(converted, beam_size=1), make_item(speech))
    assert " ".join(segment.text for segment in record.segments) == WORDS
    assert record.sound.has_speech


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"\x05\x00\x00\x00\x0c\x00WhisperSpec\x00" + bytes(8))
    with pytest.raises(ModelError, match="version 5"):
        read_model(tmp_path / "model.bin")
