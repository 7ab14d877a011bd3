"""Things and people of the drawn world. A thing is a function that draws it around (0, 0), about one unit large."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from drawn_pen import COLORS, INK, Color, Pen, Point, arc, curve, shade

Drawing = Callable[[Pen, Color], None]
THINGS: dict[str, Drawing] = {}
SHAPES = ("circle", "square", "triangle", "star", "heart")


def _thing(name: str) -> Callable[[Drawing], Drawing]:
    def register(drawing: Drawing) -> Drawing:
        THINGS[name] = drawing
        return drawing

    return register


@_thing("circle")
def _circle(pen: Pen, color: Color) -> None:
    pen.disc(0, 0, 0.5, color)


@_thing("square")
def _square(pen: Pen, color: Color) -> None:
    pen.box(0, 0, 0.9, 0.9, color, 0.04)


@_thing("triangle")
def _triangle(pen: Pen, color: Color) -> None:
    pen.polygon([(0, -0.5), (0.52, 0.42), (-0.52, 0.42)], color)


@_thing("star")
def _star(pen: Pen, color: Color) -> None:
    radii = (0.52, 0.22)
    angles = [math.radians(36 * i - 90) for i in range(10)]
    pen.polygon([(radii[i % 2] * math.cos(a), radii[i % 2] * math.sin(a)) for i, a in enumerate(angles)], color)


@_thing("heart")
def _heart(pen: Pen, color: Color) -> None:
    right = curve((0, -0.2), (0.12, -0.56), (0.62, -0.5), (0.5, -0.02), (0.36, 0.2), (0, 0.48), steps=24)
    pen.polygon(right + [(-x, y) for x, y in reversed(right)], color)


@_thing("jacket")
def _jacket(pen: Pen, color: Color) -> None:
    dark, light = shade(color, -0.22), shade(color, 0.2)
    for side in (-1, 1):
        pen.line([(side * 0.27, -0.36), (side * 0.41, 0.0), (side * 0.43, 0.3)], 0.17, dark)
        pen.box(side * 0.43, 0.32, 0.18, 0.08, shade(color, -0.4), 0.03)
    pen.polygon([(-0.33, -0.44), (0.33, -0.44), (0.31, 0.46), (-0.31, 0.46)], color)
    pen.polygon([(-0.15, -0.46), (0.15, -0.46), (0, -0.1)], COLORS["white"])
    for side in (-1, 1):
        pen.polygon([(side * 0.15, -0.48), (side * 0.24, -0.44), (side * 0.14, -0.12), (0, -0.1)], light)
        pen.box(side * 0.18, 0.24, 0.16, 0.04, dark, 0.02)
        pen.box(side * 0.18, -0.02, 0.13, 0.13, light, 0.02)
    pen.line([(0, -0.1), (0, 0.45)], 0.025, dark)
    for y in (0.04, 0.18, 0.32):
        pen.disc(0.05, y, 0.022, COLORS["yellow"])


@_thing("dress")
def _dress(pen: Pen, color: Color) -> None:
    dark = shade(color, -0.2)
    for side in (-1, 1):
        pen.line([(side * 0.13, -0.48), (side * 0.15, -0.3)], 0.05, color)
    skirt = curve((0.13, -0.02), (0.2, 0.2), (0.42, 0.48), steps=10)
    hem = curve((0.42, 0.48), (0.2, 0.56), (0, 0.48), (-0.2, 0.56), (-0.42, 0.48), steps=16)
    pen.polygon([*skirt, *hem, *[(-x, y) for x, y in reversed(skirt)]], color)
    pen.polygon([(-0.2, -0.36), (0, -0.28), (0.2, -0.36), (0.14, 0.0), (-0.14, 0.0)], color)
    pen.box(0, -0.02, 0.29, 0.07, dark, 0.03)
    for x, end in ((-0.07, -0.16), (0.03, 0.05), (0.1, 0.24)):
        pen.line([(x, 0.08), (end, 0.44)], 0.018, dark)


@_thing("shirt")
def _shirt(pen: Pen, color: Color) -> None:
    for side in (-1, 1):
        pen.line([(side * 0.24, -0.3), (side * 0.42, -0.1)], 0.2, shade(color, -0.15))
    pen.polygon([(-0.3, -0.4), (0.3, -0.4), (0.28, 0.45), (-0.28, 0.45)], color)
    pen.polygon(arc(0, -0.4, 0.14, 0.12, 0, 180), shade(color, -0.35))


@_thing("hat")
def _hat(pen: Pen, color: Color) -> None:
    pen.oval(0, 0.2, 0.52, 0.12, shade(color, -0.15))
    pen.polygon([*curve((-0.3, 0.18), (-0.3, -0.4), (0, -0.28), (0.3, -0.4), (0.3, 0.18)), (0, 0.24)], color)
    pen.polygon([(-0.3, 0.1), (0.3, 0.1), (0.3, 0.2), (-0.3, 0.2)], shade(color, -0.4))


@_thing("coin")
def _coin(pen: Pen, color: Color) -> None:
    pen.disc(0.03, 0.04, 0.48, shade(color, -0.35))
    pen.disc(0, 0, 0.48, color)
    pen.disc(0, 0, 0.36, shade(color, -0.14))
    _star(pen.moved(0, 0.01, 0.5), shade(color, 0.55))


@_thing("box")
def _box(pen: Pen, color: Color) -> None:
    pen.box(0, 0.04, 0.92, 0.76, color, 0.02)
    pen.box(0, -0.28, 0.98, 0.2, shade(color, 0.16), 0.02)
    pen.box(0, 0.04, 0.16, 0.76, shade(color, 0.35))
    pen.box(0.27, 0.26, 0.2, 0.14, shade(color, -0.3), 0.02)


@_thing("skateboard")
def _skateboard(pen: Pen, color: Color) -> None:
    deck = curve((-0.5, -0.12), (-0.42, 0.04), (-0.3, 0.0)) + curve((0.3, 0.0), (0.42, 0.04), (0.5, -0.12))
    for side in (-1, 1):
        pen.disc(side * 0.27, 0.13, 0.1, shade(color, -0.1))
        pen.disc(side * 0.27, 0.13, 0.04, COLORS["white"])
    pen.line(deck, 0.15, color)
    pen.line([(x, y - 0.075) for x, y in deck], 0.02, INK)


@_thing("plank")
def _plank(pen: Pen, color: Color) -> None:
    pen.box(0, 0, 1.0, 0.14, color, 0.04)
    pen.box(0, 0.05, 1.0, 0.04, shade(color, -0.25), 0.02)


@_thing("table")
def _table(pen: Pen, color: Color) -> None:
    for side in (-1, 1):
        pen.box(side * 0.38, 0.12, 0.09, 0.5, shade(color, -0.2), 0.02)
    pen.box(0, -0.14, 1.0, 0.13, color, 0.03)


@_thing("bench")
def _bench(pen: Pen, color: Color) -> None:
    for side in (-1, 1):
        pen.line([(side * 0.42, -0.3), (side * 0.42, 0.1), (side * 0.44, 0.34)], 0.035, INK)
    for y in (-0.29, -0.17, -0.05):
        pen.box(0, y, 1.0, 0.1, shade(color, 0.06), 0.02)
    pen.box(0, 0.09, 1.06, 0.11, shade(color, -0.18), 0.03)


@_thing("sofa")
def _sofa(pen: Pen, color: Color) -> None:
    for side in (-1, 1):
        pen.box(side * 0.4, 0.36, 0.06, 0.1, COLORS["brown"])
    pen.box(0, -0.1, 0.94, 0.5, shade(color, -0.12), 0.1)
    for side in (-1, 1):
        pen.box(side * 0.215, -0.08, 0.42, 0.4, color, 0.07)
    pen.box(0, 0.2, 0.9, 0.24, shade(color, 0.1), 0.06)
    for side in (-1, 1):
        pen.box(side * 0.46, 0.12, 0.18, 0.42, shade(color, -0.22), 0.08)


@_thing("tree")
def _tree(pen: Pen, color: Color) -> None:
    pen.polygon([(-0.06, 0.1), (0.06, 0.1), (0.08, 0.5), (-0.08, 0.5)], COLORS["brown"])
    for x, y, radius, tone in ((-0.2, 0.0, 0.22, -0.2), (0.2, 0.0, 0.22, -0.1), (0, -0.2, 0.3, 0.0)):
        pen.disc(x, y, radius, shade(color, tone))
    pen.disc(-0.06, -0.28, 0.14, shade(color, 0.12))


@_thing("balloon")
def _balloon(pen: Pen, color: Color) -> None:
    pen.line(curve((0, 0.24), (0.1, 0.36), (-0.08, 0.5), (0.02, 0.7)), 0.015, INK)
    pen.oval(0, -0.12, 0.3, 0.36, color)
    pen.polygon([(-0.05, 0.28), (0.05, 0.28), (0, 0.22)], shade(color, -0.2))
    pen.oval(-0.11, -0.26, 0.05, 0.09, shade(color, 0.5))


@_thing("cloud")
def _cloud(pen: Pen, color: Color) -> None:
    for x, y, radius in ((-0.28, 0.06, 0.16), (0.3, 0.08, 0.14), (-0.06, -0.06, 0.24), (0.15, 0.0, 0.18)):
        pen.disc(x, y, radius, color)
    pen.box(0, 0.14, 0.72, 0.18, color, 0.09)


@_thing("phone")
def _phone(pen: Pen, color: Color) -> None:
    pen.box(0, 0, 0.52, 1.0, INK, 0.08)
    pen.box(0, 0, 0.46, 0.86, color, 0.03)
    pen.box(0, -0.47, 0.12, 0.03, COLORS["grey"], 0.015)


@_thing("gamepad")
def _gamepad(pen: Pen, color: Color) -> None:
    for side in (-1, 1):
        pen.oval(side * 0.3, 0.08, 0.2, 0.25, color)
    pen.box(0, -0.03, 0.7, 0.3, color, 0.12)
    pen.line([(-0.34, -0.03), (-0.16, -0.03)], 0.06, INK)
    pen.line([(-0.25, -0.12), (-0.25, 0.06)], 0.06, INK)
    for x, y, tone in ((0.2, 0.03, "red"), (0.32, -0.08, "yellow"), (0.32, 0.1, "green")):
        pen.disc(x, y, 0.045, COLORS[tone])


@_thing("cup")
def _cup(pen: Pen, color: Color) -> None:
    pen.line(arc(0.3, 0.02, 0.17, 0.17, -90, 90), 0.07, color)
    pen.polygon([(-0.34, -0.3), (0.34, -0.3), (0.28, 0.4), (-0.28, 0.4)], color)
    pen.oval(0, -0.3, 0.34, 0.07, shade(color, -0.4))


# --- people ---------------------------------------------------------------------------------------------------------

SKINS: tuple[Color, ...] = ((250, 213, 180), (224, 172, 125), (172, 115, 74), (110, 72, 50))
HAIRS: dict[str, Color] = {
    "black": (40, 34, 40),
    "brown": (98, 62, 42),
    "blond": (232, 186, 96),
    "red": (190, 84, 44),
    "grey": (170, 170, 176),
}
MOODS = ("smiling", "sad", "calm", "surprised")


@dataclass(frozen=True)
class _Pose:
    """Positions of hips, hands and feet: heights of the person, from the point between the feet; y points down."""

    hip: Point = (0.0, -0.43)
    shoulder: Point = (0.0, -0.71)
    hands: tuple[Point, Point] = ((-0.19, -0.4), (0.19, -0.4))
    feet: tuple[Point, Point] = ((-0.08, 0.0), (0.08, 0.0))
    knees: tuple[float, float] = (-1, 1)
    elbows: tuple[float, float] = (1, -1)


POSES: dict[str, Callable[[float], _Pose]] = {
    "standing": lambda t: _Pose(shoulder=(0.0, -0.71 + 0.004 * math.sin(2 * t))),
    "waving": lambda t: _Pose(hands=((-0.19, -0.4), (0.25 + 0.06 * math.sin(9 * t), -0.98)), elbows=(1, 1)),
    "cheering": lambda t: _Pose(
        hands=((-0.25, -1.02 - 0.03 * math.sin(11 * t)), (0.25, -1.02 + 0.03 * math.sin(11 * t))), elbows=(-1, 1)
    ),
    "pointing": lambda t: _Pose(hands=((-0.19, -0.4), (0.36, -0.72 + 0.012 * math.sin(5 * t))), elbows=(1, -1)),
    "laughing": lambda t: _Pose(
        shoulder=(0.0, -0.71 + 0.012 * math.sin(14 * t)), hands=((-0.06, -0.5), (0.33, -0.8)), elbows=(1, -1)
    ),
    "walking": lambda t: _Pose(
        hands=((-0.14 + 0.09 * math.sin(6 * t), -0.42), (0.14 + 0.09 * math.sin(6 * t), -0.42)),
        feet=((-0.12 * math.sin(6 * t), -0.04 * max(0, math.cos(6 * t))),
              (0.12 * math.sin(6 * t), -0.04 * max(0, -math.cos(6 * t)))),
        knees=(-1, -1),
    ),
    "climbing": lambda t: _Pose(
        hands=((-0.04, -0.5), (0.26, -0.5)), elbows=(1, -1), knees=(-1, -1),
        feet=((-0.05, -0.06 * (1 + math.sin(5 * t))), (0.1, -0.06 * (1 - math.sin(5 * t)))),
    ),
    "sitting": lambda t: _Pose(
        hip=(0.0, -0.26), shoulder=(0.0, -0.545 + 0.004 * math.sin(2 * t)), hands=((-0.11, -0.26), (0.11, -0.26)),
        feet=((-0.09, 0.02), (0.09, 0.02)),
    ),
    "riding": lambda t: _Pose(
        hip=(0.0, -0.36 + 0.01 * math.sin(5 * t)), shoulder=(0.05, -0.63 + 0.01 * math.sin(5 * t)),
        hands=((-0.26, -0.62 + 0.03 * math.sin(4 * t)), (0.36, -0.6 - 0.03 * math.sin(4 * t))),
        feet=((-0.16, 0.0), (0.16, 0.0)), knees=(-1, -1),
    ),
    "jumping": lambda t: _Pose(
        hip=(0.0, -0.33), shoulder=(0.04, -0.6), hands=((-0.28, -0.8), (0.34, -0.78)),
        feet=((-0.17, -0.08), (0.15, -0.1)), knees=(-1, -1), elbows=(-1, 1),
    ),
    "falling": lambda t: _Pose(
        hip=(-0.02, -0.09), shoulder=(-0.13, -0.35 + 0.01 * math.sin(7 * t)), hands=((-0.34, -0.03), (0.06, -0.12)),
        feet=((0.36, -0.02), (0.33, -0.14)), knees=(-1, -1), elbows=(1, 1),
    ),
}  # fmt: skip


def draw_person(
    pen: Pen,
    shirt: Color,
    *,
    trousers: Color,
    skin: Color,
    hair: Color,
    long_hair: bool,
    pose: str,
    mood: str,
    time: float,
) -> None:
    """Draw a person one unit tall who stands at (0, 0).

    Parameters
    ----------
    pen : Pen
        The pen.
    shirt, trousers, skin, hair : Color
        Colours.
    long_hair : bool
        Whether the hair reaches the shoulders.
    pose : str
        One of `POSES`.
    mood : str
        One of `MOODS`.
    time : float
        Time for movements of the pose and for blinking, in seconds.
    """
    at = POSES[pose](time)
    dark = shade(shirt, -0.18)
    hips = [(at.hip[0] + dx, at.hip[1]) for dx in (-0.05, 0.05)]
    arms = [(at.shoulder[0] + dx, at.shoulder[1] + 0.035) for dx in (-0.105, 0.105)]
    head = (at.shoulder[0] + (at.shoulder[0] - at.hip[0]) * 0.3, at.shoulder[1] - 0.15)
    if long_hair:
        pen.box(head[0], head[1] + 0.06, 0.27, 0.3, hair, 0.11)
    _arm(pen, arms[0], at.hands[0], at.elbows[0], sleeve=dark, skin=skin)
    for hip, foot, bend in zip(hips, at.feet, at.knees, strict=True):
        ankle = (foot[0], foot[1] - 0.03)
        knee = _middle(hip, ankle, 0.2, bend)
        pen.line([hip, knee, ankle], 0.082, trousers)
        pen.line([(foot[0] - 0.015, foot[1] - 0.01), (foot[0] + 0.05 * (1 if bend < 0 else bend), foot[1] - 0.01)],
                 0.068, COLORS["white"])  # fmt: skip
    pen.line([at.shoulder, (head[0], head[1] + 0.05)], 0.07, shade(skin, -0.12))
    top = [(at.shoulder[0] + dx, at.shoulder[1] + 0.02) for dx in (-0.09, 0.09)]
    pen.line([*top, hips[1], hips[0], top[0]], 0.085, shirt)
    pen.polygon([*top, hips[1], hips[0]], shirt)
    _arm(pen, arms[1], at.hands[1], at.elbows[1], sleeve=dark, skin=skin)
    _head(pen.moved(*head), skin, hair, mood, time)


def _arm(pen: Pen, start: Point, end: Point, bend: float, *, sleeve: Color, skin: Color) -> None:
    middle = _middle(start, end, 0.17, bend)
    half = ((start[0] + 3 * middle[0]) / 4, (start[1] + 3 * middle[1]) / 4)
    pen.line([half, middle, end], 0.051, skin)
    pen.disc(*end, 0.034, skin)
    pen.line([start, half], 0.068, sleeve)


def _middle(start: Point, end: Point, length: float, bend: float) -> Point:
    """Return the joint of two bones of equal length between two points, on the side given by the sign of `bend`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    distance = math.hypot(dx, dy) or 1e-6
    height = math.sqrt(max(0.0, length**2 - (distance / 2) ** 2)) * bend
    return (start[0] + end[0]) / 2 + height * dy / distance, (start[1] + end[1]) / 2 - height * dx / distance


