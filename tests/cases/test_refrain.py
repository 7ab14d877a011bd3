"""A sentence said many times in a row is a refrain, not one of Whisper's loops; and what is dropped is said."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.stages.speech.conftest import RATE, SPEECH, make_stage
from valex_local.notices import NOTICES
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech.transcript import SpeechTrack
from valex_local.stages.speech.vad import find_voice
from valex_local.store import StoredModel


@pytest.mark.slow
def test_a_refrain_counts_as_words(stored_model: Callable[[str], StoredModel]) -> None:
    speech = load_audio(SPEECH)
    once = np.concatenate([speech[round(6.32 * RATE) : round(8.3 * RATE)], np.zeros(RATE // 4, np.float32)])
    samples = np.tile(once, 10)
    voice = find_voice(samples, threshold=0.5)
    stage = make_stage(stored_model("whisper-base-ct2"), beam_size=1)
    (output,) = stage([SpeechTrack(samples, voice, voice.pieces(len(samples) / RATE), has_sound=True)])
    record = output.record
    assert record.sound.has_verbal_sound and record.sound.has_speech
    assert " ".join(s.text for s in record.segments).lower().count("really sorry") >= 6
    codes = {notice.code for notice in record.notices}
    assert ("words-dropped" in codes) == bool(record.dropped)
    assert codes <= set(NOTICES)
