"""Qwen3-ASR and its aligner on tiny random weights of their architecture: words, times, languages, refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.stages.speech.conftest import CPU, SPEECH, make_stage, transcribe
from valex_local.errors import ConfigError, ModelError
from valex_local.stages.base import Item
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech import qwen3_asr
from valex_local.stages.speech.qwen3_asr import ALIGNED, NAMES, Aligner, QwenAsr, _cuts
from valex_local.store import StoredModel

WORDS = ("Ġthe", "Ġcat", "s", "Ġsat", ".", "Ġon", "Ġmat", ",", "Ġb", "Ġdon", "'t")
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|audio_start|>", "<|audio_pad|>", "<|audio_end|>", "<asr_text>",
    "<timestamp>",
)  # fmt: skip
TEMPLATE = """{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% for part in message.content -%}
{%- if part.type == "audio" -%}<|audio_start|><|audio_pad|><|audio_end|>
{%- elif message.role == "user" -%}{{ part.text }}<timestamp><timestamp>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
<|im_end|>
{% endfor -%}"""
"""An answer that is begun has nothing after its text."""


def tokenizer():
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer

    names = [*sorted(ByteLevel.alphabet()), *(word for word in WORDS if len(word) > 1), *SPECIAL]
    made = Qwen2Tokenizer(
        vocab={name: i for i, name in enumerate(names)},
        merges=[],
        extra_special_tokens={
            "audio_token": "<|audio_pad|>", "audio_bos_token": "<|audio_start|>", "audio_eos_token": "<|audio_end|>",
        },
    )  # fmt: skip
    made.add_special_tokens({"additional_special_tokens": list(SPECIAL)}, replace_extra_special_tokens=False)
    return made


def save(folder: Path, kind: str, seed: int) -> Path:
    """Save a randomly initialised model with a tokenizer of bytes and some words, which are all that it writes."""
    import torch
    import transformers
    from transformers import Qwen3ASRConfig, Qwen3ASRFeatureExtractor, Qwen3ASRProcessor

    made = tokenizer()
    config = Qwen3ASRConfig(
        audio_config={
            "model_type": "qwen3_asr_encoder", "num_mel_bins": 80, "encoder_layers": 1, "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32, "d_model": 32, "output_dim": 32, "downsample_hidden_size": 8,
        },
        text_config={
            "model_type": "qwen3", "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1,
            "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16, "vocab_size": len(made),
            "tie_word_embeddings": False, "initializer_range": 0.3,
        },
        audio_token_id=made.convert_tokens_to_ids("<|audio_pad|>"),
        timestamp_token_id=made.convert_tokens_to_ids("<timestamp>"),
        eos_token_id=made.convert_tokens_to_ids("<|im_end|>"), pad_token_id=made.convert_tokens_to_ids("<|endoftext|>"),
        tie_word_embeddings=False, num_labels=40, initializer_range=0.3,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(config)
    if hasattr(model, "lm_head"):
        spoken = set(made.convert_tokens_to_ids([*WORDS, "<|im_end|>"]))
        with torch.no_grad():
            for token in range(len(made)):
                if token not in spoken:
                    model.lm_head.weight[token] = 0
    model.save_pretrained(folder)
    extractor = Qwen3ASRFeatureExtractor(feature_size=80)
    Qwen3ASRProcessor(extractor, made, chat_template=TEMPLATE).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never end a text."""
    monkeypatch.setattr(qwen3_asr, "MOST_TOKENS", 40)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> StoredModel:
    root = tmp_path_factory.mktemp("models")
    heard = save(root / "asr", "Qwen3ASRForConditionalGeneration", 5)
    timed = save(root / "aligner", "Qwen3ASRForTokenClassification", 7)
    aligner = StoredModel("tiny-aligner", "aligner", "qwen3-asr", timed, "1" * 64)
    return StoredModel("tiny-qwen", "asr", "qwen3-asr", heard, "0" * 64, requires={"tiny-aligner": aligner})


@pytest.fixture(scope="module")
def engine(model: StoredModel) -> QwenAsr:
    return QwenAsr(model, CPU)


def piece():
    return load_audio(SPEECH)[: 4 * 16000]


def recognise(engine: QwenAsr, language: str = "en"):
    (segments,) = engine.recognise([piece()], language=language, task="transcribe", beam_size=5)
    return segments