def _head(pen: Pen, skin: Color, hair: Color, mood: str, time: float) -> None:
    for side in (-1, 1):
        pen.disc(side * 0.118, 0.01, 0.026, shade(skin, -0.08))
    pen.oval(0, 0, 0.118, 0.13, skin)
    pen.polygon([*arc(0, -0.02, 0.126, 0.125, 176, 364), *curve((0.12, -0.02), (0.06, -0.075), (-0.04, -0.075),
                                                                  (-0.12, -0.01))], hair)  # fmt: skip
    blink = time % 2.9 < 0.12
    for side in (-1, 1):
        pen.oval(side * 0.045, 0.005, 0.014, 0.003 if blink else 0.019, INK)
        tilt, height = 0.012 * (mood == "sad"), 0.037 + 0.014 * (mood == "surprised")
        pen.line([(side * 0.028, -height - tilt), (side * 0.064, -height + tilt)], 0.009, shade(hair, -0.2))
        pen.disc(side * 0.07, 0.045, 0.02, COLORS["red"], 0.18)
    if mood == "smiling":
        pen.polygon(arc(0, 0.05, 0.046, 0.042, 0, 180), shade(COLORS["red"], -0.35))
        pen.polygon(arc(0, 0.05, 0.038, 0.012, 0, 180), COLORS["white"])
    elif mood == "sad":
        pen.line(arc(0, 0.092, 0.036, 0.026, 200, 340), 0.012, INK)
    elif mood == "surprised":
        pen.oval(0, 0.07, 0.02, 0.028, shade(COLORS["red"], -0.4))
    else:
        pen.line([(-0.028, 0.066), (0.028, 0.066)], 0.011, INK)
