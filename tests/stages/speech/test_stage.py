from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from tests.stages.speech.conftest import RATE, WORDLESS, WORDS, chord, make_stage, noise, plain, transcribe
from valex_local.errors import ConfigError, InputError
from valex_local.records import Sound, Transcript
from valex_local.stages.base import Item
from valex_local.stages.speech import SpeechStage
from valex_local.store import StoredModel

MakeItem = Callable[..., Item]


@pytest.fixture(scope="module")
def greedy(whisper: StoredModel) -> Iterator[SpeechStage]:
    """The stage with one beam, for what does not depend on how many there are: five take three times as long."""
    made = make_stage(whisper, beam_size=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def heard(stage: SpeechStage, speech: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Transcript:
    """The transcript of the two sentences, two seconds into the video."""
    return stage([_track(stage, np.concatenate([np.zeros(2 * RATE, np.float32), speech]))])[0].record


def _track(stage: SpeechStage, samples: np.ndarray):
    from valex_local.stages.speech.stage import SpeechTrack
    from valex_local.stages.speech.vad import find_voice

    voice = find_voice(samples, threshold=0.5)
    return SpeechTrack(samples, voice, voice.pieces(len(samples) / RATE), has_sound=True)


def test_every_word_and_a_line_a_sentence(heard: Transcript) -> None:
    assert " ".join(segment.text for segment in heard.segments) == WORDS
    assert [segment.id for segment in heard.segments] == ["S1", "S2"]
    assert heard.dropped == ()
    assert heard.notices == ()


def test_language_with_probability(heard: Transcript) -> None:
    assert heard.language == "en"
    assert heard.language_probability > 0.9


def test_three_facts_of_speech(heard: Transcript) -> None:
    assert heard.sound == Sound(has_sound=True, has_verbal_sound=True, has_speech=True)


def test_times_are_those_of_the_video(heard: Transcript) -> None:
    words = [word for segment in heard.segments for word in segment.words]
    assert 1.7 < words[0].start < 2.3
    assert 10.0 < words[-1].end < 10.8
    assert all(w.start <= w.end for w in words)
    assert all(a.end <= b.start + 0.011 for a, b in pairwise(words))
    for segment in heard.segments:
        assert "".join(word.text for word in segment.words).strip() == segment.text
        assert segment.start == segment.words[0].start
        assert segment.end == segment.words[-1].end


def test_record_survives_json(heard: Transcript) -> None:
    assert Transcript.parse(heard.to_json()) == heard


def test_no_sound_track(stage: SpeechStage, make_item: MakeItem) -> None:
    (record,) = transcribe(stage, make_item(None))
    assert record.skipped == "the video has no audio track"
    assert record.sound == Sound(has_sound=False, has_verbal_sound=False, has_speech=False)


@pytest.mark.parametrize("level", [0.0, 0.0005])
def test_silent_track(stage: SpeechStage, make_item: MakeItem, level: float) -> None:
    item = make_item(noise(5, level=level) if level else np.zeros(5 * RATE, np.float32))
    track = stage.prepare(item)
    assert track.samples is None
    record = stage([track])[0].record
    assert record.sound == Sound(has_sound=False, has_verbal_sound=False, has_speech=False)
    assert record.skipped is None
    assert (record.segments, record.dropped) == ((), ())


@pytest.mark.parametrize("name", WORDLESS)
def test_sound_without_words(stage: SpeechStage, make_item: MakeItem, name: str) -> None:
    (record,) = transcribe(stage, make_item(WORDLESS[name](12)))
    assert record.sound == Sound(has_sound=True, has_verbal_sound=False, has_speech=False)
    assert record.segments == ()
    assert record.language is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pink noise", "drums", "whoosh"])
def test_inventions_fall_even_where_the_voice_detector_is_deaf_to_nothing(
    whisper: StoredModel, make_item: MakeItem, name: str
) -> None:
    """With the detector wide open Whisper gets wordless sound; what it invents must fall by the other figures."""
    stage = make_stage(whisper, voice_threshold=1e-9, min_voice=0.0, beam_size=1)
    (record,) = transcribe(stage, make_item(WORDLESS[name](6)))
    assert record.segments == ()
    assert record.dropped
    assert not record.sound.has_verbal_sound


@pytest.mark.slow
def test_words_survive_noise_and_music_around_them(stage: SpeechStage, make_item: MakeItem, speech: np.ndarray) -> None:
    for bed in (noise(20, level=0.003, slope=0.5), chord(20) * 0.1):
        bed[6 * RATE : 6 * RATE + len(speech)] += speech
        (record,) = transcribe(stage, make_item(bed))
        assert plain(" ".join(s.text for s in record.segments)) == plain(WORDS)
        assert record.segments[0].start > 5.5
        assert record.sound.has_speech


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_no_speech": 0.0}, "no-speech probability"),
        ({"min_avg_logprob": 0.0}, "mean log-probability"),
    ],
)
def test_dropped_text_is_kept_apart_with_the_reason(
    whisper: StoredModel, make_item: MakeItem, speech: np.ndarray, settings: dict[str, float], reason: str
) -> None:
    (record,) = transcribe(make_stage(whisper, beam_size=1, **settings), make_item(speech))
    assert record.segments == ()
    assert " ".join(segment.text for segment in record.dropped) == WORDS
    assert all(reason in segment.reason for segment in record.dropped)
    (notice,) = (n for n in record.notices if n.code == "all-words-dropped")
    assert notice.text.startswith("All that was recognised, 2 lines, was dropped: ")
    assert record.sound == Sound(has_sound=True, has_verbal_sound=False, has_speech=False)
    assert record.language is None