def test_words_have_times_and_probabilities(engine: QwenAsr):
    (segment,) = recognise(engine)
    assert segment.text == "".join(word.text for word in segment.words)
    assert len(segment.words) > 5
    times = [time for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert len(set(times)) > 2
    assert all(0 <= time <= 4 for time in times)
    assert all(0 < word.probability <= 1 for word in segment.words)
    assert segment.no_speech_probability is None
    assert segment.avg_logprob < 0
    assert segment.compression_ratio > 0


def test_the_text_is_that_of_the_library(engine: QwenAsr):
    """With the prompt that the library makes for a set language; the text is not shortened where it repeats itself."""
    import torch

    processor = engine._processor
    inputs = processor.apply_transcription_request(piece(), language="en")
    with torch.no_grad():
        out = engine._model.generate(**inputs, do_sample=False, max_new_tokens=qwen3_asr.MOST_TOKENS)
    raw = processor.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    (segment,) = recognise(engine)
    assert segment.text == raw


def test_a_language_of_the_aligner_and_one_that_it_does_not_know(engine: QwenAsr):
    (segment,) = recognise(engine, "ja")
    assert segment.words == ()
    assert (segment.start, segment.end) == (0.0, 4.0)
    assert recognise(engine, "de")[0].words


def test_the_likeliest_language_is_the_one_that_the_model_would_name(engine: QwenAsr):
    found = engine.detect(piece())
    assert found.keys() == NAMES.keys() == engine.languages
    assert all(0 < probability < 1 for probability in found.values())
    assert sum(found.values()) <= 1
    assert found == engine.detect(piece(), brief=True)


def test_codes_are_those_of_the_library():
    from transformers.models.qwen3_asr import processing_qwen3_asr as library

    assert library.LANGUAGE_CODE_TO_NAME == NAMES
    assert {NAMES[code] for code in ALIGNED | {"ja", "ko"}} == library.FORCED_ALIGNER_LANGUAGES


@pytest.mark.parametrize(
    ("text", "words", "parts"),
    [
        (" Well-known, isn't it?", ["Wellknown", "isn't", "it"], [" Well-known,", " isn't", " it?"]),
        ("«¿Qué?» «¡No!»", ["Qué", "No"], ["«¿Qué?»", " «¡No!»"]),
        ("你好。再见", ["你", "好", "再", "见"], ["你", "好。", "再", "见"]),
        ("don’t go …", ["dont", "go"], ["don’t", " go …"]),
    ],
)
def test_words_are_cut_with_their_punctuation(text: str, words: list[str], parts: list[str]):
    cuts = [0, *_cuts(text, words)]
    assert [text[a:b] for a, b in pairwise(cuts)] == parts


def test_a_text_without_words_has_no_times(engine: QwenAsr, model: StoredModel):
    assert Aligner(model.requires["tiny-aligner"], CPU).times(piece(), " … !", "en") == []


def test_words_without_times_are_said(model: StoredModel, make_item: Callable[..., Item]):
    loose = {"min_avg_logprob": -99.0, "max_compression": 99.0}
    stage = make_stage(replace(model, requires={}), language="en", **loose)
    (transcript,) = transcribe(stage, make_item(piece()))
    assert transcript.segments
    (notice,) = [n for n in transcript.notices if n.code == "words-without-times"]
    assert "no times of their own: the speech model has none for en" in notice.text
    timed = make_stage(model, language="en", **loose)
    (transcript,) = transcribe(timed, make_item(piece()))
    assert all(segment.words for segment in transcript.segments)
    assert "words-without-times" not in {n.code for n in transcript.notices}


def test_the_language_is_detected_in_a_run(model: StoredModel, make_item: Callable[..., Item]):
    """Random weights name no language, which the record says of the words."""
    stage = make_stage(model, min_avg_logprob=-99.0, max_compression=99.0)
    (transcript,) = transcribe(stage, make_item(piece()))
    assert "ar has a probability of 0.00 only" in transcript.dropped[0].reason


def test_what_it_cannot_do_is_refused(engine: QwenAsr, model: StoredModel, tmp_path: Path):
    with pytest.raises(ConfigError, match="does not translate"):
        engine.recognise([piece()], language="en", task="translate", beam_size=5)
    with pytest.raises(ConfigError, match="does not know 'tlh'"):
        make_stage(model, language="tlh")
    made = save(tmp_path / "model", "Qwen3ASRForConditionalGeneration", 1)
    weights = made / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ModelError, match="this Qwen3-ASR model cannot be loaded"):
        QwenAsr(replace(model, folder=made), CPU)
