"""A small animated world: scenes as data, drawn as pictures and described in words.

The demo clips are set in it, and a toy image model can be trained on it: `sample` makes random scenes, `draw` their
pictures and `describe` sentences about them. Equal scenes give equal pictures.

    python scripts/demo_assets/drawn_world.py sheet.png        draws a sheet of samples
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from drawn_pen import COLORS, INK, Pen
from drawn_places import PLACES
from drawn_things import HAIRS, MOODS, POSES, SKINS, THINGS, draw_person
from PIL import Image, ImageChops, ImageDraw

Waypoints = tuple[tuple[float, float, float], ...]

OVERSAMPLING = 2
MARGIN = (
    0.14  # by how much the picture of a place exceeds the frame on each side, in widths, so that the camera can move
)
LIGHTS = {"day": (1.0, 1.0, 1.0), "evening": (1.0, 0.92, 0.82), "night": (0.66, 0.72, 0.92)}
CAMERAS = ("still", "handheld", "pan", "push", "pull")
STANDING = frozenset({"box", "bench", "sofa", "tree", "skateboard"})
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Thing:
    """One or more equal things in a row.

    `at` is the centre in fractions of the frame, `size` the size in widths of the frame. With a `path` of (time, x, y)
    the thing moves through these points. `motion` is one of still, bob, sway, spin and drift; `appears` is the time at
    which it pops up, in seconds.
    """

    kind: str
    color: str
    at: tuple[float, float] = (0.5, 0.5)
    size: float = 0.2
    count: int = 1
    motion: str = "still"
    angle: float = 0.0
    appears: float = 0.0
    path: Waypoints = ()


@dataclass(frozen=True)
class Person:
    """A person who stands at `at`, in fractions of the frame, and is `height` tall, in widths of the frame."""

    shirt: str
    at: tuple[float, float] = (0.5, 0.85)
    height: float = 0.8
    pose: str = "standing"
    mood: str = "calm"
    hair: str = "brown"
    long_hair: bool = False
    skin: int = 0
    trousers: str = "black"
    mirrored: bool = False
    path: Waypoints = ()


@dataclass(frozen=True)
class Scene:
    """A place with things and people in it, drawn in the order of `content`."""

    place: str
    content: tuple[Thing | Person, ...] = ()
    light: str = "day"
    camera: str = "handheld"
    seed: int = 0


@dataclass(frozen=True)
class _View:
    """View of the camera: its centre in widths of the frame, and the zoom."""

    x: float
    y: float
    zoom: float


def draw(scene: Scene, time: float, width: int, height: int) -> np.ndarray:
    """Return the picture of a scene at a time.

    Parameters
    ----------
    scene : Scene
        The scene.
    time : float
        Seconds since its start.
    width, height : int
        Size of the picture, in pixels.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        RGB.
    """
    wide, tall = width * OVERSAMPLING, height * OVERSAMPLING
    ratio = height / width
    view = _view(scene.camera, time, ratio)
    place = _place_picture(scene.place, scene.seed, wide, tall)
    step = 1 / view.zoom
    left = (view.x + MARGIN) * wide - wide / 2 * step
    top = (view.y + MARGIN) * wide - tall / 2 * step
    picture = place.transform((wide, tall), Image.Transform.AFFINE, (step, 0, left, 0, step, top),
                              Image.Resampling.BILINEAR)  # fmt: skip
    pen = Pen(ImageDraw.Draw(picture, "RGBA"), wide / 2 - view.x * wide * view.zoom,
              tall / 2 - view.y * wide * view.zoom, wide * view.zoom)  # fmt: skip
    for item in scene.content:
        if isinstance(item, Person):
            _put_person(pen, item, time, ratio)
        else:
            _put_thing(pen, item, time, ratio)
    picture = picture.reduce(OVERSAMPLING)
    table = [min(255, round(value * part)) for part in LIGHTS[scene.light] for value in range(256)]
    return np.asarray(ImageChops.multiply(picture.point(table), _vignette(width, height)))


def describe(scene: Scene) -> str:
    """Return one English phrase on what a scene shows."""
    parts = [_tell_person(p) for p in scene.content if isinstance(p, Person)]
    counts: Counter[tuple[str, str]] = Counter()
    for thing in scene.content:
        if isinstance(thing, Thing):
            counts[thing.kind, thing.color] += thing.count
    parts += [_tell_things(kind, color, count) for (kind, color), count in counts.items()]
    told = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts) or "nothing"
    return told if scene.place == "plain" else f"{told} in a {scene.place}"


def sample(seed: int, *, people: float = 0.4) -> Scene:
    """Return a random scene: one or two kinds of things, and with probability `people` a person."""
    dice = random.Random(seed)
    place = dice.choice(["plain", *PLACES])
    content: list[Thing | Person] = []
    rows = dice.sample((0.2, 0.42, 0.64), k=dice.choice((1, 1, 2)))
    for y, kind in zip(rows, dice.sample(sorted(THINGS), k=len(rows)), strict=True):
        count = dice.choice((1, 1, 2, 3, 4))
        x = 0.5 if count > 2 else dice.uniform(0.3, 0.7)
        content.append(
            Thing(kind, dice.choice(sorted(COLORS)), (x, y), dice.uniform(0.2, 0.3) if count > 2 else 0.3, count)
        )
    if dice.random() < people:
        content.append(
            Person(
                dice.choice(sorted(COLORS)), (dice.uniform(0.3, 0.7), dice.uniform(0.86, 0.96)), dice.uniform(0.5, 0.8),
                dice.choice(sorted(POSES)), dice.choice(MOODS), dice.choice(sorted(HAIRS)), dice.random() < 0.5,
                dice.randrange(len(SKINS)), dice.choice(("black", "blue", "brown", "grey")), dice.random() < 0.5,
            )
        )  # fmt: skip
    return Scene(place, tuple(content), dice.choice(sorted(LIGHTS)), dice.choice(CAMERAS), seed)


def _tell_person(person: Person) -> str:
    return f"a {person.mood} person in a {person.shirt} shirt {person.pose}"


def _tell_things(kind: str, color: str, count: int) -> str:
    plural = {"dress": "dresses", "box": "boxes", "bench": "benches"}.get(kind, f"{kind}s")
    return f"{NUMBERS[count]} {color} {kind if count == 1 else plural}"


def _view(camera: str, time: float, ratio: float) -> _View:
    x, y, zoom = 0.5, 0.5 * ratio, 1.0
    if camera == "pan":
        x += 0.1 * math.sin(0.45 * time - 0.8)
    elif camera == "push":
        zoom = 1.0 + 0.16 * (1 - math.exp(-time / 3))
    elif camera == "pull":
        zoom = 1.0 + 0.16 * math.exp(-time / 2)
    elif camera == "handheld":
        zoom = 1.03
        x, y = x + 0.009 * math.sin(1.9 * time), y + 0.009 * math.sin(1.3 * time + 1)
    return _View(x, y, zoom)


@lru_cache(maxsize=128)  # every place in sixteen variants, which is what random scenes use
def _place_picture(place: str, seed: int, wide: int, tall: int) -> Image.Image:
    margin = round(MARGIN * wide)
    picture = Image.new("RGB", (wide + 2 * margin, tall + 2 * margin))
    pen = Pen(ImageDraw.Draw(picture, "RGBA"), margin, margin, wide)
    PLACES[place](pen, tall / wide, random.Random(seed))
    return picture


@lru_cache(maxsize=4)
def _vignette(width: int, height: int) -> Image.Image:
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    mask = 255 * (1 - 0.16 * np.clip((x**2 + y**2) / 2, 0, 1) ** 1.5)
    return Image.fromarray(mask.round().astype(np.uint8)).convert("RGB")


def _put_thing(pen: Pen, thing: Thing, time: float, ratio: float) -> None:
    since = time - thing.appears
    if since < 0:
        return
    pop = 1.0 if thing.appears == 0 else 1 - math.exp(-9 * since) * math.cos(14 * since)
    x, y = _along(thing.path, time) if thing.path else thing.at
    spacing = thing.size * 1.12
    for i in range(thing.count):
        dx = (i - (thing.count - 1) / 2) * spacing
        dy, angle = 0.0, thing.angle
        if thing.motion == "bob":
            dy = 0.02 * math.sin(2.6 * time + i)
        elif thing.motion == "sway":
            angle += 6 * math.sin(2.1 * time + 0.7 * i)
        elif thing.motion == "spin":
            angle += 300 * time
        elif thing.motion == "drift":
            dx += 0.035 * time
        at = pen.moved(x + dx, y * ratio + dy, thing.size * pop, angle)
        if thing.kind in STANDING:
            at.oval(0, 0.44 if thing.kind != "skateboard" else 0.2, 0.5, 0.06, INK, 0.16)
        THINGS[thing.kind](at, COLORS[thing.color])


def _put_person(pen: Pen, person: Person, time: float, ratio: float) -> None:
    x, y = _along(person.path, time) if person.path else person.at
    at = pen.moved(x, y * ratio, person.height)
    if not person.path:
        at.oval(0, 0.01, 0.2, 0.03, INK, 0.2)
    if person.mirrored:
        at = Pen(at.draw, at.x, at.y, at.unit, at.angle, mirrored=True)
    draw_person(
        at, COLORS[person.shirt], trousers=COLORS[person.trousers], skin=SKINS[person.skin], hair=HAIRS[person.hair],
        long_hair=person.long_hair, pose=person.pose, mood=person.mood, time=time,
    )  # fmt: skip


def _along(path: Waypoints, time: float) -> tuple[float, float]:
    """Return the position on a path: linear in x, smoothed in y to rest at every waypoint, as jumps do."""
    if time <= path[0][0]:
        return path[0][1:]
    for (t0, x0, y0), (t1, x1, y1) in pairwise(path):
        if time < t1:
            share = (time - t0) / (t1 - t0)
            smooth = share * share * (3 - 2 * share)
            return x0 + (x1 - x0) * share, y0 + (y1 - y0) * smooth
    return path[-1][1:]


def main(target: Path) -> None:
    """Draw a sheet of samples."""
    sheet = Image.new("RGB", (6 * 180, 3 * 320))
    for i in range(18):
        tile = Image.fromarray(draw(sample(i), 1.0, 180, 320))
        sheet.paste(tile, (i % 6 * 180, i // 6 * 320))
    sheet.save(target)
    for i in range(18):
        print(describe(sample(i)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
