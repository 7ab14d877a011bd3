"""Captions nearly alike: whether each is found with its own words and times, and what that costs.

ours     the ocr stage as it is, on clips in which a caption gives way to another that differs in a figure or a word
1 fps    one frame per second of the same clips is decoded and read

Each clip is drawn at random: a few captions in one place, one after the other, or a list that grows, over a picture
that may move. A clip is right if every caption is found with exactly its words (spaces and case aside), starts and ends
within `NEAR` seconds, and nothing else is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.clips import Shown
from benchmarks.environment import Environment
from benchmarks.measure import interleaved
from benchmarks.ocr import ANY_SIDE, gated, item_of, second_by_second
from benchmarks.results import Check, Result
from valex_local.records import ScreenText
from valex_local.settings import OcrSettings, Settings
from valex_local.stages.base import Context
from valex_local.stages.ocr.engines import load_engine
from valex_local.stages.ocr.similarity import plain
from valex_local.stages.ocr.stage import OcrStage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

OURS, SECOND = "ours", "1 fps"
CLIPS, QUICK_CLIPS = 200, 5
TIMED = 10
"""Number of clips of which the cost is compared."""
NEAR = 0.3
"""Seconds by which a start or an end may be off."""
RIGHT_BAR, COST_BAR = 0.98, 3.0

KINDS = ("figures", "prices", "names", "negations", "words", "list")
NAMES = ("Anna", "Hanna", "Maria", "Marta", "Paul", "Paula", "Jan", "Jana", "Tom", "Tim", "Leon", "Leona")
NEGATIONS = (
    ("I can do this", "I can't do this"),
    ("I do want it", "I don't want it"),
    ("they are kind", "they aren't kind"),
    ("we will go", "we won't go"),
    ("it is fair", "it is not fair"),
    ("you must share", "you mustn't share"),
)
WORDS = (
    ("I love my", ("mother", "brother", "sister", "father", "home", "house", "horse")),
    ("we need", ("food", "good", "mood", "wood", "hope", "home")),
    ("you should", ("give", "live", "love", "move", "save", "have")),
)
ITEMS = ("milk", "bread", "apples", "soap", "rice", "water", "paper", "salt")
COLOURS = ((255, 255, 255), (255, 225, 60), (120, 235, 255), (255, 170, 190))
SIZES = ((480, 270), (270, 480), (360, 640))
RATES = (10, 15, 24, 25, 30)
BACKGROUNDS = ("plain", "still", "moving", "drifting")
FONTS = ("DejaVuSans-Bold.ttf", "DejaVuSans.ttf", "DejaVuSerif-Bold.ttf")


@dataclass(frozen=True)
class Drawing:
    """How the captions of a clip are drawn."""

    size: tuple[int, int]
    rate: int
    font: str
    letters: int
    edge: int
    colours: tuple[tuple[int, int, int], ...]
    background: str
    left: bool
    top: float
    seed: int


@dataclass(frozen=True)
class Alike:
    """A clip to make: what is shown in it one after the other, what is to be found, and how it is drawn."""

    kind: str
    shown: tuple[Shown, ...]
    right: tuple[Shown, ...]
    drawing: Drawing


def captions(env: Environment) -> Result:
    """Return the fraction of clips that are right, and the cost of reading one frame per second relative to ours.

    Raises
    ------
    ModelError
        The profile's OCR model is not in the store.
    """
    model = env.store.resolve(env.profile, {}, needed=["ocr"])["ocr"]
    clips = [alike(seed) for seed in range(QUICK_CLIPS if env.quick else CLIPS)]
    paths = [make(env.scratch / f"{number}.mp4", clip) for number, clip in enumerate(clips)]
    items = [item_of(path) for path in paths]
    with (
        closing(OcrStage(Context(Settings(), {"ocr": model}, env.device))) as stage,
        closing(load_engine(model, OcrSettings(max_side=ANY_SIDE), env.device)) as engine,
    ):
        ways: dict[str, Callable[[], Any]] = {
            OURS: partial(gated, stage, items[:TIMED]),
            SECOND: partial(second_by_second, engine, paths[:TIMED]),
        }
        found = interleaved(ways, rounds=env.rounds)
        records = gated(stage, items)
    costs = {name: way.cost for name, way in found.items()}
    wrong = [clip for clip, record in zip(clips, records, strict=True) if mistakes(clip, record)]
    checks = (
        Check("share of clips with the right texts and times", 1 - len(wrong) / len(clips), RIGHT_BAR),
        Check("CPU time, 1 fps / ours", costs[SECOND].cpu / costs[OURS].cpu, COST_BAR),
    )
    facts = {
        "model": model.id,
        "clips": len(clips),
        "clips_timed": len(paths[:TIMED]),
        "captions": sum(len(clip.right) for clip in clips),
        "wrong_of_each_kind": {kind: sum(clip.kind == kind for clip in wrong) for kind in KINDS},
    }
    return Result("captions", costs, checks, facts)


def mistakes(clip: Alike, record: ScreenText) -> list[str]:
    """Return what is wrong in a record: each caption that is missing or off in time, each text that was not shown."""
    left = list(record.tracks)
    found = []
    for caption in clip.right:
        same = [track for track in left if plain(track.text) == plain(caption.text)]
        if not same:
            found.append(f"missing: {caption}")
            continue
        track = min(same, key=lambda t: abs(t.start - caption.start))
        left.remove(track)
        if max(abs(track.start - caption.start), abs(track.end - caption.end)) > NEAR:
            found.append(f"off: {caption} is {track.start:.2f}-{track.end:.2f}")
    return found + [f"not shown: {track.text!r} {track.start:.2f}-{track.end:.2f}" for track in left]


# --- what is shown ----------------------------------------------------------------------------------------------------


def alike(seed: int) -> Alike:
    """Return a clip of captions nearly alike; the same seed gives the same clip."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    texts = list(_texts(kind, rng))
    times = [rng.choice((0.0, 0.4))]
    for _ in texts:
        times.append(times[-1] + rng.uniform(0.8, 1.8))
    if kind == "list":
        lines = [Shown("\n".join(texts[: n + 1]), times[n], times[n + 1]) for n in range(len(texts))]
        right = (Shown(lines[-1].text, times[0], times[-1]),)
        return Alike(kind, tuple(lines), right, _drawing(rng, lines[-1].text))
    shown = tuple(Shown(text, times[n], times[n + 1]) for n, text in enumerate(texts))
    return Alike(kind, shown, shown, _drawing(rng, max(texts, key=len)))


