"""Parakeet on tiny random weights of its architecture: words with times on real audio, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stages.speech.conftest import CPU, SPEECH
from valex_local.errors import ConfigError, ModelError
from valex_local.settings import Settings
from valex_local.stages.base import Context
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech import SpeechStage
from valex_local.stages.speech.parakeet import Parakeet, _Token, _words
from valex_local.store import StoredModel

PIECES = ("▁the", "▁cat", "s", "▁sat", ".", "▁on", "▁mat", "a", "▁b", "i")


def save_parakeet(folder: Path, languages: Sequence[str] = ("en", "de")) -> StoredModel:
    """Save a randomly initialised model with a tokenizer of ten pieces."""
    import torch
    from tokenizers import Tokenizer, decoders, models
    from transformers import (
        ParakeetEncoderConfig,
        ParakeetFeatureExtractor,
        ParakeetForTDT,
        ParakeetProcessor,
        ParakeetTDTConfig,
        ParakeetTokenizer,
    )

    vocabulary = ["<unk>", "<pad>", *PIECES, "<blank>"]
    unigram = Tokenizer(models.Unigram([(piece, -1.0) for piece in vocabulary], unk_id=0))
    unigram.decoder = decoders.Metaspace()
    tokenizer = ParakeetTokenizer(tokenizer_object=unigram, unk_token="<unk>", pad_token="<pad>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<blank>"]})
    torch.manual_seed(1)
    encoder = ParakeetEncoderConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_mel_bins=80,
        subsampling_conv_channels=8, initializer_range=0.4,
    )  # fmt: skip
    config = ParakeetTDTConfig(
        vocab_size=len(vocabulary), decoder_hidden_size=16, num_decoder_layers=1, encoder_config=encoder.to_dict(),
        pad_token_id=1, blank_token_id=len(vocabulary) - 1,
    )  # fmt: skip
    model = ParakeetForTDT(config)
    model.generation_config.decoder_start_token_id = config.blank_token_id
    model.save_pretrained(folder)
    extractor = ParakeetFeatureExtractor(feature_size=80)
    ParakeetProcessor(extractor, tokenizer, decoder_type="tdt").save_pretrained(folder)
    return StoredModel(
        id="tiny-parakeet", role="asr", engine="parakeet", folder=folder, digest="0" * 64,
        options={"languages": list(languages)},
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    return save_parakeet(tmp_path_factory.mktemp("models") / "parakeet")


def recognise(engine: Parakeet, task="transcribe"):
    piece = load_audio(SPEECH)[: 6 * 16000]
    (segments,) = engine.recognise([piece], language="en", task=task, beam_size=5)
    return segments


def test_words_have_times_and_probabilities(model: StoredModel):
    (segment,) = recognise(Parakeet(model, CPU))
    assert segment.text == "".join(word.text for word in segment.words)
    assert segment.words
    times = [time for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert all(0 <= time <= 6 for time in times)
    assert all(0 < word.probability <= 1 for word in segment.words)
    assert segment.no_speech_probability is None
    assert segment.avg_logprob < 0
    assert segment.compression_ratio > 0


def test_the_text_is_that_of_the_library(model: StoredModel):
    import torch
    from transformers import AutoProcessor, ParakeetForTDT

    processor = AutoProcessor.from_pretrained(model.folder)
    inputs = processor(load_audio(SPEECH)[: 6 * 16000], sampling_rate=16000)
    with torch.no_grad():
        out = ParakeetForTDT.from_pretrained(model.folder).eval().generate(**inputs)
    (text,) = processor.batch_decode(out.sequences, skip_special_tokens=True)
    (segment,) = recognise(Parakeet(model, CPU))
    assert segment.text.split() == text.split()


def test_a_word_is_made_of_its_tokens():
    tokens = [
        _Token(0, "▁cat", 1, 3, -0.1), _Token(1, "s", 3, 4, -0.3), _Token(2, "▁", 4, 4, -0.1), _Token(3, "▁on", 5, 9, 0)
    ]  # fmt: skip
    first, second = _words(tokens, 0.08, 0.6)
    assert (first.text, second.text) == (" cats", " on")
    assert (first.start, first.end) == pytest.approx((0.08, 0.32))
    assert first.probability == pytest.approx(0.8187, abs=1e-4)
    assert second.end == 0.6


def context(model: StoredModel, **speech: object) -> Context:
    settings = Settings.model_validate({"speech": speech})
    return Context(settings=settings, models={"asr": model}, device=CPU)


def test_what_it_cannot_do_is_refused_before_the_first_post(model: StoredModel):
    with pytest.raises(ConfigError, match="does not say which language"):
        SpeechStage(context(model))
    with pytest.raises(ConfigError, match="does not translate"):
        SpeechStage(context(model, language="en", translate=True))
    SpeechStage(context(model, language="de")).close()
    with pytest.raises(ConfigError, match="does not know"):
        SpeechStage(context(model, language="ja"))
    engine = Parakeet(model, CPU)
    with pytest.raises(ConfigError, match="does not translate"):
        recognise(engine, task="translate")
    with pytest.raises(ConfigError, match="does not detect"):
        engine.detect(load_audio(SPEECH))
    one = replace(model, options={"languages": ["en"]})
    assert Parakeet(one, CPU).detect(load_audio(SPEECH)) == {"en": 1.0}


def test_a_wrong_directory_is_refused(tmp_path: Path):
    made = save_parakeet(tmp_path / "model")
    with pytest.raises(ModelError, match="does not list the languages"):
        Parakeet(replace(made, options={}), CPU)
    weights = made.folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        Parakeet(made, CPU)
