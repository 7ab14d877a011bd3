"""Synthetic clips with known content, made with PyAV: moving shapes, cuts, tones, odd geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RED, GREEN, BLUE, YELLOW = (200, 30, 30), (30, 180, 60), (30, 60, 200), (220, 200, 40)


@dataclass(frozen=True)
class Scene:
    """The time between two cuts: a background with its own pattern and a square that moves over it.

    `pattern` seeds the still texture: two scenes of equal colour and pattern look alike. `blur` smears the picture.
    """

    seconds: float
    colour: tuple[int, int, int] = RED
    pattern: int = 0
    motion: float = 1.0
    blur: int = 0


def tone(seconds: float, *, hertz: float = 440.0, level_db: float = -12.0, rate: int = 44100) -> np.ndarray:
    """Return a sine whose RMS is `level_db` of full scale (a full-scale sine has -3 dB)."""
    t = np.arange(round(seconds * rate)) / rate
    return (np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def silence(seconds: float, *, rate: int = 44100) -> np.ndarray:
    """Return digital silence."""
    return np.zeros(round(seconds * rate), np.float32)


def picture(scene: Scene, at: float, width: int, height: int) -> np.ndarray:
    """Draw a scene `at` seconds after its start: RGB of shape (height, width, 3)."""
    import cv2

    rng = np.random.default_rng(scene.pattern)
    coarse = rng.integers(-40, 41, (8, 8, 1)).repeat(3, axis=2)
    texture = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    image = np.clip(np.array(scene.colour) + texture.reshape(height, width, 3), 0, 255).astype(np.uint8)
    side = max(1, min(width, height) // 4)
    left = round((width - side) * (0.5 + 0.5 * np.sin(2 * at * scene.motion)))
    top = (height - side) // 2
    image[top : top + side, left : left + side] = 255
    if scene.blur:
        image = cv2.blur(image, (scene.blur, scene.blur))
    return image


def draw(scenes: Sequence[Scene], *, width: int, height: int, rate: float) -> list[np.ndarray]:
    """Draw all frames of a clip."""
    return [
        picture(scene, i / rate, width, height) for scene in scenes for i in range(max(1, round(scene.seconds * rate)))
    ]


def make_clip(
    path: Path | str,
    scenes: Sequence[Scene] = (Scene(2.0),),
    *,
    frames: Sequence[np.ndarray] | None = None,
    width: int = 128,
    height: int = 224,
    rate: int = 25,
    times: Sequence[float] | None = None,
    audio: np.ndarray | None = None,
    audio_rate: int = 44100,
    audio_start: float = 0.0,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    audio_codec: str = "aac",
    rotation: int = 0,
    pixel_aspect: Fraction | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Parameters
    ----------
    scenes : sequence of Scene
        What is seen; empty for a clip without a picture track.
    frames : sequence of ndarray (height, width, 3), optional
        Pictures to encode in place of drawn scenes; they give the size too.
    times : sequence of float, optional
        Presentation time of each picture, seconds (a variable frame rate); evenly spaced when left out.
    audio : ndarray of float32, shape (n,) or (n, channels), optional
        Samples in [-1, 1] at `audio_rate`; no sound track when left out.
    audio_start : float
        Seconds by which the sound begins late.
    rotation : {0, 90, 180, 270}
        Degrees clockwise by which players turn the coded picture.
    pixel_aspect : Fraction, optional
        Width of a pixel by its height.

    Returns
    -------
    Path
        Where the clip is.
    """
    images = list(frames) if frames is not None else draw(scenes, width=width, height=height, rate=rate)
    with av.open(str(path), "w", format=container, container_options=container_options or {}) as out:
        sources = []
        if images:
            stream = out.add_stream(codec, rate=rate, options=codec_options or {})
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = pixel_format
            stream.codec_context.time_base = Fraction(1, 60000)
            stream.time_base = Fraction(1, 60000)
            if pixel_aspect is not None:
                stream.codec_context.sample_aspect_ratio = pixel_aspect
            if rotation:
                stream.set_display_rotation(-rotation)
            sources.append((stream, _pictures(images, times, rate)))
        if audio is not None:
            channels = 1 if audio.ndim == 1 else audio.shape[1]
            sound = out.add_stream(audio_codec, rate=audio_rate, layout={1: "mono", 2: "stereo"}[channels])
            sources.append((sound, _sounds(audio, audio_rate, audio_start, sound)))
        # Interleaved by hand: one second of each track at a time.
        todo = [(stream, iter(source)) for stream, source in sources]
        second = 1.0
        held: dict[int, av.frame.Frame] = {}
        while todo:
            for stream, source in list(todo):
                while True:
                    frame = held.pop(id(source), None) or next(source, None)
                    if frame is None:
                        out.mux(stream.encode(None))
                        todo.remove((stream, source))
                        break
                    if frame.time is not None and frame.time >= second:
                        held[id(source)] = frame
                        break
                    out.mux(stream.encode(frame))
            second += 1.0
    return Path(path)


def _pictures(images, times, rate):
    for i, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.time_base = Fraction(1, 60000)
        frame.pts = round((times[i] if times is not None else i / rate) * 60000)
        yield frame


def _sounds(audio, rate, start, stream):
    stream.codec_context.open(strict=False)
    size = stream.codec_context.frame_size or 1024
    samples = np.atleast_2d(audio.T if audio.ndim == 2 else audio).astype(np.float32)
    to_codec = av.AudioResampler(format=stream.codec_context.format, layout=stream.layout, rate=rate)
    for at in range(0, samples.shape[1], size):
        block = np.ascontiguousarray(samples[:, at : at + size])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=stream.layout.name)
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = at + round(start * rate)
        yield from to_codec.resample(frame)
