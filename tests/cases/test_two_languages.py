"""A language that changes within one piece of audio is recognised as such, or its words are dropped with a notice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.stages.speech.conftest import RATE, SPEECH, WORDS, make_stage, plain
from valex_local.records import Transcript
from valex_local.stages.media.audio import load_audio
from valex_local.stages.speech.transcript import SpeechTrack
from valex_local.stages.speech.vad import find_voice
from valex_local.store import StoredModel


def transcript(samples: np.ndarray, model: StoredModel) -> Transcript:
    voice = find_voice(samples, threshold=0.5)
    assert len(voice.pieces(len(samples) / RATE)) == 1, "all in one piece"
    (output,) = make_stage(model)([SpeechTrack(samples, voice, voice.pieces(len(samples) / RATE), has_sound=True)])
    return output.record


@pytest.mark.slow
def test_german_between_english_sentences(stored_model: Callable[[str], StoredModel]) -> None:
    english, german = load_audio(SPEECH), load_audio(SPEECH.with_name("two_german.flac"))
    change = round(4.05 * RATE)
    record = transcript(np.concatenate([english[:change], german, english[change:]]), stored_model("whisper-base-ct2"))
    assert record.language == "en"
    assert plain(" ".join(s.text for s in record.segments if s.language is None)) == plain(WORDS)
    others = [s for s in record.segments if s.language is not None]
    assert {s.language for s in others} == {"de"}
    assert min(s.start for s in others) >= 3.5 and max(s.end for s in others) <= 14
    codes = {notice.code for notice in record.notices}
    assert "several-languages" in codes
    heard = sum(s.end - s.start for s in others)
    assert heard > 7 or codes & {"words-dropped", "voice-without-words"}


@pytest.mark.slow
def test_one_language_is_not_split(stored_model: Callable[[str], StoredModel]) -> None:
    record = transcript(load_audio(SPEECH), stored_model("whisper-base-ct2"))
    assert all(s.language is None for s in record.segments)
    assert record.notices == ()
