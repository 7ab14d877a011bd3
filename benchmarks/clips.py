"""Clips for the benchmarks: a moving background, captions that appear and disappear, voices spoken by flite.

Speech and captions are assembled at random from a few words; the same seed gives the same clip. Fonts are those of the
libraries, voices those of the program ``flite`` (Debian: the package of that name).
"""

from __future__ import annotations

import random
import shutil
import subprocess
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from valex_local.errors import InputError

if TYPE_CHECKING:
    from av.container import OutputContainer

WIDTH, HEIGHT, FRAME_RATE = 540, 960, 30
SAMPLE_RATE = 16_000
WANDER = 60
"""How far the window moves to either side, pixels."""
SHOT_SECONDS = 4.3
PAUSE_SECONDS = 0.6
LETTER_SIZE, EDGE = 32, 3
CAPTION_SECONDS = (0.8, 1.5, 3.0)
CAPTION_PAUSE = 0.5
VOICES = ("slt", "rms")

WHO = ("my mother", "a stranger", "the teacher", "my boss", "an old friend", "the neighbour", "my sister")
DID = ("bought", "cleaned", "broke", "lost", "shared", "painted", "repaired", "gave away")
WHAT = ("the old bike", "a whole dinner", "this dress", "my first car", "the garden", "a new lamp", "the photographs")
WHEN = ("this morning", "last Sunday", "in the evening", "that summer", "on a holiday", "after school")
SENTENCES = (
    "{who} {did} {what} {when}.",
    "I {did} {what} {when}, and nobody said a word about it.",
    "Do you remember how {who} {did} {what}?",
    "{when} we {did} {what}, because that is what families do.",
    "You should never forget who {did} {what} for you.",
)


@dataclass(frozen=True)
class Shown:
    """A caption of a clip; times are in seconds from its start."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class BenchmarkClip:
    """A clip made here, and its content.

    Attributes
    ----------
    path : Path
        The video file.
    said : str
        Everything that is spoken in it.
    shown : tuple of Shown
        Its captions.
    cuts : tuple of float
        Times at which its background changes, seconds.
    """

    path: Path
    said: str
    shown: tuple[Shown, ...]
    cuts: tuple[float, ...]


def make_clip(path: Path, seconds: float, *, seed: int = 0, voices: bool = True) -> BenchmarkClip:
    """Make a portrait clip of 540 x 960 pixels at 30 frames per second, H.264 and AAC in MP4.

    Parameters
    ----------
    path : Path
        Where to write it.
    seconds : float
        Its length.
    seed : int
        Seed of everything random.
    voices : bool
        Whether it contains speech; otherwise it has no audio track.

    Returns
    -------
    BenchmarkClip
        The clip, and its content.

    Raises
    ------
    InputError
        Voices are wanted, but flite is not installed.
    """
    import av

    generator = random.Random(seed)
    samples, said = _speech(seconds, generator) if voices else (None, "")
    shown = _captions(seconds, generator)
    cuts = tuple(
        c for n in range(1, int(seconds / SHOT_SECONDS) + 1) if (c := round(n * SHOT_SECONDS, 3)) < seconds - 0.7
    )
    with av.open(str(path), "w", format="mp4") as container:
        pictures = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "veryfast", "crf": "23"})
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        pictures.thread_count = 1  # several clips may be encoded in parallel
        sound = None if samples is None else container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for picture in _pictures(seconds, shown, cuts, seed):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(pictures.encode(None))
        if samples is not None:
            _write_sound(container, sound, samples)
    return BenchmarkClip(path, said, shown, cuts)


def make_clips(
    folder: Path, count: int, seconds: float, *, voices: bool = True, threads: int = 1
) -> tuple[BenchmarkClip, ...]:
    """Make clips with different seeds; see `make_clip`.

    Parameters
    ----------
    folder : Path
        Where to write them.
    count : int
        Number of clips.
    seconds : float
        Length of each.
    voices : bool
        Whether they contain speech.
    threads : int
        Number of clips to make in parallel.

    Returns
    -------
    tuple of BenchmarkClip
        The clips.
    """
    paths = [folder / f"clip-{seconds:g}s-{seed}.mp4" for seed in range(count)]
    with ThreadPoolExecutor(threads) as pool:
        return tuple(
            pool.map(lambda path, seed: make_clip(path, seconds, seed=seed, voices=voices), paths, range(count))
        )


# --- pictures -------------------------------------------------------------------------------------------------------


def _pictures(
    seconds: float, shown: tuple[Shown, ...], cuts: tuple[float, ...], seed: int
) -> Iterator[NDArray[np.uint8]]:
    """Yield RGB frames, (HEIGHT, WIDTH, 3): a window that moves over the texture of each shot, with captions on top."""
    drawn = {caption: _lettering(caption.text) for caption in shown}
    texture, shot = _texture(seed, 0), 0
    for number in range(round(seconds * FRAME_RATE)):
        time = number / FRAME_RATE
        if shot < len(cuts) and time >= cuts[shot]:
            shot += 1
            texture = _texture(seed, shot)
        x = round(WANDER * (1 + np.sin(time * 1.7 + shot)))
        y = round(WANDER * (1 + np.cos(time * 1.1)))
        picture = texture[y : y + HEIGHT, x : x + WIDTH].copy()
        for index, caption in enumerate(shown):
            if caption.start <= time < caption.end:
                _overlay(picture, drawn[caption], y=HEIGHT // 5 + (index % 4) * HEIGHT // 6)
        yield picture


def _texture(seed: int, shot: int) -> NDArray[np.uint8]:
    """Return coloured clouds of two sizes, larger than a frame by the distance that the window moves."""
    generator = np.random.default_rng((seed, shot))
    coarse, fine = (_clouds(generator, rows) for rows in (8, 96))
    mixed = 0.55 * coarse + 0.2 * fine + generator.integers(-10, 40, 3)
    picture: NDArray[np.uint8] = np.clip(mixed, 0, 255).astype(np.uint8)
    return picture


def _clouds(generator: np.random.Generator, rows: int) -> NDArray[np.float32]:
    import cv2

    few = generator.integers(0, 256, (rows, rows * 9 // 16, 3)).astype(np.float32)
    size = (WIDTH + 2 * WANDER, HEIGHT + 2 * WANDER)
    return np.asarray(cv2.resize(few, size, interpolation=cv2.INTER_CUBIC))


def _lettering(text: str) -> NDArray[np.uint8]:
    """Return white letters with a black edge, RGBA, in a smaller size if the text would not fit into a frame."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(LETTER_SIZE)
    left, top, right, bottom = font.getbbox(text, stroke_width=EDGE)
    if right - left > WIDTH - 4 * EDGE:
        font = ImageFont.load_default(LETTER_SIZE * (WIDTH - 4 * EDGE) / (right - left))
        left, top, right, bottom = font.getbbox(text, stroke_width=EDGE)
    image = Image.new("RGBA", (round(right - left) + 2 * EDGE, round(bottom - top) + 2 * EDGE))
    ImageDraw.Draw(image).text(
        (EDGE - left, EDGE - top), text, font=font, fill="white", stroke_width=EDGE, stroke_fill="black"
    )
    return np.asarray(image)