@pytest.mark.slow
def test_records_do_not_depend_on_company_or_order(
    greedy: SpeechStage, make_item: MakeItem, speech: np.ndarray
) -> None:
    items = [make_item(speech, "a"), make_item(speech[: 4 * RATE], "b"), make_item(chord(6), "c")]
    alone = [transcribe(greedy, item)[0].to_json() for item in items]
    assert [record.to_json() for record in transcribe(greedy, *items)] == alone
    assert [record.to_json() for record in transcribe(greedy, *reversed(items))] == alone[::-1]


@pytest.mark.slow
def test_long_tracks_are_recognised_to_their_end(greedy: SpeechStage, make_item: MakeItem, speech: np.ndarray) -> None:
    gap = np.zeros(4 * RATE, np.float32)
    (record,) = transcribe(greedy, make_item(np.concatenate([speech, gap, speech, gap, speech, gap, speech])))
    assert " ".join(s.text for s in record.segments) == " ".join([WORDS] * 4)
    for i, segment in enumerate(record.segments[::2]):
        assert segment.start == pytest.approx(i * (len(speech) / RATE + 4), abs=0.5)
    assert [s.id for s in record.segments] == [f"S{i + 1}" for i in range(8)]


@pytest.mark.slow
def test_named_language_is_not_guessed(whisper: StoredModel, make_item: MakeItem, speech: np.ndarray) -> None:
    (record,) = transcribe(make_stage(whisper, language="en"), make_item(speech))
    assert (record.language, record.language_probability) == ("en", None)
    assert " ".join(segment.text for segment in record.segments) == WORDS


@pytest.mark.slow
def test_translation_has_no_word_times(whisper: StoredModel, make_item: MakeItem, speech: np.ndarray) -> None:
    (record,) = transcribe(make_stage(whisper, translate=True, beam_size=1), make_item(speech))
    assert record.task == "translate"
    assert record.segments
    assert all(segment.words == () for segment in record.segments)


@pytest.mark.parametrize("code", ["xx", "english", "EN"])
def test_unknown_language_is_refused(whisper: StoredModel, code: str) -> None:
    with pytest.raises(ConfigError, match=rf"does not know '{code}'.*\ben\b"):
        make_stage(whisper, language=code)


def test_missing_sound_file_is_an_error_of_that_post(stage: SpeechStage, make_item: MakeItem) -> None:
    item = make_item(noise(1))
    (item.folder / "audio.flac").unlink()
    with pytest.raises(InputError):
        stage.prepare(item)
