"""The stage on voices of flite, with the real encoder; skipped without its weights or without flite."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmarks.dialogues import Dialogue, make_dialogue
from benchmarks.speakers import error_rate, word_accuracy
from valex_local.errors import ModelError
from valex_local.records import AudioTrack, Media, Post, Speakers
from valex_local.settings import Settings, make_settings
from valex_local.stages.base import Context, Item
from valex_local.stages.loading import _LOADERS, load_once
from valex_local.stages.speakers import SpeakersStage
from valex_local.stages.speakers.embeddings import WINDOW, windows
from valex_local.stages.speakers.engine import Turn
from valex_local.stages.speakers.stage import SpeakerTrack, in_order
from valex_local.stages.speakers.voice_encoder import LOUDNESS, WEIGHTS, VoiceEncoder, louder
from valex_local.stages.speech.vad import Voice, find_voice
from valex_local.store import StoredModel
from valex_local.store.manifests import ROLES
from valex_local.system.devices import Device

DEVICE = Device("cpu", 1)
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@pytest.fixture(scope="module")
def model(stored_model: Callable[[str], StoredModel]) -> StoredModel:
    return stored_model("resemblyzer")


@pytest.fixture(scope="module")
def encoder(model: StoredModel) -> VoiceEncoder:
    return VoiceEncoder(model, DEVICE)


def found(stage: SpeakersStage, dialogue: Dialogue) -> Speakers:
    (output,) = stage([SpeakerTrack(dialogue.samples, find_voice(dialogue.samples, threshold=0.5))])
    return output.record  # type: ignore[union-attr, return-value]


# --- the encoder ------------------------------------------------------------------------------------------------------


def test_the_spectrogram_is_that_of_mel_filters_written_out(encoder: VoiceEncoder) -> None:
    """The power of a sine lies in the filters around its frequency, weighted by their triangles (Slaney's scale)."""
    samples = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    mels = encoder.spectrogram(samples)[50].numpy()
    below = 200 / 3  # hertz per mel, as far as 1000 Hz
    top = 15 + 27 * np.log(8) / np.log(6.4)
    edges = np.linspace(0, top, 42)
    hertz = np.where(edges < 15, below * edges, 1000 * np.exp(np.log(6.4) / 27 * (np.maximum(edges, 15) - 15)))
    spectrum = np.abs(np.fft.rfft(samples[7800:8200] * np.hanning(401)[:400])) ** 2
    bins = np.fft.rfftfreq(400, 1 / 16000)
    for n in range(40):
        low, middle, high = hertz[n : n + 3]
        triangle = np.maximum(0, np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)))
        assert mels[n] == pytest.approx(float(spectrum @ triangle * 2 / (high - low)), rel=1e-3, abs=1e-6)


def test_vectors_have_length_one_and_do_not_depend_on_their_batch(encoder: VoiceEncoder) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 48000).astype(np.float32)
    starts = [0.02 * n for n in range(70)]
    together = encoder(samples, starts, WINDOW)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together[66], encoder(samples, [starts[66]], WINDOW)[0], atol=1e-5)
    assert encoder(samples, [], WINDOW).shape == (0, 256)


