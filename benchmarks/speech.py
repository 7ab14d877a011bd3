"""Speech: our stage on CTranslate2, compared with openai-whisper with the same weights.

The checkpoint of openai-whisper is converted from the weights in the store. It is measured in two ways. Through our
stage, on the same pieces of audio, only the engine differs: this is the baseline of the word difference, because with
equal weights, input and decoding the words must be equal. And with ``model.transcribe`` over the whole audio with its
defaults, as the library is used directly: this is what a lab would use otherwise, without voice detection and batches.

All ways have the same number of beams, temperature 0 (with sampling, the cost would be random), the language if it is
known, and word times, since our records contain them. Models are loaded beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from benchmarks.clips import make_clips
from benchmarks.environment import Environment
from benchmarks.measure import Measurement, interleaved
from benchmarks.results import Check, Result
from valex_local.errors import InputError, ModelError, ValexError
from valex_local.settings import Settings, SpeechSettings
from valex_local.stages.base import Context
from valex_local.store import StoredModel

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from valex_local.records import Transcript

OURS, ALONE = "faster-whisper", "faster-whisper, one by one"
SAME, WHOLE = "openai-whisper, same pieces", "openai-whisper, whole sound"
FP32_BAR, INT8_BAR = 1.8, 3.3
WORD_DIFFERENCE, WORSE = 0.005, 0.02
CLIPS, SECONDS = 2, 45.0
QUICK_CLIPS, QUICK_SECONDS = 1, 16.0
WARM_SECONDS = 4
LEFT_OUT = ("compute_type", "batches")
"""Options of a manifest that the benchmarks set themselves."""
RATE = 16_000

Way = Callable[[], list[str]]
"""Returns the words recognised in each sample."""


@dataclass(frozen=True)
class SpeechSample:
    """Audio, float32 at 16 kHz mono, and what is said in it, if known."""

    samples: NDArray[np.float32]
    said: str | None


def fp32(env: Environment) -> Result:
    """Return the measurements of our default: pieces with a voice one by one, float32 on the CPU."""
    model, sounds = _model(env), _sounds(env)
    other = as_openai(model, env.scratch)
    ways = {OURS: _stage(model, env, sounds), SAME: _stage(other, env, sounds), WHOLE: _whole(other, env, sounds)}
    found = _measured(ways, env)
    checks = [
        *_ratios(found, env, FP32_BAR),
        Check("share of words that differ, same pieces", _difference(found, SAME), WORD_DIFFERENCE, "at most"),
    ]
    return Result("speech-fp32", {way: m.cost for way, m in found.items()}, tuple(checks), _facts(model, sounds, found))


def int8(env: Environment) -> Result:
    """Return the measurements of 8-bit integers, with batches of pieces as a manifest may ask for, and one by one.

    For videos without a known text, the quality figure is the fraction of words that differ, which is an upper bound of
    the increase in word errors.
    """
    model, sounds = _model(env), _sounds(env)
    small = {**model.options, "compute_type": "int8"}
    ways = {
        OURS: _stage(replace(model, options={**small, "batches": True}), env, sounds),
        ALONE: _stage(replace(model, options={**small, "batches": False}), env, sounds),
        WHOLE: _whole(as_openai(model, env.scratch), env, sounds),
    }
    found = _measured(ways, env)
    if all(sound.said is not None for sound in sounds):
        worse = word_errors(sounds, found[OURS].output) - word_errors(sounds, found[WHOLE].output)
        gate = Check("word error rate, ours less openai-whisper's", worse, WORSE, "at most")
    else:
        gate = Check("share of words that differ", _difference(found, WHOLE), WORSE, "at most")
    facts = {**_facts(model, sounds, found), "compute_type": "int8"}
    return Result(
        "speech-int8", {way: m.cost for way, m in found.items()}, (*_ratios(found, env, INT8_BAR), gate), facts
    )


# --- what is measured -------------------------------------------------------------------------------------------------


def as_openai(model: StoredModel, folder: Path) -> StoredModel:
    """Return a model converted to an openai-whisper checkpoint."""
    import torch

    from scripts.convert_whisper import convert

    made = folder / "openai-whisper"
    made.mkdir()
    torch.save(convert(model.folder), made / "model.pt")
    return replace(model, id=f"{model.id}-openai", engine="openai-whisper", folder=made, options={})


def _model(env: Environment) -> StoredModel:
    model = env.store.resolve(env.profile, {}, needed=["asr"])["asr"]
    if model.engine != "faster-whisper":
        raise ModelError(
            f"the model {model.id} is not for faster-whisper: there is nothing to compare", path=model.folder
        )
    return replace(model, options={key: value for key, value in model.options.items() if key not in LEFT_OUT})


def _sounds(env: Environment) -> list[SpeechSample]:
    """Return the audio of the user's videos, or else of clips made here."""
    from faster_whisper import decode_audio

    count, seconds = (QUICK_CLIPS, QUICK_SECONDS) if env.quick else (CLIPS, SECONDS)
    if not env.videos:
        clips = make_clips(env.scratch, count, seconds)
        return [SpeechSample(decode_audio(str(clip.path), RATE), clip.said) for clip in clips]
    sounds = [SpeechSample(decode_audio(str(path), RATE), None) for path in env.videos if _has_sound(path)]
    if not sounds:
        raise InputError("none of the videos has an audio track", hint="Give others, or leave out --videos")
    return sounds[:count]


