"""A sentence said many times in a row is a refrain, not one of Whisper's loops; and what is dropped is said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.stages.speech.conftest import RATE, SPEECH, make_stage
from valex_local.records import Transcript
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech.transcript import SpeechTrack
from valex_local.stages.speech.vad import find_voice
from valex_local.store import StoredModel


def transcript(samples: np.ndarray, model: StoredModel) -> Transcript:
    voice = find_voice(samples, threshold=0.5)
    pieces = voice.pieces(len(samples) / RATE)
    (output,) = make_stage(model, beam_size=1)([SpeechTrack(samples, voice, pieces, has_sound=True)])
    return output.record


def said_again(start: float, end: float, times: int) -> np.ndarray:
    """Words of the sentences, cut out and said again after a quarter of a second."""
    words = load_audio(SPEECH)[round(start * RATE) : round(end * RATE)]
    return np.tile(np.concatenate([words, np.zeros(RATE // 4, np.float32)]), times)


@pytest.mark.slow
def test_a_refrain_counts_as_words(stored_model: Callable[[str], StoredModel]) -> None:
    record = transcript(said_again(6.32, 8.3, 10), stored_model("whisper-base-ct2"))
    assert record.sound.has_verbal_sound and record.sound.has_speech
    assert " ".join(s.text for s in record.segments).lower().count("really sorry") >= 6
    codes = {notice.code for notice in record.notices}
    assert ("words-dropped" in codes) == bool(record.dropped)


@pytest.mark.slow
def test_the_sentences_around_a_refrain_are_kept(stored_model: Callable[[str], StoredModel]) -> None:
    """Whisper falls into a loop over this one; in shorter pieces it does not."""
    speech = load_audio(SPEECH)
    samples = np.concatenate(
        [speech[: round(3.8 * RATE)], said_again(6.32, 7.3, 8), speech[round(4.3 * RATE) : round(8.8 * RATE)]]
    )
    text = " ".join(s.text for s in transcript(samples, stored_model("whisper-base-ct2")).segments).lower()
    assert "grandmother taught me this recipe" in text and "tell your brother daniel" in text
    assert text.count("i am really sorry") >= 5