def test_it_computes_in_one_thread_and_leaves_the_others_to_the_rest(encoder: VoiceEncoder) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        encoder(np.zeros(32000, np.float32), [0.0], WINDOW)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_quiet_sound_is_raised_and_loud_sound_is_not() -> None:
    noise = np.random.default_rng(0).normal(0, 1, 16000).astype(np.float32)
    assert 10 * np.log10(np.mean(louder(0.001 * noise) ** 2)) == pytest.approx(LOUDNESS, abs=0.01)
    assert louder(0.5 * noise) is not noise and np.array_equal(louder(0.5 * noise), 0.5 * noise)
    assert not louder(np.zeros(10, np.float32)).any()
    assert len(louder(np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_other_weights_are_refused(tmp_path, content: bytes | None) -> None:
    if content is None:
        torch.save({"model_state": {"linear.weight": torch.zeros(2, 2)}}, tmp_path / WEIGHTS)
    else:
        (tmp_path / WEIGHTS).write_bytes(content)
    model = StoredModel("other", "speaker", "embeddings", tmp_path, "0" * 64)
    with pytest.raises(ModelError, match="no weights of a voice encoder"):
        VoiceEncoder(model, DEVICE)


def test_verify_loads_it(model: StoredModel) -> None:
    load_once(model)


def test_models_of_every_role_can_be_loaded() -> None:
    assert set(_LOADERS) == set(ROLES)


# --- windows and turns ------------------------------------------------------------------------------------------------


def test_windows_cover_the_voice_and_nothing_far_from_it() -> None:
    voice = Voice(((0.0, 0.5), (2.0, 3.6), (5.0, 9.1)))
    starts = windows(voice)
    assert starts[:2] == pytest.approx([0.0, 2.0])
    assert (starts[2], starts[-1]) == pytest.approx((5.0, 9.1 - WINDOW))
    assert max(np.diff(starts[2:])) <= 0.4 + 1e-9
    assert windows(Voice()) == []


def test_speakers_are_numbered_as_they_are_first_heard() -> None:
    segments = in_order([Turn(7, 5.0, 6.0, 0.9), Turn(0, 2.0, 3.0, 0.8), Turn(7, 1.0, 2.0, 0.7)])
    assert [(s.speaker, s.start) for s in segments] == [("SPEAKER 1", 1.0), ("SPEAKER 2", 2.0), ("SPEAKER 1", 5.0)]


# --- the stage --------------------------------------------------------------------------------------------------------


def test_without_a_model_or_a_sound_it_is_skipped(model: StoredModel, tmp_path) -> None:
    item = Item(Post(id="a"), tmp_path, {"media": Media()})
    for models, reason in (({}, "no model for the role speaker"), ({"speaker": model}, "the video has no audio track")):
        stage = SpeakersStage(Context(Settings(), models, DEVICE))
        (output,) = stage([stage.prepare(item)])
        assert output.record.skipped == reason
        stage.close()


def test_silence_has_no_speakers(model: StoredModel, tmp_path) -> None:
    from valex_local.stages.media.audio import encode_flac

    samples = np.zeros(16000, np.int16)
    (tmp_path / "audio.flac").write_bytes(encode_flac(samples))
    audio = AudioTrack(
        codec="flac", sample_rate=16000, channels=1, duration=1.0, rms_db=-120.0, peak_db=-120.0,
        file="audio.flac", sha256="0" * 64,
    )  # fmt: skip
    stage = SpeakersStage(Context(Settings(), {"speaker": model}, DEVICE))
    (output,) = stage([stage.prepare(Item(Post(id="a"), tmp_path, {"media": Media(audio=audio)}))])
    assert output.record == Speakers()


@needs_flite
@pytest.mark.parametrize("count", [1, 2, 3])
def test_voices_are_told_apart(model: StoredModel, count: int) -> None:
    stage = SpeakersStage(Context(Settings(), {"speaker": model}, DEVICE))
    dialogue = make_dialogue(count, 15, seed=3)
    record = found(stage, dialogue)
    right, words = word_accuracy(dialogue, record)
    assert record.several == (count > 1)
    assert right / words >= 0.8  # a quarter of a minute; the benchmark has the figures
    assert all((s.confidence is None) == (count == 1) for s in record.segments)
    assert record == found(stage, dialogue)


@needs_flite
def test_the_threshold_is_a_setting(model: StoredModel) -> None:
    settings = make_settings({"speakers": {"threshold": 0.0}})
    assert not found(SpeakersStage(Context(settings, {"speaker": model}, DEVICE)), make_dialogue(2, 10, seed=3)).several


# --- figures ----------------------------------------------------------------------------------------------------------


def test_error_rate_by_hand() -> None:
    """10 s by one speaker, then 10 s by another; 0.5 s of collars in the middle and 0.25 s at each end do not count."""
    from benchmarks.dialogues import KnownTurn

    turns = (KnownTurn(0, 1.0, 11.0, ""), KnownTurn(1, 11.0, 21.0, ""))
    counted = 19.0
    assert error_rate([(turns, [(5, 1.0, 11.0), (3, 11.0, 21.0)])]) == 0
    assert error_rate([(turns, [(0, 1.0, 21.0)])]) == pytest.approx(9.5 / counted)  # confusion
    assert error_rate([(turns, [(0, 1.0, 11.0)])]) == pytest.approx(9.5 / counted)  # missed
    both = [(0, 1.0, 11.0), (1, 11.0, 21.0), (2, 22.0, 23.0)]
    assert error_rate([(turns, both)]) == pytest.approx(1 / counted)  # false alarm