def _has_sound(path: Path) -> bool:
    from valex_local.stages.media.decode import open_video

    with open_video(path) as container:
        return bool(container.streams.audio)


# --- ways -------------------------------------------------------------------------------------------------------------


def _settings(sounds: Sequence[SpeechSample]) -> SpeechSettings:
    """Return the default settings; clips made here are known to be English."""
    known = all(sound.said is not None for sound in sounds)
    return SpeechSettings(language="en" if known else None)


def _stage(model: StoredModel, env: Environment, sounds: Sequence[SpeechSample]) -> Way:
    """Return the way through our stage, including voice detection, in batches of its size; warmed up."""
    from valex_local.stages.speech.stage import SpeechStage
    from valex_local.stages.speech.transcript import SpeechTrack
    from valex_local.stages.speech.vad import find_voice

    settings = _settings(sounds)
    stage = SpeechStage(Context(Settings(speech=settings), {"asr": model}, env.device))

    def track(samples: NDArray[np.float32]) -> SpeechTrack:
        voice = find_voice(samples, threshold=settings.voice_threshold)
        return SpeechTrack(samples, voice, voice.pieces(len(samples) / RATE), has_sound=True)

    def transcribe(samples: Sequence[SpeechSample]) -> list[str]:
        texts = []
        for at in range(0, len(samples), stage.batch_size):
            for output in stage([track(sample.samples) for sample in samples[at : at + stage.batch_size]]):
                if isinstance(output, ValexError):
                    raise output
                texts.append(" ".join(segment.text for segment in cast("Transcript", output.record).segments))
        return texts

    transcribe(_beginnings(sounds))
    return lambda: transcribe(sounds)


def _whole(model: StoredModel, env: Environment, sounds: Sequence[SpeechSample]) -> Way:
    """Return the way of the library on its own; warmed up."""
    from valex_local.stages.speech.openai_whisper import load_checkpoint

    settings = _settings(sounds)
    network = load_checkpoint(model.folder / "model.pt").to(env.device.kind).eval()

    def transcribe(samples: Sequence[SpeechSample]) -> list[str]:
        return [
            network.transcribe(
                sample.samples,
                language=settings.language,
                beam_size=settings.beam_size,
                temperature=0.0,
                word_timestamps=True,
                fp16=env.device.kind == "cuda",
            )["text"]
            for sample in samples
        ]

    transcribe(_beginnings(sounds))
    return lambda: transcribe(sounds)


def _beginnings(sounds: Sequence[SpeechSample]) -> list[SpeechSample]:
    return [replace(sounds[0], samples=sounds[0].samples[: WARM_SECONDS * RATE])]


def _measured(ways: dict[str, Way], env: Environment) -> dict[str, Measurement[list[str]]]:
    found = interleaved(ways, rounds=env.rounds)
    if not any(normal(text) for text in found[OURS].output):
        raise InputError("no words were recognised in any of the videos", hint="Give videos in which people speak")
    return found


# --- figures ----------------------------------------------------------------------------------------------------------


def _ratios(found: dict[str, Measurement[list[str]]], env: Environment, bar: float) -> list[Check]:
    """Return the cost of the cheaper way of openai-whisper relative to ours."""
    ours = found[OURS].cost
    others = [m.cost for way, m in found.items() if way in (SAME, WHOLE)]
    what = "openai-whisper / faster-whisper"
    cpu = Check(f"CPU time, {what}", min(other.cpu for other in others) / ours.cpu, bar)
    wall = Check(f"wall time, {what}", min(other.wall for other in others) / ours.wall, bar)
    if env.device.kind == "cuda":
        return [wall]
    return [cpu] if env.quick else [cpu, wall]


def _difference(found: dict[str, Measurement[list[str]]], other: str) -> float:
    return _edits([(one, our) for one, our in zip(found[other].output, found[OURS].output, strict=True)])


def word_errors(sounds: Sequence[SpeechSample], recognised: Sequence[str]) -> float:
    """Return the word error rate over all samples: edits divided by the number of words said."""
    return _edits([(sound.said or "", text) for sound, text in zip(sounds, recognised, strict=True)])


def _edits(pairs: Sequence[tuple[str, str]]) -> float:
    from rapidfuzz.distance import Levenshtein

    normalised = [(normal(right), normal(other)) for right, other in pairs]
    edits = sum(Levenshtein.distance(right, other) for right, other in normalised)
    return edits / max(1, sum(len(right) for right, _ in normalised))


def normal(text: str) -> list[str]:
    """Return the words of a text, normalised by Whisper's own English normaliser (case, punctuation, numbers)."""
    from whisper.normalizers import EnglishTextNormalizer

    words: str = EnglishTextNormalizer()(text)
    return words.split()


def _facts(
    model: StoredModel, sounds: Sequence[SpeechSample], found: dict[str, Measurement[list[str]]]
) -> dict[str, object]:
    facts: dict[str, object] = {
        "model": model.id,
        "sounds": len(sounds),
        "seconds": round(sum(len(sound.samples) for sound in sounds) / RATE, 1),
        "words": sum(len(normal(text)) for text in found[OURS].output),
        "beams": _settings(sounds).beam_size,
        "share_of_words_that_differ": {way: _difference(found, way) for way in found if way != OURS},
    }
    if all(sound.said is not None for sound in sounds):
        facts["word_error_rate"] = {way: word_errors(sounds, m.output) for way, m in found.items()}
    return facts
