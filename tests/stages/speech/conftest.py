"""Sounds with known words, and sounds without any."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from valex_local.records import AudioTrack, Media, Post, Transcript
from valex_local.settings import Settings
from valex_local.stages.base import Context, Item
from valex_local.stages.media.audio import encode_flac, level_db, load_audio
from valex_local.stages.speech import SpeechStage
from valex_local.store import StoredModel
from valex_local.system.devices import Device

RATE = 16000
SPEECH = Path(__file__).parent / "data" / "two_sentences.flac"
WORDS = (
    "My grandmother taught me this recipe when I was six years old. "
    "Please tell your brother Daniel that I am really sorry about yesterday."
)
CPU = Device("cpu", threads=2)


def plain(text: str) -> list[str]:
    """Words without case and punctuation."""
    return "".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split()


def noise(seconds: float, *, level: float = 0.1, slope: float = 0.0) -> np.ndarray:
    """White noise; `slope` 0.5 makes it pink, 1 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(round(seconds * RATE)))
    spectrum /= np.arange(1, len(spectrum) + 1) ** slope
    x = np.fft.irfft(spectrum)
    return (level * x / x.std()).astype(np.float32)


def hum(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def drums(seconds: float) -> np.ndarray:
    """A kick and a hi-hat, 120 beats a minute."""
    t = np.arange(RATE // 4) / RATE
    kick = 0.6 * np.exp(-10 * t) * np.sin(2 * np.pi * (60 + 80 * np.exp(-30 * t)) * t)
    hat = 0.25 * np.exp(-32 * t) * np.random.default_rng(1).standard_normal(len(t))
    beat = np.concatenate([kick, hat])
    return np.tile(beat, int(seconds * 2) + 1)[: round(seconds * RATE)].astype(np.float32)


def melody(seconds: float) -> np.ndarray:
    """Plucked notes with five harmonics."""
    t = np.arange(RATE // 2) / RATE
    notes = [
        sum(np.sin(2 * np.pi * f * h * t) / h for h in range(1, 6)) * np.exp(-3 * t) * 0.15
        for f in (261.6, 329.6, 392.0, 523.2, 440.0, 392.0, 329.6, 293.7)
    ]
    return np.tile(np.concatenate(notes), int(seconds / 4) + 1)[: round(seconds * RATE)].astype(np.float32)


def chord(seconds: float) -> np.ndarray:
    """A sustained chord that swells; over it Whisper base writes whole sentences."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = sum(np.sin(2 * np.pi * f * h * t) / h for f in (220, 277.2, 329.6) for h in range(1, 9))
    return (0.05 * x * (1 + 0.5 * np.sin(2 * np.pi * 0.3 * t))).astype(np.float32)


def whoosh(seconds: float) -> np.ndarray:
    """A sweep of noise in the middle of plucked notes: the usual cut effect, which Whisper hears as a shout."""
    x = melody(seconds)
    burst = noise(0.35, level=0.3, slope=0.3) * np.hanning(round(0.35 * RATE)).astype(np.float32)
    x[RATE : RATE + len(burst)] += burst
    return x


WORDLESS: dict[str, Callable[[float], np.ndarray]] = {
    "white noise": noise,
    "pink noise": lambda s: noise(s, slope=0.5),
    "brown noise": lambda s: noise(s, slope=1.0),
    "faint noise": lambda s: noise(s, level=0.002),
    "hum": hum,
    "drums": drums,
    "melody": melody,
    "band": lambda s: drums(s) + melody(s),
    "chord": chord,
    "whoosh": whoosh,
}


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """Two sentences, read by a synthetic voice."""
    return load_audio(SPEECH)


@pytest.fixture
def make_item(tmp_path: Path) -> Callable[..., Item]:
    """Put sound into a post's folder as the media stage does; None is a video without sound."""

    def make(samples: np.ndarray | None, name: str = "p") -> Item:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        audio = None
        if samples is not None:
            pcm = np.clip(samples * 32768, -32768, 32767).astype(np.int16)
            rms, peak = level_db(pcm)
            (folder / "audio.flac").write_bytes(encode_flac(pcm))
            audio = AudioTrack(
                codec="aac",
                sample_rate=44100,
                channels=2,
                duration=len(pcm) / RATE,
                rms_db=rms,
                peak_db=peak,
                file="audio.flac",
                sha256=hashlib.sha256(pcm.tobytes()).hexdigest(),
            )
        return Item(Post(id=name), folder, {"media": Media(container="mp4", duration=10.0, audio=audio)})

    return make


def make_stage(model: StoredModel, **settings: object) -> SpeechStage:
    return SpeechStage(Context(Settings.model_validate({"speech": settings}), {"asr": model}, CPU))


def transcribe(stage: SpeechStage, *items: Item) -> list[Transcript]:
    outputs = stage([stage.prepare(item) for item in items])
    return [output.record for output in outputs]


@pytest.fixture(scope="session")
def whisper(stored_model: Callable[[str], StoredModel]) -> StoredModel:
    return stored_model("whisper-base-ct2")


@pytest.fixture(scope="session")
def stage(whisper: StoredModel) -> Iterator[SpeechStage]:
    made = make_stage(whisper)
    yield made
    made.close()