def _overlay(picture: NDArray[np.uint8], letters: NDArray[np.uint8], *, y: int) -> None:
    """Draw letters over a frame, centred horizontally."""
    height, width = letters.shape[:2]
    x = (WIDTH - width) // 2
    under = picture[y : y + height, x : x + width]
    alpha = letters[..., 3:].astype(np.float32) / 255
    under[:] = (alpha * letters[..., :3] + (1 - alpha) * under).astype(np.uint8)


def _captions(seconds: float, generator: random.Random) -> tuple[Shown, ...]:
    found: list[Shown] = []
    time = CAPTION_PAUSE
    while time + (length := generator.choice(CAPTION_SECONDS)) < seconds - 0.2:
        words = f"{generator.choice(DID)} {generator.choice(WHAT)}".upper()
        found.append(Shown(f"{len(found) + 1}. {words}", time, round(time + length, 3)))
        time = round(time + length + CAPTION_PAUSE, 3)
    return tuple(found)


# --- audio ----------------------------------------------------------------------------------------------------------


def _speech(seconds: float, generator: random.Random) -> tuple[NDArray[np.int16], str]:
    """Return mono samples for the whole clip, and the sentences spoken in them."""
    program = shutil.which("flite")
    if program is None:
        raise InputError("flite is not installed", hint="Install it (Debian: flite), or give --videos DIR")
    track = np.zeros(round(seconds * SAMPLE_RATE), np.int16)
    said: list[str] = []
    at = round(PAUSE_SECONDS * SAMPLE_RATE)
    while True:
        sentence = _sentence(generator)
        samples = _spoken(program, sentence, VOICES[len(said) // 4 % len(VOICES)])
        if at + len(samples) > len(track):
            return track, " ".join(said)
        track[at : at + len(samples)] = samples
        said.append(sentence)
        at += len(samples) + round(PAUSE_SECONDS * SAMPLE_RATE)


def _sentence(generator: random.Random) -> str:
    words = {"who": WHO, "did": DID, "what": WHAT, "when": WHEN}
    sentence = generator.choice(SENTENCES).format(**{name: generator.choice(found) for name, found in words.items()})
    return sentence[0].upper() + sentence[1:]


def _spoken(program: str, sentence: str, voice: str) -> NDArray[np.int16]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "voice.wav"
        subprocess.run([program, "-voice", voice, "-t", sentence, "-o", str(file)], check=True)
        with wave.open(str(file)) as sound:
            if sound.getframerate() != SAMPLE_RATE:
                what = f"flite's voice {voice} does not have a sample rate of {SAMPLE_RATE} Hz"
                raise InputError(what, hint="Install Debian's flite")
            return np.frombuffer(sound.readframes(sound.getnframes()), np.int16)


def _write_sound(container: OutputContainer, stream: Any, samples: NDArray[np.int16]) -> None:
    import av

    for at in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, at : at + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, at, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
