"""Synthetic clips with burned-in captions over moving backgrounds, and their ground truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, RATE = 540, 960, 24
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")


@dataclass(frozen=True)
class Caption:
    """Lines shown in [start, end); `top` is a fraction of the height, `size` the font size in pixels."""

    text: str
    start: float
    end: float
    top: float = 0.78
    size: int = 40
    fill: tuple[int, int, int] = (255, 255, 255)
    outline: int = 3
    left: float | None = None


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(str(FONT), size) if FONT.is_file() else ImageFont.load_default(size)


def gradient(width: int, height: int, time: float) -> np.ndarray:
    """Draw a sliding colour gradient."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    phase = 2 * np.pi * time / 4
    red = 120 + 70 * np.sin(x / 90 + phase)
    green = 110 + 60 * np.sin(y / 130 - phase * 1.3)
    blue = 130 + 60 * np.sin((x + y) / 150 + phase * 0.7)
    return np.dstack((red, green, blue)).clip(0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _grown(coarse: bytes, width: int, height: int) -> Image.Image:
    picture = Image.frombytes("RGB", (48, 48), coarse)
    return picture.resize((width, height), Image.Resampling.BICUBIC)


def blobs(width: int, height: int, time: float) -> np.ndarray:
    """Draw coarse noise that moves like a textured scene under a panning camera."""
    rng = np.random.default_rng(7)
    coarse = rng.integers(30, 220, (48, 48, 3), dtype=np.uint8)
    big = _grown(coarse.tobytes(), width * 2, height * 2)
    left, top = int(60 * time) % width, int(35 * time) % height
    return np.asarray(big.crop((left, top, left + width, top + height)))


def shapes(width: int, height: int, time: float) -> np.ndarray:
    """Draw moving discs and bars with hard edges, some as thin as letters."""
    picture = Image.new("RGB", (width, height), (70, 90, 110))
    draw = ImageDraw.Draw(picture)
    rng = np.random.default_rng(3)
    for _ in range(40):
        x, y, dx, dy, r = rng.uniform(0, 1, 5)
        cx = (x + 0.3 * (dx - 0.5) * time) % 1.0 * width
        cy = (y + 0.3 * (dy - 0.5) * time) % 1.0 * height
        colour = tuple(int(c) for c in rng.integers(20, 255, 3))
        if r < 0.5:
            draw.ellipse((cx, cy, cx + 20 + 120 * r, cy + 20 + 120 * r), fill=colour)
        else:
            draw.line((cx, cy, cx + 160 * (dx - 0.5), cy + 160 * (dy - 0.5)), fill=colour, width=3 + int(6 * r))
    return np.asarray(picture)


def cuts(width: int, height: int, time: float) -> np.ndarray:
    """Draw another scene every 0.7 seconds."""
    scene = int(time / 0.7)
    return (blobs, shapes, gradient)[scene % 3](width, height, time + 11 * scene)


def still(width: int, height: int, time: float) -> np.ndarray:
    """Draw a textured scene that does not move."""
    return shapes(width, height, 2.0)


BACKGROUNDS = {f.__name__: f for f in (gradient, blobs, shapes, cuts, still)}


def draw_captions(frame: np.ndarray, captions: Sequence[Caption], time: float) -> np.ndarray:
    picture = Image.fromarray(frame)
    draw = ImageDraw.Draw(picture)
    for caption in captions:
        if not caption.start <= time < caption.end:
            continue
        face = font(caption.size)
        box = draw.multiline_textbbox((0, 0), caption.text, font=face, stroke_width=caption.outline, align="center")
        x = (frame.shape[1] - box[2]) / 2 if caption.left is None else caption.left * frame.shape[1]
        draw.multiline_text(
            (x, caption.top * frame.shape[0]), caption.text, font=face, fill=caption.fill,
            stroke_width=caption.outline, stroke_fill=(0, 0, 0), align="center",
        )  # fmt: skip
    return np.asarray(picture)


def encode(path: Path, duration: float, paint: Callable[[float], np.ndarray], rate: int = RATE) -> Path:
    """Write an H.264 video of the frames that `paint(time)` draws."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"crf": "26", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for i in range(round(duration * rate)):
            rgb = np.ascontiguousarray(paint(i / rate))
            if i == 0:
                stream.height, stream.width = rgb.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode())
    return path


def make_clip(
    path: Path,
    captions: Sequence[Caption] = (),
    background: str = "blobs",
    duration: float = 6.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    rate: int = RATE,
) -> Path:
    """Draw a clip: captions over a moving background."""
    return encode(path, duration, lambda t: draw_captions(BACKGROUNDS[background](*size, t), captions, t), rate)


def karaoke(text: str, start: float, step: float, hold: float = 0.5, **style) -> list[Caption]:
    """Return a left-aligned caption that grows by a word every `step` seconds and is then shown for `hold` seconds."""
    words = text.split()
    end = start + step * len(words) + hold
    times = [start + step * i for i in range(len(words))] + [end]
    return [Caption(" ".join(words[: i + 1]), times[i], times[i + 1], left=0.06, **style) for i in range(len(words))]