def _texts(kind: str, rng: random.Random) -> Iterator[str]:
    if kind == "figures":
        first = rng.randint(1, 40)
        before = rng.choice(("Day", "Try number", "Step", "Rule", "Week"))
        yield from (f"{before} {first + n}{' of 90' if first % 2 else ''}" for n in range(3))
    elif kind == "prices":
        before, price = rng.choice(("only $", "Total: $", "now ")), rng.randint(12, 89)
        for _ in range(3):
            yield f"{before}{price}.99"
            price += rng.choice((1, 2, 10, 20))
    elif kind == "names":
        around = rng.choice(("this is {}", "thank you {}!", "for {} with love"))
        start = 2 * rng.randrange(len(NAMES) // 2)
        yield from (around.format(name) for name in NAMES[start : start + 2])
    elif kind == "negations":
        yes, no = rng.choice(NEGATIONS)
        yield from rng.choice(((yes, no), (no, yes), (yes, no, yes)))
    elif kind == "words":
        before, words = rng.choice(WORDS)
        yield from (f"{before} {word}" for word in rng.sample(words, 3))
    else:
        yield from (f"{n}. {item}" for n, item in enumerate(rng.sample(ITEMS, 3), 1))


def _drawing(rng: random.Random, longest: str) -> Drawing:
    size = rng.choice(SIZES)
    widest = max(len(line) for line in longest.split("\n"))
    letters = min(rng.randint(24, 40), int(size[0] * 1.25 / widest))
    colours = rng.choices(COLOURS, k=3) if rng.random() < 0.3 else [rng.choice(COLOURS)] * 3
    return Drawing(
        size=size,
        rate=rng.choice(RATES),
        font=rng.choice(FONTS),
        letters=max(18, letters),
        edge=rng.choice((1, 2, 3)),
        colours=tuple(colours),
        background=rng.choice(BACKGROUNDS),
        left=rng.random() < 0.5,
        top=rng.uniform(0.1, 0.55),
        seed=rng.randrange(1 << 30),
    )


# --- pictures ---------------------------------------------------------------------------------------------------------


def make(path: Path, clip: Alike) -> Path:
    """Draw a clip and write it as H.264 in MP4."""
    import av

    drawing = clip.drawing
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=drawing.rate, options={"preset": "veryfast", "crf": "25"})
        (stream.width, stream.height), stream.pix_fmt = drawing.size, "yuv420p"
        for picture in _pictures(clip):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _pictures(clip: Alike) -> Iterator[Picture]:
    texture = _texture(clip.drawing)
    last = max(caption.end for caption in clip.shown) + 0.4
    for number in range(round(last * clip.drawing.rate)):
        time = number / clip.drawing.rate
        picture = _background(clip.drawing, texture, time)
        for index, caption in enumerate(clip.shown):
            if caption.start <= time < caption.end:
                picture = _lettered(clip, picture, caption.text, index)
        yield picture


def _texture(drawing: Drawing) -> Picture:
    import cv2

    rng = np.random.default_rng(drawing.seed)
    width, height = drawing.size
    size = (2 * width, 2 * height)
    coarse, fine = (
        cv2.resize(rng.integers(0, 256, (rows, rows, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
        for rows in (10, 90)
    )
    texture: Picture = np.clip(0.45 * coarse + 0.2 * fine + rng.integers(0, 50, 3), 0, 255).astype(np.uint8)
    return texture


def _background(drawing: Drawing, texture: Picture, time: float) -> Picture:
    width, height = drawing.size
    if drawing.background == "plain":
        return np.full((height, width, 3), texture[0, 0] // 2, np.uint8)
    speed = {"still": 0, "moving": 60, "drifting": 15}[drawing.background]
    x = int(speed * time) % width
    return texture[:height, x : x + width].copy()


def _lettered(clip: Alike, picture: Picture, text: str, index: int) -> Picture:
    from PIL import Image, ImageDraw, ImageFont

    drawing = clip.drawing
    try:
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont = ImageFont.truetype(drawing.font, drawing.letters)
    except OSError:  # not installed
        font = ImageFont.load_default(drawing.letters)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    width, height = drawing.size
    x = 0.05 * width if drawing.left or clip.kind == "list" else (width - draw.textlength(text, font=font)) / 2
    colour = drawing.colours[0 if clip.kind == "list" else index % len(drawing.colours)]
    draw.multiline_text(
        (x, drawing.top * height), text, font=font, fill=colour, stroke_width=drawing.edge, stroke_fill="black"
    )
    return np.asarray(image)
